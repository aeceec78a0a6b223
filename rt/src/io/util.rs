//! [`copy`], and the readers and writers that do nothing much: [`empty`], [`sink`], [`repeat`].

use alloc::vec;

use super::read::read_uninterrupted;
use super::{BufRead, DEFAULT_BUFFER_BYTES, IoSlice, Read, Result, Seek, SeekFrom, Write};

/// Writes everything that `reader` gives up to its end, and returns how many bytes that was.
///
/// # Errors
/// The first one of either.
pub fn copy<R: Read + ?Sized, W: Write + ?Sized>(reader: &mut R, writer: &mut W) -> Result<u64> {
    // Not on the stack: a thread's is small.
    let mut buffer = vec![0; DEFAULT_BUFFER_BYTES];
    let mut total = 0;
    loop {
        let count = read_uninterrupted(reader, &mut buffer)?;
        if count == 0 {
            return Ok(total);
        }
        writer.write_all(&buffer[..count])?;
        total += count as u64;
    }
}

/// Nothing to read, and swallows what is written: see [`empty`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Empty;

/// A reader at its end.
pub const fn empty() -> Empty {
    Empty
}

impl Read for Empty {
    fn read(&mut self, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }
}

impl BufRead for Empty {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        Ok(&[])
    }

    fn consume(&mut self, _: usize) {}
}

impl Seek for Empty {
    fn seek(&mut self, _: SeekFrom) -> Result<u64> {
        Ok(0)
    }
}

/// One byte for ever: see [`repeat`].
#[derive(Clone, Debug)]
pub struct Repeat(u8);

/// A reader that gives `byte` without end.
pub const fn repeat(byte: u8) -> Repeat {
    Repeat(byte)
}

impl Read for Repeat {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        bytes.fill(self.0);
        Ok(bytes.len())
    }
}

/// Swallows what is written: see [`sink`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Sink;

/// A writer that takes everything and keeps nothing.
pub const fn sink() -> Sink {
    Sink
}

macro_rules! swallow {
    ($($type:ty),*) => { $(
        impl Write for $type {
            fn write(&mut self, bytes: &[u8]) -> Result<usize> {
                Ok(bytes.len())
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
                Ok(bufs.iter().map(|buf| buf.len()).sum())
            }

            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }
    )* };
}

swallow!(Sink, &Sink, Empty, &Empty);
