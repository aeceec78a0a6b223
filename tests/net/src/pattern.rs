//! The bytes that are sent: like the output of `yes "connection N"`, so that dom0 can make
//! them too, and no two connections send the same.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::failure;
use rt::io::Result;

/// The bytes of one connection, without end.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    line: Vec<u8>,
    /// Bytes that were made or checked so far.
    position: usize,
}

impl Pattern {
    /// Those of connection `number`.
    pub(crate) fn new(number: usize) -> Pattern {
        Pattern::of_line(format!("connection {number}\n"))
    }

    /// The same line again and again.
    pub(crate) fn of_line(line: String) -> Pattern {
        Pattern {
            line: line.into_bytes(),
            position: 0,
        }
    }

    fn next_byte(&mut self) -> u8 {
        let byte = self.line[self.position % self.line.len()];
        self.position += 1;
        byte
    }

    /// Fills `bytes` with the next ones.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next_byte());
    }

    /// Fails if `bytes` are not the next ones.
    pub(crate) fn check(&mut self, bytes: &[u8]) -> Result<()> {
        for byte in bytes {
            let position = self.position;
            let expected = self.next_byte();
            if *byte != expected {
                return Err(failure(format!(
                    "byte {position} is {byte:#04x}, expected {expected:#04x}"
                )));
            }
        }
        Ok(())
    }
}
