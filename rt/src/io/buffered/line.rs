//! [`LineWriter`].

use core::fmt;

use super::{BufWriter, IntoInnerError};
use crate::io::{Result, Write};

/// Size of a buffer that is written line by line.
const LINE_BUFFER_BYTES: usize = 1024;

/// Takes small pieces and writes whole lines, at the latest when a line feed comes.
pub struct LineWriter<W: Write> {
    inner: BufWriter<W>,
}

impl<W: Write> LineWriter<W> {
    /// With a buffer of 1 KiB.
    pub fn new(inner: W) -> LineWriter<W> {
        LineWriter::with_capacity(LINE_BUFFER_BYTES, inner)
    }

    /// With a buffer of that many bytes.
    pub fn with_capacity(capacity: usize, inner: W) -> LineWriter<W> {
        LineWriter {
            inner: BufWriter::with_capacity(capacity, inner),
        }
    }

    /// The writer below.
    pub fn get_ref(&self) -> &W {
        self.inner.get_ref()
    }

    /// The writer below. What is written to it comes before what is still held here.
    pub fn get_mut(&mut self) -> &mut W {
        self.inner.get_mut()
    }

    /// The writer below, after writing what is held.
    ///
    /// # Errors
    /// If that fails: the error, with this writer and what it still holds.
    pub fn into_inner(self) -> core::result::Result<W, IntoInnerError<LineWriter<W>>> {
        self.inner
            .into_inner()
            .map_err(|error| error.map(|inner| LineWriter { inner }))
    }
}

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some(end) = bytes.iter().rposition(|&byte| byte == b'\n') else {
            // The rest of a line that was held before, because it could not be written.
            if self.inner.buffer().last() == Some(&b'\n') {
                self.inner.flush_buffer()?;
            }
            return self.inner.write(bytes);
        };
        let (lines, rest) = bytes.split_at(end + 1);
        let written = if self.inner.buffer().is_empty() {
            self.get_mut().write(lines)?
        } else {
            let held = self.inner.write(lines)?;
            if held == lines.len() {
                // Taken; if it cannot be written now, the next call says so.
                let _ = self.inner.flush_buffer();
            }
            held
        };
        if written < lines.len() || !self.inner.buffer().is_empty() {
            return Ok(written);
        }
        Ok(written + self.inner.hold(rest))
    }

    fn flush(&mut self) -> Result<()> {
        self.inner.flush()
    }
}

impl<W: Write + fmt::Debug> fmt::Debug for LineWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWriter")
            .field("writer", self.get_ref())
            .field("held", &self.inner.buffer().len())
            .finish_non_exhaustive()
    }
}
