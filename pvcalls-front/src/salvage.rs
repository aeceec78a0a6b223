//! What came in and was not read when a ring had to go.

use alloc::vec::Vec;

use crate::errno::Errno;
use crate::ring::DataRing;

/// Bytes and the end that were saved from a ring before it was released.
#[derive(Debug, Default)]
pub(crate) struct Salvage {
    bytes: Vec<u8>,
    at: usize,
    pub(crate) end: Option<Errno>,
}

impl Salvage {
    /// Takes what there is.
    pub(crate) fn fill(&mut self, data: &mut DataRing) {
        self.end = data.input.end();
        let count = data.input.available() as usize;
        if self.bytes.try_reserve_exact(count).is_err() {
            log::warn!("no memory to save {count} received bytes; they are lost");
            return;
        }
        self.bytes.resize(count, 0);
        if data.input.read(&data.ring, &mut self.bytes).is_err() {
            self.bytes.clear();
        }
    }

    /// Bytes that are left, to be consumed by [`skip`](Self::skip).
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Consumes bytes; frees the memory with the last one.
    pub(crate) fn skip(&mut self, count: usize) {
        self.at += count;
        if self.rest().is_empty() {
            self.bytes = Vec::new();
            self.at = 0;
        }
    }
}
