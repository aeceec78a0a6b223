//! Strict reading of what the toolstack and the backend wrote into xenstore.
//!
//! A value is any bytes, up to a few kilobytes. Only plain decimal digits count as a number: no
//! sign, no blank, no NUL.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::HandshakeError;
use crate::errno::Errno;
use crate::platform::{Store, XenbusState};
use crate::units::{DomainId, RingOrder};

/// Longest list of versions that is read.
const VERSIONS_MAX: usize = 128;
/// Longest path of a backend directory that is read.
const PATH_MAX: usize = 256;

/// The protocol version that this driver speaks.
pub(super) const VERSION: u32 = 1;

/// Reads a key that must be there.
pub(super) fn required<S: Store>(store: &mut S, key: &str) -> Result<Vec<u8>, HandshakeError> {
    store.read(key).map_err(|errno| match errno {
        Errno::ENOENT => HandshakeError::Missing {
            key: key.to_owned(),
        },
        errno => HandshakeError::Store {
            key: key.to_owned(),
            errno,
        },
    })
}

/// Reads a `state` key. An absent one is a state too; one that is no number is like one that
/// nobody knows.
pub(super) fn state<S: Store>(store: &mut S, key: &str) -> Result<XenbusState, HandshakeError> {
    match store.read(key) {
        Ok(value) => Ok(XenbusState::from_number(
            decimal(&value).unwrap_or(u32::MAX),
        )),
        Err(Errno::ENOENT) => Ok(XenbusState::Absent),
        Err(errno) => Err(HandshakeError::Store {
            key: key.to_owned(),
            errno,
        }),
    }
}

/// Checks that a list of versions, separated by commas, holds ours.
pub(super) fn versions(key: &str, value: &[u8]) -> Result<(), HandshakeError> {
    let bad = |expected| Err(HandshakeError::value(key, value, expected));
    if value.len() > VERSIONS_MAX {
        return bad("a short list of versions");
    }
    let mut ours = false;
    for version in value.split(|&byte| byte == b',') {
        match decimal(version) {
            Some(version) => ours |= version == VERSION,
            None => return bad("decimal versions, separated by commas"),
        }
    }
    if ours { Ok(()) } else { bad("a list with 1") }
}

/// The largest ring order that the backend takes. More than fits the list of grants in an
/// indexes page, 2^9, is no order that a backend can mean.
pub(super) fn max_page_order(key: &str, value: &[u8]) -> Result<RingOrder, HandshakeError> {
    decimal(value)
        .and_then(|order| u8::try_from(order).ok())
        .and_then(RingOrder::new)
        .ok_or_else(|| HandshakeError::value(key, value, "a number from 1 to 9"))
}

/// Checks that the backend does the calls of version 1, no more and no fewer.
pub(super) fn function_calls(key: &str, value: &[u8]) -> Result<(), HandshakeError> {
    match value {
        b"1" => Ok(()),
        _ => Err(HandshakeError::value(key, value, "1")),
    }
}

/// Whether the other side says that it knows a feature: only a plain 1 says so.
pub(super) fn feature<S: Store>(store: &mut S, key: &str) -> Result<bool, HandshakeError> {
    match store.read(key) {
        Ok(value) => Ok(value == b"1"),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(HandshakeError::Store {
            key: key.to_owned(),
            errno,
        }),
    }
}

/// The number of a domain that can exist.
pub(super) fn domain_id(key: &str, value: &[u8]) -> Result<DomainId, HandshakeError> {
    decimal(value)
        .and_then(|id| u16::try_from(id).ok())
        .filter(|&id| id < DomainId::FIRST_RESERVED)
        .map(DomainId)
        .ok_or_else(|| HandshakeError::value(key, value, "a domain id"))
}

/// An absolute path of characters that xenstore allows.
pub(super) fn path(key: &str, value: &[u8]) -> Result<String, HandshakeError> {
    let allowed = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-/_@".contains(&byte);
    let text = core::str::from_utf8(value).ok();
    text.filter(|_| value.len() <= PATH_MAX && value.iter().all(allowed))
        .filter(|path| path.len() > 1 && path.starts_with('/') && !path.ends_with('/'))
        .map(ToOwned::to_owned)
        .ok_or_else(|| HandshakeError::value(key, value, "an absolute xenstore path"))
}

/// A number of one to ten digits that fits.
fn decimal(value: &[u8]) -> Option<u32> {
    if value.is_empty() || value.len() > 10 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}
