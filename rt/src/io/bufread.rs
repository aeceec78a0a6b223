//! [`BufRead`]: readers with a buffer, and what that allows: lines.

use alloc::string::String;
use alloc::vec::Vec;

use super::read::utf8;
use super::{ErrorKind, Read, Result};

/// A reader that shows what it holds.
pub trait BufRead: Read {
    /// What is in the buffer, filled from the reader below if it is empty; nothing at the end.
    ///
    /// # Errors
    /// Those of the reader below.
    fn fill_buf(&mut self) -> Result<&[u8]>;

    /// Takes the first `count` bytes of what [`BufRead::fill_buf`] showed: they are read.
    fn consume(&mut self, count: usize);

    /// Appends everything up to and including `delimiter`, or to the end, and returns how much
    /// that was.
    ///
    /// # Errors
    /// Those of [`BufRead::fill_buf`] but [`ErrorKind::Interrupted`]; what was read before is
    /// appended. [`ErrorKind::OutOfMemory`].
    fn read_until(&mut self, delimiter: u8, bytes: &mut Vec<u8>) -> Result<usize> {
        pieces_until(self, delimiter, |piece| {
            bytes.try_reserve(piece.len())?;
            bytes.extend_from_slice(piece);
            Ok(())
        })
    }

    /// As [`BufRead::read_until`], without keeping the bytes.
    ///
    /// # Errors
    /// Those of [`BufRead::fill_buf`] but [`ErrorKind::Interrupted`].
    fn skip_until(&mut self, delimiter: u8) -> Result<usize> {
        pieces_until(self, delimiter, |_| Ok(()))
    }

    /// Appends a line with its line feed, or what there is before the end, and returns how much
    /// that was; 0 is the end.
    ///
    /// # Errors
    /// Those of [`BufRead::read_until`]; what was read before is appended if it is UTF-8 by
    /// itself. [`ErrorKind::InvalidData`] if it is not UTF-8; then nothing is appended.
    fn read_line(&mut self, line: &mut String) -> Result<usize> {
        let mut bytes = Vec::new();
        let result = self.read_until(b'\n', &mut bytes);
        let (more, result) = utf8(bytes, result);
        line.push_str(&more);
        result
    }

    /// The pieces between the delimiters, which are not part of them.
    fn split(self, delimiter: u8) -> Split<Self>
    where
        Self: Sized,
    {
        Split {
            inner: self,
            delimiter,
        }
    }

    /// The lines, without LF or CR LF.
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines { inner: self }
    }
}

/// Gives everything up to and including `delimiter` to `take`, piece by piece.
fn pieces_until<R: BufRead + ?Sized>(
    reader: &mut R,
    delimiter: u8,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<usize> {
    let mut total = 0;
    loop {
        let bytes = match reader.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let found = bytes.iter().position(|&byte| byte == delimiter);
        let count = found.map_or(bytes.len(), |position| position + 1);
        take(&bytes[..count])?;
        reader.consume(count);
        total += count;
        if found.is_some() || count == 0 {
            return Ok(total);
        }
    }
}

/// Iterator of [`BufRead::split`].
#[derive(Debug)]
pub struct Split<B> {
    inner: B,
    delimiter: u8,
}

impl<B: BufRead> Iterator for Split<B> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Result<Vec<u8>>> {
        let mut bytes = Vec::new();
        match self.inner.read_until(self.delimiter, &mut bytes) {
            Ok(0) => None,
            Ok(_) => {
                if bytes.last() == Some(&self.delimiter) {
                    bytes.pop();
                }
                Some(Ok(bytes))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Iterator of [`BufRead::lines`].
#[derive(Debug)]
pub struct Lines<B> {
    inner: B,
}

impl<B: BufRead> Iterator for Lines<B> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        let mut line = String::new();
        match self.inner.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                if line.ends_with('\n') {
                    line.pop();
                    if line.ends_with('\r') {
                        line.pop();
                    }
                }
                Some(Ok(line))
            }
            Err(error) => Some(Err(error)),
        }
    }
}
