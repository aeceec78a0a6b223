//! [`Write`].

use core::fmt;

use super::{Error, ErrorKind, IoSlice, Result};

/// Takes bytes.
pub trait Write {
    /// Writes some of `bytes` and returns how many; 0 of a piece that is not empty means that
    /// nothing more can be written.
    ///
    /// # Errors
    /// Whatever the writer's kind of error is; then no byte was written.
    /// [`ErrorKind::Interrupted`] is no reason to give up.
    fn write(&mut self, bytes: &[u8]) -> Result<usize>;

    /// Sees to it that everything written reaches where it goes to.
    fn flush(&mut self) -> Result<()>;

    /// As [`Write::write`], from several pieces. Unless the writer can do better, only the first
    /// one that is not empty is written.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.write(first.map_or(&[][..], |buf| &**buf))
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// Those of [`Write::write`] but [`ErrorKind::Interrupted`], after which it goes on, and
    /// [`ErrorKind::WriteZero`]. How much was written before is not told.
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes) {
                Ok(0) => {
                    return Err(Error::text(
                        ErrorKind::WriteZero,
                        "failed to write whole buffer",
                    ));
                }
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes formatted text: what `write!` calls.
    ///
    /// # Errors
    /// Those of [`Write::write_all`]. One of kind [`ErrorKind::Other`] if something that is
    /// formatted fails by itself.
    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
        let mut adapter = Adapter {
            inner: self,
            error: None,
        };
        match (fmt::write(&mut adapter, text), adapter.error) {
            (Ok(()), _) => Ok(()),
            (Err(fmt::Error), Some(error)) => Err(error),
            (Err(fmt::Error), None) => Err(Error::text(ErrorKind::Other, "formatter error")),
        }
    }

    /// The writer by reference, for adapters that take it by value.
    fn by_ref(&mut self) -> &mut Self
    where
        Self: Sized,
    {
        self
    }
}

/// Keeps the error that `fmt::Write` cannot return.
struct Adapter<'a, W: ?Sized> {
    inner: &'a mut W,
    error: Option<Error>,
}

impl<W: Write + ?Sized> fmt::Write for Adapter<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.inner.write_all(text.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}
