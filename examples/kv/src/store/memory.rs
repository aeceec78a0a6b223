//! How much is used, and how much may be.

use super::Refused;

/// A limit, and what is used of it, in bytes.
#[derive(Debug)]
pub struct Memory {
    limit: usize,
    used: usize,
    most: usize,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Memory {
        Memory {
            limit,
            used: 0,
            most: 0,
        }
    }

    /// Takes `bytes`, if they are left.
    pub fn take(&mut self, bytes: usize) -> Result<(), Refused> {
        if bytes > self.limit - self.used {
            return Err(Refused::OutOfMemory);
        }
        self.used += bytes;
        self.most = self.most.max(self.used);
        Ok(())
    }

    /// Gives back what was taken.
    pub fn give_back(&mut self, bytes: usize) {
        // Below zero would be a mistake in this folder; the tests count.
        debug_assert!(bytes <= self.used, "{bytes} of {}", self.used);
        self.used = self.used.saturating_sub(bytes);
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The most that were ever in use.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Bytes that may be in use.
    pub fn limit(&self) -> usize {
        self.limit
    }
}
