//! Bytes that decide what a server answers.

use alloc::vec::Vec;

use super::super::server::Lie;
use crate::wire::{HEADER_LEN, Kind};

/// A source of answers: each byte of it decides about one.
#[derive(Clone, Debug)]
pub struct Noise {
    bytes: Vec<u8>,
    at: usize,
}

/// What is said instead of the truth.
#[derive(Debug)]
pub(in crate::test_utils) enum Instead {
    /// Nothing: the truth is told.
    Truth,
    /// A lie, if it can be told.
    Lie(Lie),
    /// The truth with one byte changed, or one of a lie's.
    Flip(u16, u8),
    /// These bytes after an honest header.
    Body(Vec<u8>),
}

impl Noise {
    /// Bytes; when they are used up, the server is honest.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            at: 0,
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    /// What comes next.
    pub(in crate::test_utils) fn decide(&mut self) -> Instead {
        match self.next() {
            None | Some(0..=127) => Instead::Truth,
            Some(128..=175) => {
                let which = usize::from(self.next().unwrap_or(0));
                Instead::Lie(Lie::ALL[which % Lie::ALL.len()])
            }
            Some(176..=223) => {
                let place = [self.next().unwrap_or(0), self.next().unwrap_or(0)];
                // Mostly near the start, where the numbers are.
                let place = u16::from_le_bytes(place);
                let place = if place & 0x100 == 0 {
                    place & 0x3f
                } else {
                    place
                };
                Instead::Flip(place, self.next().unwrap_or(1))
            }
            Some(224..) => {
                let len = usize::from(self.next().unwrap_or(0));
                Instead::Body((0..len).map_while(|_| self.next()).collect())
            }
        }
    }
}

/// A message that answers that kind of request and has this body.
pub(in crate::test_utils) fn with_body(kind: Kind, tag: [u8; 2], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(HEADER_LEN + body.len()).expect("small");
    let mut message = size.to_le_bytes().to_vec();
    message.push(kind.answer());
    message.extend(tag);
    message.extend(body);
    message
}
