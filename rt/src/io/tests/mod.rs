//! Tests of reading and writing, held against std's: the same steps on both, the same outcome.

mod buffered;
mod errors;
mod memory;
mod reading;

use proptest::prelude::*;

use super::{ErrorKind, Read, Result, Write};

/// What a call returned, in a form that both have.
pub(super) type Outcome<T> = core::result::Result<T, String>;

pub(super) fn ours<T>(result: Result<T>) -> Outcome<T> {
    result.map_err(|error| format!("{:?}", error.kind()))
}

pub(super) fn theirs<T>(result: std::io::Result<T>) -> Outcome<T> {
    result.map_err(|error| format!("{:?}", error.kind()))
}

/// What an [`Unkind`] reader or writer does at a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// Takes or gives that many bytes at most.
    Some(usize),
    /// Is interrupted.
    Interrupt,
    /// Would have to wait.
    Block,
}

pub(super) fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        8 => (1..40usize).prop_map(Turn::Some),
        1 => Just(Turn::Interrupt),
        1 => Just(Turn::Block),
    ];
    prop::collection::vec(turn, 0..30)
}

/// A reader and writer that gives and takes in small pieces and fails now and then; after its
/// turns it is kind.
#[derive(Clone, Debug)]
pub(super) struct Unkind {
    pub(super) bytes: Vec<u8>,
    read: usize,
    turns: std::vec::IntoIter<Turn>,
    pub(super) flushes: usize,
}

impl Unkind {
    pub(super) fn new(bytes: Vec<u8>, turns: Vec<Turn>) -> Unkind {
        Unkind {
            bytes,
            read: 0,
            turns: turns.into_iter(),
            flushes: 0,
        }
    }

    /// What was read of it.
    pub(super) fn taken(&self) -> &[u8] {
        &self.bytes[..self.read]
    }

    fn turn(&mut self, wanted: usize) -> core::result::Result<usize, bool> {
        match self.turns.next() {
            None => Ok(wanted),
            Some(Turn::Some(most)) => Ok(most.min(wanted)),
            Some(Turn::Interrupt) => Err(true),
            Some(Turn::Block) => Err(false),
        }
    }

    fn give(&mut self, bytes: &mut [u8]) -> core::result::Result<usize, bool> {
        let left = self.bytes.len() - self.read;
        let count = self.turn(bytes.len().min(left))?;
        bytes[..count].copy_from_slice(&self.bytes[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }

    fn take(&mut self, bytes: &[u8]) -> core::result::Result<usize, bool> {
        let count = self.turn(bytes.len())?;
        self.bytes.extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

fn our_error(interrupted: bool) -> super::Error {
    match interrupted {
        true => ErrorKind::Interrupted.into(),
        false => ErrorKind::WouldBlock.into(),
    }
}

fn their_error(interrupted: bool) -> std::io::Error {
    match interrupted {
        true => std::io::ErrorKind::Interrupted.into(),
        false => std::io::ErrorKind::WouldBlock.into(),
    }
}

impl Read for Unkind {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.give(bytes).map_err(our_error)
    }
}

impl std::io::Read for Unkind {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.give(bytes).map_err(their_error)
    }
}

impl Write for Unkind {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.take(bytes).map_err(our_error)
    }

    fn flush(&mut self) -> Result<()> {
        self.flushes += 1;
        Ok(())
    }
}

impl std::io::Write for Unkind {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.take(bytes).map_err(their_error)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.flushes += 1;
        Ok(())
    }
}

/// Bytes that are text at times, and have lines.
pub(super) fn texts() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        10 => Just(b'a'),
        3 => Just(b'\n'),
        1 => Just(b'\r'),
    ];
    let piece = prop_oneof![
        20 => byte.prop_map(|byte| vec![byte]),
        2 => Just("é".as_bytes().to_vec()),
        1 => Just(vec![0xff]),
    ];
    prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
}
