//! [`BufWriter`].

use alloc::vec::Vec;
use core::{fmt, mem};

use crate::io::{DEFAULT_BUFFER_BYTES, Error, ErrorKind, IoSlice, Result, Seek, SeekFrom, Write};

/// Takes small pieces and writes large ones.
///
/// Dropping it writes what it holds and does not say if that fails; [`Write::flush`] does.
pub struct BufWriter<W: Write> {
    buffer: Vec<u8>,
    capacity: usize,
    /// `None` once it was taken out, and then nobody but `drop` looks.
    inner: Option<W>,
}

impl<W: Write> BufWriter<W> {
    /// With a buffer of 8 KiB.
    pub fn new(inner: W) -> BufWriter<W> {
        BufWriter::with_capacity(DEFAULT_BUFFER_BYTES, inner)
    }

    /// With a buffer of that many bytes.
    pub fn with_capacity(capacity: usize, inner: W) -> BufWriter<W> {
        BufWriter {
            buffer: Vec::with_capacity(capacity),
            capacity,
            inner: Some(inner),
        }
    }

    /// The writer below.
    pub fn get_ref(&self) -> &W {
        let taken = "only dropped once it is taken out";
        self.inner.as_ref().expect(taken)
    }

    /// The writer below. What is written to it comes before what is still held here.
    pub fn get_mut(&mut self) -> &mut W {
        let taken = "only dropped once it is taken out";
        self.inner.as_mut().expect(taken)
    }

    /// What is not written yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// How much the buffer can hold, in bytes.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The writer below, after writing what is held.
    ///
    /// # Errors
    /// If that fails: the error, with this writer and what it still holds.
    pub fn into_inner(mut self) -> core::result::Result<W, IntoInnerError<BufWriter<W>>> {
        match self.flush_buffer() {
            Ok(()) => Ok(self.into_parts().0),
            Err(error) => Err(IntoInnerError(self, error)),
        }
    }

    /// The writer below and what is not written yet. The second is always `Ok`: a panic ends
    /// the domain, so no writer is found in the middle of one.
    pub fn into_parts(mut self) -> (W, core::result::Result<Vec<u8>, WriterPanicked>) {
        let buffer = mem::take(&mut self.buffer);
        let inner = self.inner.take();
        (inner.expect("it is taken out once"), Ok(buffer))
    }

    /// Writes what is held. What could not be written stays.
    pub(super) fn flush_buffer(&mut self) -> Result<()> {
        let mut written = 0;
        let mut result = Ok(());
        let inner = self.inner.as_mut().expect("only dropped once taken out");
        while written < self.buffer.len() {
            match inner.write(&self.buffer[written..]) {
                Ok(0) => {
                    let what = "failed to write the buffered data";
                    result = Err(Error::text(ErrorKind::WriteZero, what));
                    break;
                }
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.buffer.drain(..written);
        result
    }

    /// Takes what fits into the buffer.
    pub(super) fn hold(&mut self, bytes: &[u8]) -> usize {
        let count = (self.capacity - self.buffer.len()).min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        count
    }
}

impl<W: Write> Write for BufWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if bytes.len() > self.capacity - self.buffer.len() {
            self.flush_buffer()?;
        }
        if bytes.len() >= self.capacity {
            // What would fill the buffer need not go through it.
            return self.get_mut().write(bytes);
        }
        Ok(self.hold(bytes))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let mut total = 0;
        for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
            if total > 0 && buf.len() > self.capacity - self.buffer.len() {
                // The rest may fail or not be taken whole; what is held already is.
                break;
            }
            total += self.write(buf)?;
        }
        Ok(total)
    }

    fn flush(&mut self) -> Result<()> {
        self.flush_buffer()?;
        self.get_mut().flush()
    }
}

/// Writes what is held before it moves.
impl<W: Write + Seek> Seek for BufWriter<W> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.flush_buffer()?;
        self.get_mut().seek(position)
    }
}

impl<W: Write> Drop for BufWriter<W> {
    fn drop(&mut self) {
        if self.inner.is_some() {
            // There is nobody to tell; who wants to know flushes.
            let _ = self.flush_buffer();
        }
    }
}

impl<W: Write + fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffer = format_args!("{}/{}", self.buffer.len(), self.capacity);
        f.debug_struct("BufWriter")
            .field("writer", &self.inner)
            .field("buffer", &buffer)
            .finish()
    }
}

/// What `into_inner` of a buffered writer returns when what it held could not be written.
#[derive(Debug)]
pub struct IntoInnerError<W>(W, Error);

impl<W> IntoInnerError<W> {
    pub(super) fn map<U>(self, f: impl FnOnce(W) -> U) -> IntoInnerError<U> {
        IntoInnerError(f(self.0), self.1)
    }

    /// Why it could not be written.
    pub fn error(&self) -> &Error {
        &self.1
    }

    /// The buffered writer, to be tried again.
    pub fn into_inner(self) -> W {
        self.0
    }

    /// Why it could not be written.
    pub fn into_error(self) -> Error {
        self.1
    }

    /// Both.
    pub fn into_parts(self) -> (Error, W) {
        (self.1, self.0)
    }
}

impl<W> From<IntoInnerError<W>> for Error {
    fn from(error: IntoInnerError<W>) -> Error {
        error.1
    }
}

impl<W> fmt::Display for IntoInnerError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.fmt(f)
    }
}

impl<W: Send + fmt::Debug> core::error::Error for IntoInnerError<W> {}

/// The error of [`BufWriter::into_parts`], which never comes.
pub struct WriterPanicked {
    never: core::convert::Infallible,
}

impl WriterPanicked {
    /// What is not written yet, perhaps in part.
    pub fn into_inner(self) -> Vec<u8> {
        match self.never {}
    }
}

impl fmt::Debug for WriterPanicked {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl fmt::Display for WriterPanicked {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl core::error::Error for WriterPanicked {}
