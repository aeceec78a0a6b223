//! Puts requests together from the pieces in which a tool writes them.

use alloc::vec::Vec;

use super::{HEADER_BYTES, Header, PAYLOAD_MAX};

/// The message that is being written: never more than one.
#[derive(Debug, Default)]
pub(super) struct Gather {
    bytes: Vec<u8>,
}

impl Gather {
    /// Whether no message has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The header, once it is there.
    pub(super) fn header(&self) -> Option<Header> {
        let header = self.bytes.first_chunk::<HEADER_BYTES>()?;
        Some(Header::from_bytes(*header))
    }

    /// The payload so far.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or(&[])
    }

    /// Whether the message is complete.
    pub(super) fn is_whole(&self) -> bool {
        self.header()
            .is_some_and(|header| self.payload().len() == header.payload_bytes as usize)
    }

    /// Moves bytes of the message from the front of `bytes`. A header that announces too much is
    /// dropped; the error is how much.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Result<(), u32> {
        if self.header().is_none() {
            self.move_from(bytes, HEADER_BYTES);
        }
        if let Some(header) = self.header() {
            if header.payload_bytes as usize > PAYLOAD_MAX {
                self.clear();
                return Err(header.payload_bytes);
            }
            self.move_from(bytes, HEADER_BYTES + header.payload_bytes as usize);
        }
        Ok(())
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Moves bytes until there are `whole`.
    fn move_from(&mut self, bytes: &mut &[u8], whole: usize) {
        let count = whole.saturating_sub(self.bytes.len()).min(bytes.len());
        let (piece, rest) = bytes.split_at(count);
        self.bytes.extend_from_slice(piece);
        *bytes = rest;
    }
}
