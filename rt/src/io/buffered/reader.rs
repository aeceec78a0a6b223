//! [`BufReader`].

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::io::{BufRead, DEFAULT_BUFFER_BYTES, Read, Result, Seek, SeekFrom};

/// Reads from a reader in large pieces and gives small ones.
pub struct BufReader<R: ?Sized> {
    buffer: Box<[u8]>,
    /// What is read of the buffer, and what of it is filled.
    start: usize,
    end: usize,
    inner: R,
}

impl<R: Read> BufReader<R> {
    /// With a buffer of 8 KiB.
    pub fn new(inner: R) -> BufReader<R> {
        BufReader::with_capacity(DEFAULT_BUFFER_BYTES, inner)
    }

    /// With a buffer of that many bytes.
    pub fn with_capacity(capacity: usize, inner: R) -> BufReader<R> {
        BufReader {
            buffer: vec![0; capacity].into_boxed_slice(),
            start: 0,
            end: 0,
            inner,
        }
    }
}

impl<R> BufReader<R> {
    /// The reader below. What the buffer holds is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: ?Sized> BufReader<R> {
    /// The reader below.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The reader below. It is further on than what was read here.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// What was read ahead.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// How much the buffer can hold, in bytes.
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    fn discard(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}

impl<R: Seek + ?Sized> BufReader<R> {
    /// Moves from the present position; within the buffer, if it can be.
    pub fn seek_relative(&mut self, offset: i64) -> Result<()> {
        // At most the size of memory, so it fits.
        let target = self.start as i64 + offset;
        match usize::try_from(target) {
            Ok(target) if target <= self.end => {
                self.start = target;
                Ok(())
            }
            _ => self.seek(SeekFrom::Current(offset)).map(drop),
        }
    }
}

impl<R: Read + ?Sized> Read for BufReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        // What would fill the buffer need not go through it.
        if self.start == self.end && bytes.len() >= self.buffer.len() {
            self.discard();
            return self.inner.read(bytes);
        }
        let count = self.fill_buf()?.read(bytes)?;
        self.consume(count);
        Ok(count)
    }

    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
        let held = self.buffer().len();
        bytes.try_reserve(held)?;
        bytes.extend_from_slice(self.buffer());
        self.discard();
        Ok(held + self.inner.read_to_end(bytes)?)
    }
}

impl<R: Read + ?Sized> BufRead for BufReader<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.start == self.end {
            self.discard();
            // A reader that says more than it may have read is wrong, and seen here.
            self.end = self.inner.read(&mut self.buffer)?;
            assert!(self.end <= self.buffer.len(), "more read than asked for");
        }
        Ok(self.buffer())
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

/// Moves the reader below as if it were where this reader is, and forgets what was read ahead.
impl<R: Seek + ?Sized> Seek for BufReader<R> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        let ahead = self.buffer().len() as i64;
        let result = match position {
            SeekFrom::Current(offset) => match offset.checked_sub(ahead) {
                Some(offset) => self.inner.seek(SeekFrom::Current(offset))?,
                None => {
                    self.inner.seek(SeekFrom::Current(-ahead))?;
                    self.discard();
                    self.inner.seek(SeekFrom::Current(offset))?
                }
            },
            other => self.inner.seek(other)?,
        };
        self.discard();
        Ok(result)
    }

    fn stream_position(&mut self) -> Result<u64> {
        let ahead = self.buffer().len() as u64;
        let position = self.inner.stream_position()?;
        Ok(position.saturating_sub(ahead))
    }

    fn seek_relative(&mut self, offset: i64) -> Result<()> {
        BufReader::seek_relative(self, offset)
    }
}

impl<R: fmt::Debug + ?Sized> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffer = format_args!("{}/{}", self.end - self.start, self.buffer.len());
        f.debug_struct("BufReader")
            .field("reader", &&self.inner)
            .field("buffer", &buffer)
            .finish()
    }
}
