//! Error numbers as they travel on the wire.
//!
//! PV Calls answers carry negated error numbers. The specification lists fewer than backends
//! really send, so the type holds any number from 1 to 4095 and merely knows the names of the
//! common ones. The numbers are Linux's on x86, whatever the backend runs on.

use core::fmt;

/// A Linux error number, always in `1..=4095`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Errno {
            $(#[doc = concat!("`", stringify!($name), "` (", $number, "): ", $text, ".")]
            pub const $name: Self = Self($number);)*

            /// The symbolic name, if it is one of those this crate knows.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            const fn text(self) -> &'static str {
                match self.0 {
                    $($number => $text,)*
                    _ => "unknown error",
                }
            }
        }
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such file or directory";
    EINTR = 4, "interrupted";
    EIO = 5, "input/output error";
    ENXIO = 6, "no such device or address";
    EBADF = 9, "bad descriptor";
    EAGAIN = 11, "try again";
    ENOMEM = 12, "out of memory";
    EACCES = 13, "permission denied";
    EFAULT = 14, "bad address";
    EBUSY = 16, "busy";
    EEXIST = 17, "already exists";
    EXDEV = 18, "on another file system";
    ENOTDIR = 20, "not a directory";
    EISDIR = 21, "is a directory";
    EINVAL = 22, "invalid argument";
    ENFILE = 23, "too many open files in the system";
    EMFILE = 24, "too many open files";
    ETXTBSY = 26, "program is running";
    EFBIG = 27, "file too large";
    ENOSPC = 28, "no space left";
    ESPIPE = 29, "cannot seek";
    EROFS = 30, "read-only file system";
    EMLINK = 31, "too many links";
    EPIPE = 32, "broken pipe";
    EDEADLK = 35, "would wait for ever";
    ENAMETOOLONG = 36, "name too long";
    ENOLCK = 37, "no lock left";
    ENOSYS = 38, "not implemented";
    ENOTEMPTY = 39, "directory not empty";
    ELOOP = 40, "too many symbolic links";
    ENODATA = 61, "no data";
    EPROTO = 71, "protocol error";
    ENOTSOCK = 88, "not a socket";
    EDESTADDRREQ = 89, "destination address required";
    EMSGSIZE = 90, "message too long";
    ENOPROTOOPT = 92, "no such option";
    EPROTONOSUPPORT = 93, "protocol not supported";
    EOPNOTSUPP = 95, "operation not supported";
    EAFNOSUPPORT = 97, "address family not supported";
    EADDRINUSE = 98, "address in use";
    EADDRNOTAVAIL = 99, "address not available";
    ENETDOWN = 100, "network is down";
    ENETUNREACH = 101, "network unreachable";
    ECONNABORTED = 103, "connection aborted";
    ECONNRESET = 104, "connection reset by peer";
    ENOBUFS = 105, "no buffer space";
    EISCONN = 106, "already connected";
    ENOTCONN = 107, "not connected";
    ETIMEDOUT = 110, "timed out";
    ECONNREFUSED = 111, "connection refused";
    EHOSTDOWN = 112, "host is down";
    EHOSTUNREACH = 113, "no route to host";
    EALREADY = 114, "already in progress";
    EINPROGRESS = 115, "in progress";
    ESTALE = 116, "stale file handle";
    EDQUOT = 122, "quota exceeded";
    ECANCELED = 125, "cancelled";
    ENOTSUPP = 524, "not supported by the backend";
}

/// The largest number the wire may carry; anything beyond is nonsense.
const MAX: u16 = 4095;

impl Errno {
    /// The error of that positive number; `None` outside `1..=4095`.
    #[must_use]
    pub fn new(number: i32) -> Option<Self> {
        match u16::try_from(number) {
            Ok(n @ 1..=MAX) => Some(Self(n)),
            _ => None,
        }
    }

    /// Reads a word of the wire that is zero or a negated error number: `None` for zero.
    ///
    /// A positive number, or one below -4095, is not an error number at all; the word still says
    /// that something went wrong, so it reads as [`Errno::EIO`].
    #[must_use]
    pub fn from_wire(word: i32) -> Option<Self> {
        match word {
            0 => None,
            _ => Some(word.checked_neg().and_then(Self::new).unwrap_or(Self::EIO)),
        }
    }

    /// The positive number.
    #[must_use]
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name}, error {})", self.text(), self.0),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_words_map_to_numbers_and_nonsense_to_eio() {
        assert_eq!(Errno::from_wire(0), None);
        assert_eq!(Errno::from_wire(-111), Some(Errno::ECONNREFUSED));
        assert_eq!(Errno::from_wire(-4095).map(Errno::number), Some(4095));
        for word in [1, 7, i32::MAX, -4096, i32::MIN] {
            assert_eq!(Errno::from_wire(word), Some(Errno::EIO), "{word}");
        }
    }

    #[test]
    fn display_names_known_numbers() {
        let text = alloc::format!("{}", Errno::EHOSTUNREACH);
        assert_eq!(text, "no route to host (EHOSTUNREACH, error 113)");
        assert_eq!(
            alloc::format!("{}", Errno::new(77).expect("in range")),
            "error 77"
        );
    }
}
