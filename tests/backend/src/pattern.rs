//! Bytes that tell where they belong, and numbers that look random and are the same each time.

use alloc::vec::Vec;

/// `count` bytes of an endless pattern, from byte `start` on. The peer's programs know it too.
pub(crate) fn bytes(start: usize, count: usize) -> Vec<u8> {
    let byte = |index: usize| u8::try_from(index % 251).expect("below 251");
    (start..start + count).map(byte).collect()
}

/// A generator of numbers (xorshift64*).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.max(1))
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number of 32 bits.
    pub(crate) fn word(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).expect("32 bits are left")
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.word() % limit
    }
}
