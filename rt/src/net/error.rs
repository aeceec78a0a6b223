//! From the driver's errors to std's kinds.

use alloc::boxed::Box;

use pvcalls_front::{ConnectError, Errno, HandshakeError, SocketError};

use crate::io::{Error, ErrorKind};

/// The kind that std on Linux gives for an error number.
fn kind(errno: Errno) -> ErrorKind {
    match errno {
        Errno::EPERM | Errno::EACCES => ErrorKind::PermissionDenied,
        Errno::ENOENT => ErrorKind::NotFound,
        Errno::EINTR => ErrorKind::Interrupted,
        Errno::EAGAIN => ErrorKind::WouldBlock,
        Errno::ENOMEM => ErrorKind::OutOfMemory,
        Errno::EBUSY => ErrorKind::ResourceBusy,
        Errno::EEXIST => ErrorKind::AlreadyExists,
        Errno::EINVAL => ErrorKind::InvalidInput,
        Errno::EPIPE => ErrorKind::BrokenPipe,
        Errno::EADDRINUSE => ErrorKind::AddrInUse,
        Errno::EADDRNOTAVAIL => ErrorKind::AddrNotAvailable,
        Errno::ENETDOWN => ErrorKind::NetworkDown,
        Errno::ENETUNREACH => ErrorKind::NetworkUnreachable,
        Errno::EHOSTUNREACH => ErrorKind::HostUnreachable,
        Errno::ECONNABORTED => ErrorKind::ConnectionAborted,
        Errno::ECONNRESET => ErrorKind::ConnectionReset,
        Errno::ECONNREFUSED => ErrorKind::ConnectionRefused,
        Errno::ENOTCONN => ErrorKind::NotConnected,
        Errno::ETIMEDOUT => ErrorKind::TimedOut,
        Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT => {
            ErrorKind::Unsupported
        }
        _ => ErrorKind::Other,
    }
}

impl From<SocketError> for Error {
    fn from(error: SocketError) -> Error {
        Error::new(kind(error.errno()), error)
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        Error::new(kind(error.errno()), error)
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
