//! From the driver's errors to std's kinds.

use alloc::format;
use core::fmt;

use pvcalls_front::{ConnectError, Errno, HandshakeError, SocketError};

use crate::io::{Error, ErrorKind};

impl From<SocketError> for Error {
    fn from(error: SocketError) -> Error {
        match error {
            SocketError::Unsupported(_) => not_offered(error.errno(), &error),
            _ => Error::from_os(error.errno().number(), error),
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        match error {
            ConnectError::Unsupported(_) => not_offered(error.errno(), &error),
            _ => Error::from_os(error.errno().number(), error),
        }
    }
}

/// The error of what version 1 of the protocol does not know, and what helps.
fn not_offered(errno: Errno, error: &dyn fmt::Display) -> Error {
    let text = format!("{error}; pvcallsd does, unless its policy forbids that");
    Error::from_os(errno.number(), text)
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
        Error::new(kind, format!("PV Calls: {error}"))
    }
}

/// The error of a time-out of zero, in std's words.
pub(super) fn zero_timeout() -> Error {
    Error::new(ErrorKind::InvalidInput, "cannot set a 0 duration timeout")
}
