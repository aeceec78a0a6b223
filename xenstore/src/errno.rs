//! Errors of the xenstore server, which travel as names. Source: xen/io/xs_wire.h, `xsd_errors`.

use core::fmt;

use xen_sys::xen_errno as xen;

/// An error the server answered, as the number of its name (a positive errno).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(i32);

/// Declares the errors once: constants, names and texts stay together.
macro_rules! errors {
    ($($name:ident = $number:ident, $text:literal;)*) => {
        impl Errno {
            $(
                #[doc = $text]
                pub const $name: Self = Self(xen::$number.cast_signed());
            )*

            /// The error with this name, as in `ENOENT`; `None` for a name that is not in the protocol.
            #[must_use]
            pub fn from_name(name: &[u8]) -> Option<Self> {
                $(if name == stringify!($name).as_bytes() {
                    return Some(Self::$name);
                })*
                None
            }

            /// The name on the wire, and what it means.
            const fn describe(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => (stringify!($name), $text),)*
                    _ => ("error", "an error this client does not know"),
                }
            }
        }

        #[cfg(test)]
        const ALL: &[Errno] = &[$(Errno::$name),*];
    };
}

errors! {
    EINVAL = XEN_EINVAL, "invalid argument";
    EACCES = XEN_EACCES, "permission denied";
    EEXIST = XEN_EEXIST, "exists already";
    EISDIR = XEN_EISDIR, "is a directory";
    ENOENT = XEN_ENOENT, "no such node";
    ENOMEM = XEN_ENOMEM, "the server is out of memory";
    ENOSPC = XEN_ENOSPC, "quota used up";
    EIO = XEN_EIO, "the server failed, or answered with an error of its own";
    ENOTEMPTY = XEN_ENOTEMPTY, "node has children";
    ENOSYS = XEN_ENOSYS, "the server does not know this request";
    EROFS = XEN_EROFS, "read-only";
    EBUSY = XEN_EBUSY, "a transaction is open already";
    EAGAIN = XEN_EAGAIN, "somebody else changed what the transaction touched";
    EISCONN = XEN_EISCONN, "connected already";
    E2BIG = XEN_E2BIG, "too big or too many";
    EPERM = XEN_EPERM, "operation not permitted";
}

impl Errno {
    /// The errno, positive.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The name on the wire, as in `ENOENT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.describe().0
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = self.describe();
        write!(f, "{name}: {text}")
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree_with_the_abi_crate() {
        assert_eq!(ALL.len(), 16);
        for errno in ALL {
            assert_eq!(Errno::from_name(errno.name().as_bytes()), Some(*errno));
            assert_eq!(xen_sys::errno_name(errno.number()), Some(errno.name()));
        }
    }

    #[test]
    fn display_names_the_error_first() {
        assert_eq!(Errno::ENOENT.to_string(), "ENOENT: no such node");
        assert_eq!(Errno::from_name(b"ENOENT\0"), None);
    }
}
