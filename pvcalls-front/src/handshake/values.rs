//! Strict reading of what only PV Calls backends write. The rest is `xen-front`'s.

use xen_front::xenbus::{KeyError, decimal};

use crate::units::RingOrder;

/// The largest ring order that the backend takes. More than fits the list of grants in an
/// indexes page, 2^9, is no order that a backend can mean.
pub(super) fn max_page_order(key: &str, value: &[u8]) -> Result<RingOrder, KeyError> {
    decimal(value)
        .and_then(|order| u8::try_from(order).ok())
        .and_then(RingOrder::new)
        .ok_or_else(|| KeyError::value(key, value, "a number from 1 to 9"))
}

/// Checks that the backend does the calls of version 1, no more and no fewer.
pub(super) fn function_calls(key: &str, value: &[u8]) -> Result<(), KeyError> {
    match value {
        b"1" => Ok(()),
        _ => Err(KeyError::value(key, value, "1")),
    }
}
