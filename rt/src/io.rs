//! Errors as std has them, the traits to read and write, and the console.
//!
//! [`Read`] and [`Write`] are embedded-io's: the ecosystem's traits for machines without
//! std. Their `read_exact` and `write_all` behave as std's.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use kernel::console;

pub use embedded_io::{ErrorType, Read, Write, WriteFmtError};

/// As [`core::result::Result`], with [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// The kinds of errors, as std names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such thing.
    NotFound,
    /// Not allowed.
    PermissionDenied,
    /// Nobody listens at the address.
    ConnectionRefused,
    /// The peer broke the connection off, or the backend went away.
    ConnectionReset,
    /// The host cannot be reached.
    HostUnreachable,
    /// The network cannot be reached.
    NetworkUnreachable,
    /// The connection was ended from this side or by the network.
    ConnectionAborted,
    /// There is no connection.
    NotConnected,
    /// The address is in use.
    AddrInUse,
    /// The address is not one of this host's.
    AddrNotAvailable,
    /// The network is down.
    NetworkDown,
    /// The other side does not read any more.
    BrokenPipe,
    /// It is there already.
    AlreadyExists,
    /// It would have to wait.
    WouldBlock,
    /// An argument makes no sense.
    InvalidInput,
    /// What was received makes no sense.
    InvalidData,
    /// The time is over.
    TimedOut,
    /// A write took nothing.
    WriteZero,
    /// Interrupted.
    Interrupted,
    /// It cannot be done here, by protocol or by peer.
    Unsupported,
    /// The data ended early.
    UnexpectedEof,
    /// No memory.
    OutOfMemory,
    /// The resource is busy.
    ResourceBusy,
    /// Something else.
    Other,
}

impl ErrorKind {
    fn text(self) -> &'static str {
        match self {
            ErrorKind::NotFound => "not found",
            ErrorKind::PermissionDenied => "permission denied",
            ErrorKind::ConnectionRefused => "connection refused",
            ErrorKind::ConnectionReset => "connection reset",
            ErrorKind::HostUnreachable => "host unreachable",
            ErrorKind::NetworkUnreachable => "network unreachable",
            ErrorKind::ConnectionAborted => "connection aborted",
            ErrorKind::NotConnected => "not connected",
            ErrorKind::AddrInUse => "address in use",
            ErrorKind::AddrNotAvailable => "address not available",
            ErrorKind::NetworkDown => "network down",
            ErrorKind::BrokenPipe => "broken pipe",
            ErrorKind::AlreadyExists => "already exists",
            ErrorKind::WouldBlock => "operation would block",
            ErrorKind::InvalidInput => "invalid input",
            ErrorKind::InvalidData => "invalid data",
            ErrorKind::TimedOut => "timed out",
            ErrorKind::WriteZero => "write zero",
            ErrorKind::Interrupted => "interrupted",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::UnexpectedEof => "unexpected end of file",
            ErrorKind::OutOfMemory => "out of memory",
            ErrorKind::ResourceBusy => "resource busy",
            ErrorKind::Other => "other error",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// An error of an operation: a kind, and what is known beyond that.
pub struct Error {
    kind: ErrorKind,
    source: Option<Box<dyn core::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with an explanation.
    pub fn new(
        kind: ErrorKind,
        error: impl Into<Box<dyn core::error::Error + Send + Sync>>,
    ) -> Error {
        Error {
            kind,
            source: Some(error.into()),
        }
    }

    /// An error of kind [`ErrorKind::Other`].
    pub fn other(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Error {
        Error::new(ErrorKind::Other, error)
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The explanation, if there is one.
    pub fn get_ref(&self) -> Option<&(dyn core::error::Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error { kind, source: None }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{:?}: {source}", self.kind),
            None => write!(f, "{:?}", self.kind),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => source.fmt(f),
            None => self.kind.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.source.as_ref().and_then(|source| source.source())
    }
}

impl embedded_io::Error for Error {
    fn kind(&self) -> embedded_io::ErrorKind {
        use embedded_io::ErrorKind as Kind;
        match self.kind {
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

/// From a `read_exact`, which adds "the data ended" to what a read can fail on.
impl From<embedded_io::ReadExactError<Error>> for Error {
    fn from(error: embedded_io::ReadExactError<Error>) -> Error {
        match error {
            embedded_io::ReadExactError::UnexpectedEof => ErrorKind::UnexpectedEof.into(),
            embedded_io::ReadExactError::Other(error) => error,
        }
    }
}

#[doc(hidden)]
pub fn _print(text: fmt::Arguments<'_>) {
    console::print(text);
}

/// The console, for writing. Written at once; there is nothing to flush.
#[derive(Debug)]
pub struct Stdout(());

/// The console, for writing.
pub fn stdout() -> Stdout {
    Stdout(())
}

impl ErrorType for Stdout {
    type Error = Error;
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        console::write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The console, for reading: what is typed in `xl console`.
#[derive(Debug)]
pub struct Stdin(());

/// The console, for reading.
pub fn stdin() -> Stdin {
    Stdin(())
}

impl Stdin {
    /// Reads up to and including the next line end (CR, LF or both) and appends it, as LF;
    /// returns its length in bytes. What is typed is not echoed.
    pub fn read_line(&self, line: &mut String) -> Result<usize> {
        /// Whether the last line ended with CR: a LF that follows belongs to it.
        static AFTER_CR: AtomicBool = AtomicBool::new(false);
        let mut bytes = alloc::vec::Vec::new();
        loop {
            let mut byte = [0];
            console::read(&mut byte, None);
            let after_cr = AFTER_CR.swap(byte[0] == b'\r', Ordering::Relaxed);
            match byte[0] {
                b'\n' if after_cr => {}
                b'\r' | b'\n' => break,
                other => bytes.push(other),
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8")
        })?;
        line.push_str(&text);
        line.push('\n');
        Ok(text.len() + 1)
    }
}

impl ErrorType for Stdin {
    type Error = Error;
}

impl Read for Stdin {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        Ok(console::read(bytes, None))
    }
}
