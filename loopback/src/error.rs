//! What can go wrong, in the words of the socket calls.

use core::fmt;

/// Why a call failed. Each is what Linux's call of the same name reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The handle names no socket any more (EBADF).
    NoSuchSocket,
    /// The socket is of another kind (EOPNOTSUPP).
    WrongKind,
    /// The port is taken (EADDRINUSE).
    AddrInUse,
    /// Not an address of the guest's, or no free port is left (EADDRNOTAVAIL).
    AddrNotAvailable,
    /// An IPv6 address for an IPv4 socket, or the other way round (EAFNOSUPPORT).
    AddressFamily,
    /// Nobody listens there (ECONNREFUSED).
    ConnectionRefused,
    /// The other end threw bytes away, or broke off (ECONNRESET).
    ConnectionReset,
    /// The other end reads no more, or this one said it writes no more (EPIPE).
    BrokenPipe,
    /// There is no connection (ENOTCONN).
    NotConnected,
    /// A datagram for nobody: no address given, no default peer set (EDESTADDRREQ).
    NoDestination,
    /// A datagram longer than there can be (EMSGSIZE).
    MessageTooLong,
    /// An argument that makes no sense, or a destination that the socket's own address cannot
    /// reach (EINVAL).
    InvalidInput,
    /// No memory for the bytes (ENOBUFS).
    OutOfMemory,
}

impl Error {
    /// The number that Linux has for it on x86.
    #[must_use]
    pub fn errno(self) -> i32 {
        match self {
            Self::NoSuchSocket => 9,
            Self::WrongKind => 95,
            Self::AddrInUse => 98,
            Self::AddrNotAvailable => 99,
            Self::AddressFamily => 97,
            Self::ConnectionRefused => 111,
            Self::ConnectionReset => 104,
            Self::BrokenPipe => 32,
            Self::NotConnected => 107,
            Self::NoDestination => 89,
            Self::MessageTooLong => 90,
            Self::InvalidInput => 22,
            Self::OutOfMemory => 105,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchSocket => "no such socket",
            Self::WrongKind => "not possible with this kind of socket",
            Self::AddrInUse => "address in use",
            Self::AddrNotAvailable => "address not available",
            Self::AddressFamily => "the address is not of the socket's family",
            Self::ConnectionRefused => "connection refused",
            Self::ConnectionReset => "connection reset by peer",
            Self::BrokenPipe => "broken pipe",
            Self::NotConnected => "not connected",
            Self::NoDestination => "destination address required",
            Self::MessageTooLong => "message too long",
            Self::InvalidInput => "invalid argument",
            Self::OutOfMemory => "no buffer space",
        })
    }
}

impl core::error::Error for Error {}

/// Why an attempt did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryError {
    /// Not yet: [`register`](crate::Loopback::register), and try again when woken.
    WouldBlock,
    /// Not ever, or not until something else is changed.
    Failed(Error),
}

impl From<Error> for TryError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for TryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("operation would block"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TryError {}
