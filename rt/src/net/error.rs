//! From the driver's errors to std's kinds.

use alloc::boxed::Box;

use pvcalls_front::{ConnectError, HandshakeError, SocketError};

use crate::io::{Error, ErrorKind};

impl From<SocketError> for Error {
    fn from(error: SocketError) -> Error {
        Error::from_os(error.errno().number(), error)
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        Error::from_os(error.errno().number(), error)
    }
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Error {
        let kind = match error {
            HandshakeError::NoDevice => ErrorKind::NotFound,
            HandshakeError::TimedOut { .. } => ErrorKind::TimedOut,
            HandshakeError::Missing { .. } | HandshakeError::Value { .. } => ErrorKind::InvalidData,
            HandshakeError::Resources(_) => ErrorKind::OutOfMemory,
            _ => ErrorKind::Other,
        };
        Error::new(kind, alloc::format!("PV Calls: {error}"))
    }
}

/// The error of what cannot be done here, and why.
pub(super) fn unsupported(what: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Unsupported, what)
}

/// The error of a time-out of zero, in std's words.
pub(super) fn zero_timeout() -> Error {
    Error::new(ErrorKind::InvalidInput, "cannot set a 0 duration timeout")
}
