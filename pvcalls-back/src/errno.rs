//! Error numbers as they go over the wire: Linux's, negated.

use std::fmt;
use std::io;

/// An error number, positive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        impl Errno {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

numbers! {
    /// Not permitted.
    EPERM = 1,
    /// No such thing.
    ENOENT = 2,
    /// Interrupted.
    EINTR = 4,
    /// Input or output error.
    EIO = 5,
    /// Unknown socket id.
    EBADF = 9,
    /// Try again.
    EAGAIN = 11,
    /// Out of memory.
    ENOMEM = 12,
    /// The policy forbids it.
    EACCES = 13,
    /// A grant cannot be mapped, or a port cannot be bound.
    EFAULT = 14,
    /// The id is in use.
    EEXIST = 17,
    /// An argument, or the state of the socket, does not allow it.
    EINVAL = 22,
    /// The domain has as many sockets as it may have.
    EMFILE = 24,
    /// The write side is closed.
    EPIPE = 32,
    /// The datagram is too long.
    EMSGSIZE = 90,
    /// No such option.
    ENOPROTOOPT = 92,
    /// No such protocol.
    EPROTONOSUPPORT = 93,
    /// No such kind of socket.
    ESOCKTNOSUPPORT = 94,
    /// Not for this kind of socket.
    EOPNOTSUPP = 95,
    /// No such address family.
    EAFNOSUPPORT = 97,
    /// A limit of the domain is reached.
    ENOBUFS = 105,
    /// Connected already.
    EISCONN = 106,
    /// Not connected; in `in_error`: the end of the stream.
    ENOTCONN = 107,
    /// No default peer.
    EDESTADDRREQ = 89,
    /// Connects already.
    EALREADY = 114,
    /// The socket was released meanwhile.
    ECANCELED = 125,
    /// No such command. Linux's internal number: the protocol's choice.
    ENOTSUPP = 524,
}

impl Errno {
    /// What stands in an answer's `ret` and in the error words of a data ring.
    #[must_use]
    pub fn ret(self) -> i32 {
        -i32::from(self.0)
    }

    /// The number, positive.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        let number = error.raw_os_error().and_then(|raw| u16::try_from(raw).ok());
        number.filter(|&raw| raw > 0).map_or(Self::EIO, Self)
    }
}

impl From<rustix::io::Errno> for Errno {
    fn from(error: rustix::io::Errno) -> Self {
        io::Error::from(error).into()
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
