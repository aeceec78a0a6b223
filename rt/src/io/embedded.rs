//! For code that is generic over embedded-io's traits: the error, and adapters both ways.
//!
//! Sockets and the console implement both kinds of traits. [`FromEmbedded`] and [`ToEmbedded`]
//! are for everything else.

use embedded_io::{ErrorKind as Kind, ErrorType};

use super::{BufRead, Error, ErrorKind, Read, Result, Write};

impl embedded_io::Error for Error {
    fn kind(&self) -> Kind {
        match Error::kind(self) {
            ErrorKind::NotFound => Kind::NotFound,
            ErrorKind::PermissionDenied => Kind::PermissionDenied,
            ErrorKind::ConnectionRefused => Kind::ConnectionRefused,
            ErrorKind::ConnectionReset => Kind::ConnectionReset,
            ErrorKind::ConnectionAborted => Kind::ConnectionAborted,
            ErrorKind::NotConnected => Kind::NotConnected,
            ErrorKind::AddrInUse => Kind::AddrInUse,
            ErrorKind::AddrNotAvailable => Kind::AddrNotAvailable,
            ErrorKind::BrokenPipe => Kind::BrokenPipe,
            ErrorKind::AlreadyExists => Kind::AlreadyExists,
            ErrorKind::InvalidInput => Kind::InvalidInput,
            ErrorKind::InvalidData => Kind::InvalidData,
            ErrorKind::TimedOut => Kind::TimedOut,
            ErrorKind::Interrupted => Kind::Interrupted,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::OutOfMemory => Kind::OutOfMemory,
            ErrorKind::WriteZero => Kind::WriteZero,
            _ => Kind::Other,
        }
    }
}

impl From<Kind> for ErrorKind {
    fn from(kind: Kind) -> ErrorKind {
        match kind {
            Kind::NotFound => ErrorKind::NotFound,
            Kind::PermissionDenied => ErrorKind::PermissionDenied,
            Kind::ConnectionRefused => ErrorKind::ConnectionRefused,
            Kind::ConnectionReset => ErrorKind::ConnectionReset,
            Kind::ConnectionAborted => ErrorKind::ConnectionAborted,
            Kind::NotConnected => ErrorKind::NotConnected,
            Kind::AddrInUse => ErrorKind::AddrInUse,
            Kind::AddrNotAvailable => ErrorKind::AddrNotAvailable,
            Kind::BrokenPipe => ErrorKind::BrokenPipe,
            Kind::AlreadyExists => ErrorKind::AlreadyExists,
            Kind::InvalidInput => ErrorKind::InvalidInput,
            Kind::InvalidData => ErrorKind::InvalidData,
            Kind::TimedOut => ErrorKind::TimedOut,
            Kind::Interrupted => ErrorKind::Interrupted,
            Kind::Unsupported => ErrorKind::Unsupported,
            Kind::OutOfMemory => ErrorKind::OutOfMemory,
            Kind::WriteZero => ErrorKind::WriteZero,
            _ => ErrorKind::Other,
        }
    }
}

/// From a `read_exact` of embedded-io, which adds "the data ended" to what a read can fail on.
impl From<embedded_io::ReadExactError<Error>> for Error {
    fn from(error: embedded_io::ReadExactError<Error>) -> Error {
        match error {
            embedded_io::ReadExactError::UnexpectedEof => ErrorKind::UnexpectedEof.into(),
            embedded_io::ReadExactError::Other(error) => error,
        }
    }
}

/// A reader or writer of embedded-io, with std's traits.
#[derive(Clone, Debug)]
pub struct FromEmbedded<T>(pub T);

/// What embedded-io's side failed on, as one of ours.
fn from_embedded<E>(error: E) -> Error
where
    E: embedded_io::Error + Send + Sync + 'static,
{
    Error::new(ErrorKind::from(error.kind()), error)
}

impl<T: embedded_io::Read> Read for FromEmbedded<T>
where
    T::Error: Send + Sync + 'static,
{
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.0.read(bytes).map_err(from_embedded)
    }
}

impl<T: embedded_io::Write> Write for FromEmbedded<T>
where
    T::Error: Send + Sync + 'static,
{
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write(bytes).map_err(from_embedded)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(from_embedded)
    }
}

/// A reader or writer of ours, with embedded-io's traits.
#[derive(Clone, Debug)]
pub struct ToEmbedded<T>(pub T);

impl<T> ErrorType for ToEmbedded<T> {
    type Error = Error;
}

impl<T: Read> embedded_io::Read for ToEmbedded<T> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.0.read(bytes)
    }
}

impl<T: BufRead> embedded_io::BufRead for ToEmbedded<T> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }
}

impl<T: Write> embedded_io::Write for ToEmbedded<T> {
    /// As ours, but a writer that takes nothing is an error, for that is what is promised there.
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.0.write(bytes) {
            Ok(0) if !bytes.is_empty() => Err(ErrorKind::WriteZero.into()),
            result => result,
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}
