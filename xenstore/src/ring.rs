//! Index arithmetic for a byte ring in a page shared with an untrusted peer.
//!
//! Pure, so that the code which owns the page only has to copy. It serves the xenstore rings
//! and the console rings alike. Indexes run freely and wrap; `prod - cons` is the fill level and
//! may never exceed the capacity. Both indexes are given as values: the peer's was read once
//! from the page, ours comes from private memory and is never read back.

use core::fmt;
use core::ops::Range;

/// Bytes of a ring: a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity(u32);

impl Capacity {
    /// Bytes of each ring in a xenstore page.
    pub const XENSTORE: Self = Self::new(xen_sys::XENSTORE_RING_SIZE);

    /// A capacity.
    ///
    /// # Panics
    /// When `bytes` is not a power of two; in constants, at compile time.
    #[must_use]
    pub const fn new(bytes: u32) -> Self {
        assert!(
            bytes.is_power_of_two(),
            "the capacity of a ring is a power of two"
        );
        Self(bytes)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

/// The indexes of a ring say that it holds more than it can: one side lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexError {
    /// Consumer index.
    pub cons: u32,
    /// Producer index.
    pub prod: u32,
    /// Bytes of the ring.
    pub capacity: u32,
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cons,
            prod,
            capacity,
        } = self;
        write!(
            f,
            "ring indexes cons {cons:#x}, prod {prod:#x} are more than {capacity} apart"
        )
    }
}

impl core::error::Error for IndexError {}

/// Where bytes lie in the ring's array: up to two runs, the second after the wrap. Either may be empty.
pub type Spans = [Range<usize>; 2];

/// The bytes that can be read.
///
/// # Errors
/// When the indexes are further apart than the capacity.
pub fn readable(cons: u32, prod: u32, capacity: Capacity) -> Result<Spans, IndexError> {
    let queued = queued(cons, prod, capacity)?;
    Ok(spans(cons, queued, capacity))
}

/// The room that can be written.
///
/// # Errors
/// When the indexes are further apart than the capacity.
pub fn writable(cons: u32, prod: u32, capacity: Capacity) -> Result<Spans, IndexError> {
    let queued = queued(cons, prod, capacity)?;
    Ok(spans(prod, capacity.0 - queued, capacity))
}

/// An index after `bytes` more bytes. `bytes` is at most a capacity, so it fits.
#[must_use]
pub fn advance(index: u32, bytes: usize) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "free-running: only the low 32 bits count"
    )]
    index.wrapping_add(bytes as u32)
}

fn queued(cons: u32, prod: u32, capacity: Capacity) -> Result<u32, IndexError> {
    let queued = prod.wrapping_sub(cons);
    if queued > capacity.0 {
        return Err(IndexError {
            cons,
            prod,
            capacity: capacity.0,
        });
    }
    Ok(queued)
}

/// `bytes` bytes from `index` on; `bytes` is at most the capacity.
fn spans(index: u32, bytes: u32, capacity: Capacity) -> Spans {
    let start = index & (capacity.0 - 1);
    let first = bytes.min(capacity.0 - start);
    let (start, first, rest) = (start as usize, first as usize, (bytes - first) as usize);
    [start..start + first, 0..rest]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const XS: Capacity = Capacity::XENSTORE;

    #[test]
    fn empty_full_and_wrapped() {
        assert_eq!(readable(7, 7, XS), Ok([7..7, 0..0]));
        assert_eq!(writable(7, 7, XS), Ok([7..1024, 0..7]));
        assert_eq!(readable(1000, 1030, XS), Ok([1000..1024, 0..6]));
        assert_eq!(writable(0, 1024, XS), Ok([0..0, 0..0]));
        assert_eq!(readable(u32::MAX - 1, 2, XS), Ok([1022..1024, 0..2]));
    }

    #[test]
    fn indexes_too_far_apart_are_refused() {
        let error = readable(0, 1025, XS).unwrap_err();
        assert_eq!(
            error,
            IndexError {
                cons: 0,
                prod: 1025,
                capacity: 1024
            }
        );
        assert!(writable(1, 0, XS).is_err());
    }

    proptest! {
        #[test]
        fn spans_stay_inside_and_share_the_ring(cons: u32, prod: u32, near in 0u32..2048, exact: bool) {
            let prod = if exact { cons.wrapping_add(near) } else { prod };
            match (readable(cons, prod, XS), writable(cons, prod, XS)) {
                (Ok(read), Ok(write)) => {
                    let bytes = |spans: &Spans| spans.iter().map(ExactSizeIterator::len).sum::<usize>();
                    prop_assert_eq!(bytes(&read) + bytes(&write), 1024);
                    prop_assert_eq!(advance(cons, bytes(&read)), prod);
                    prop_assert!(read.iter().chain(&write).all(|span| span.end <= 1024));
                }
                (Err(_), Err(_)) => prop_assert!(prod.wrapping_sub(cons) > 1024),
                (read, write) => prop_assert!(false, "{read:?} {write:?}"),
            }
        }
    }
}
