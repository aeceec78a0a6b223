//! Free-running ring indexes.
//!
//! They count bytes or slots modulo 2^32 and wrap in normal operation, so "less than" has no
//! meaning between two of them: the type has no `Ord`, and the only arithmetic is stepping
//! forward and asking for a distance.

use core::fmt;

/// A position in a ring, counted modulo 2^32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Index(u32);

impl Index {
    /// The index whose word in the shared page is `word`.
    #[must_use]
    pub const fn new(word: u32) -> Self {
        Self(word)
    }

    /// The word to store in the shared page.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The index `steps` further on.
    #[must_use]
    pub const fn plus(self, steps: u32) -> Self {
        Self(self.0.wrapping_add(steps))
    }

    /// How many steps lie between `earlier` and this index, going forward from `earlier`.
    ///
    /// Meaningful only if `earlier` is not ahead; a peer's index is checked by comparing the
    /// distance with the most it may be.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// The offset in an array of `len` elements, a power of two.
    #[must_use]
    pub const fn offset(self, len: u32) -> u32 {
        debug_assert!(len.is_power_of_two());
        self.0 & (len - 1)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_survive_the_wrap() {
        let before = Index::new(u32::MAX - 1);
        let after = before.plus(5);
        assert_eq!(after.get(), 3);
        assert_eq!(after.since(before), 5);
        assert_eq!(after.offset(4), 3);
    }
}
