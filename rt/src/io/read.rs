//! [`Read`] and its adapters.

use alloc::string::String;
use alloc::vec::Vec;

use super::{BufRead, Error, ErrorKind, IoSliceMut, Result};

/// The least that [`Read::read_to_end`] asks for at a time.
const LEAST_READ_BYTES: usize = 32;
/// The most it asks for before that much has come: who has more sends on.
const FIRST_READ_BYTES: usize = 8 * 1024;
/// The most it ever asks for at a time.
const MOST_READ_BYTES: usize = 1024 * 1024;

/// Gives bytes.
pub trait Read {
    /// Reads some bytes into `bytes` and returns how many; 0 is the end, if `bytes` is not
    /// empty.
    ///
    /// # Errors
    /// Whatever the reader's kind of error is; then no byte was taken.
    /// [`ErrorKind::Interrupted`] is no reason to give up.
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize>;

    /// As [`Read::read`], into several pieces. Unless the reader can do better, only the first
    /// one that is not empty is filled.
    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let first = bufs.iter_mut().find(|buf| !buf.is_empty());
        self.read(first.map_or(&mut [][..], |buf| &mut **buf))
    }

    /// Appends everything up to the end, and returns how much that was.
    ///
    /// # Errors
    /// Those of [`Read::read`] but [`ErrorKind::Interrupted`]; what was read before is appended.
    /// [`ErrorKind::OutOfMemory`].
    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
        read_to_end(self, bytes)
    }

    /// As [`Read::read_to_end`], for text.
    ///
    /// # Errors
    /// Those of [`Read::read_to_end`], and [`ErrorKind::InvalidData`] if it is not UTF-8; then
    /// nothing is appended.
    fn read_to_string(&mut self, text: &mut String) -> Result<usize> {
        if text.is_empty() {
            // In place: the text may be long, and is looked through only once.
            let mut bytes = core::mem::take(text).into_bytes();
            let result = self.read_to_end(&mut bytes);
            let (new, result) = utf8(bytes, result);
            *text = new;
            return result;
        }
        let mut bytes = Vec::new();
        let result = self.read_to_end(&mut bytes);
        let (more, result) = utf8(bytes, result);
        text.push_str(&more);
        result
    }

    /// Fills `bytes`.
    ///
    /// # Errors
    /// Those of [`Read::read`] but [`ErrorKind::Interrupted`], and [`ErrorKind::UnexpectedEof`].
    /// How much was read before is not told.
    fn read_exact(&mut self, mut bytes: &mut [u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.read(bytes) {
                Ok(0) => {
                    return Err(Error::text(
                        ErrorKind::UnexpectedEof,
                        "failed to fill whole buffer",
                    ));
                }
                Ok(count) => bytes = &mut bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The reader by reference, for adapters that take it by value.
    fn by_ref(&mut self) -> &mut Self
    where
        Self: Sized,
    {
        self
    }

    /// The bytes one by one. Slow without a buffer.
    fn bytes(self) -> Bytes<Self>
    where
        Self: Sized,
    {
        Bytes { inner: self }
    }

    /// This reader and, at its end, another one.
    fn chain<R: Read>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
    {
        Chain {
            first: self,
            second: next,
            first_ended: false,
        }
    }

    /// At most `limit` bytes of this reader.
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take { inner: self, limit }
    }
}

/// Reads to the end into a new string.
///
/// # Errors
/// Those of [`Read::read_to_string`].
pub fn read_to_string<R: Read>(mut reader: R) -> Result<String> {
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(text)
}

/// What was read as text, and what to return: if it is not UTF-8, no text, and an error unless
/// reading had one already.
pub(super) fn utf8(bytes: Vec<u8>, result: Result<usize>) -> (String, Result<usize>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, result),
        Err(_) => {
            let what = "stream did not contain valid UTF-8";
            let error = Error::text(ErrorKind::InvalidData, what);
            (String::new(), result.and(Err(error)))
        }
    }
}

/// Reads again as long as the error is [`ErrorKind::Interrupted`].
pub(super) fn read_uninterrupted<R: Read + ?Sized>(
    reader: &mut R,
    bytes: &mut [u8],
) -> Result<usize> {
    loop {
        match reader.read(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn read_to_end<R: Read + ?Sized>(reader: &mut R, bytes: &mut Vec<u8>) -> Result<usize> {
    let start = bytes.len();
    let mut most = FIRST_READ_BYTES;
    loop {
        let filled = bytes.len();
        if bytes.capacity() - filled < LEAST_READ_BYTES {
            // Perhaps this is the end: look before asking for memory that is not needed then.
            let mut probe = [0; LEAST_READ_BYTES];
            let count = read_uninterrupted(reader, &mut probe)?;
            bytes.try_reserve(count)?;
            bytes.extend_from_slice(&probe[..count]);
            if count == 0 {
                return Ok(filled - start);
            }
            bytes.try_reserve(LEAST_READ_BYTES)?;
            continue;
        }
        let room = (bytes.capacity() - filled).min(most);
        bytes.resize(filled + room, 0);
        let result = read_uninterrupted(reader, &mut bytes[filled..]);
        bytes.truncate(filled + result.as_ref().map_or(0, |count| (*count).min(room)));
        match result? {
            0 => return Ok(filled - start),
            count if count == room => most = (most * 2).min(MOST_READ_BYTES),
            _ => {}
        }
    }
}

/// Iterator of [`Read::bytes`].
#[derive(Debug)]
pub struct Bytes<R> {
    inner: R,
}

impl<R: Read> Iterator for Bytes<R> {
    type Item = Result<u8>;

    fn next(&mut self) -> Option<Result<u8>> {
        let mut byte = [0];
        match read_uninterrupted(&mut self.inner, &mut byte) {
            Ok(0) => None,
            Ok(_) => Some(Ok(byte[0])),
            Err(error) => Some(Err(error)),
        }
    }
}

/// Reader of [`Read::chain`].
#[derive(Debug)]
pub struct Chain<T, U> {
    first: T,
    second: U,
    first_ended: bool,
}

impl<T, U> Chain<T, U> {
    /// Both readers.
    pub fn into_inner(self) -> (T, U) {
        (self.first, self.second)
    }

    /// Both readers.
    pub fn get_ref(&self) -> (&T, &U) {
        (&self.first, &self.second)
    }

    /// Both readers. Whoever reads from them changes what this gives.
    pub fn get_mut(&mut self) -> (&mut T, &mut U) {
        (&mut self.first, &mut self.second)
    }
}

impl<T: Read, U: Read> Read for Chain<T, U> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        if !self.first_ended {
            match self.first.read(bytes)? {
                0 if !bytes.is_empty() => self.first_ended = true,
                count => return Ok(count),
            }
        }
        self.second.read(bytes)
    }
}

impl<T: BufRead, U: BufRead> BufRead for Chain<T, U> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if !self.first_ended {
            // Twice, since the borrow of a slice that is returned lasts.
            if !self.first.fill_buf()?.is_empty() {
                return self.first.fill_buf();
            }
            self.first_ended = true;
        }
        self.second.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        match self.first_ended {
            false => self.first.consume(count),
            true => self.second.consume(count),
        }
    }
}

/// Reader of [`Read::take`].
#[derive(Debug)]
pub struct Take<T> {
    inner: T,
    limit: u64,
}

impl<T> Take<T> {
    /// How many bytes it may still give.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Sets how many bytes it may still give, whatever it gave before.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The reader below.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// The reader below.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The reader below. What is read from it does not count.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// `bytes`, or what is left of the limit.
    fn within(&self, bytes: usize) -> usize {
        usize::try_from(self.limit).map_or(bytes, |limit| limit.min(bytes))
    }
}

impl<T: Read> Read for Take<T> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        if self.limit == 0 {
            return Ok(0);
        }
        let room = self.within(bytes.len());
        let count = self.inner.read(&mut bytes[..room])?;
        assert!(count <= room, "number of read bytes exceeds limit");
        self.limit -= count as u64;
        Ok(count)
    }
}

impl<T: BufRead> BufRead for Take<T> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.limit == 0 {
            return Ok(&[]);
        }
        let limit = self.limit;
        let bytes = self.inner.fill_buf()?;
        let room = usize::try_from(limit).map_or(bytes.len(), |limit| limit.min(bytes.len()));
        Ok(&bytes[..room])
    }

    fn consume(&mut self, count: usize) {
        let count = self.within(count);
        self.limit -= count as u64;
        self.inner.consume(count);
    }
}
