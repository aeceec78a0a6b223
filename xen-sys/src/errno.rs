//! Names of error numbers.
//!
//! Hypercalls, PV Calls and xenstore all speak the numbers Linux uses on x86. Xen's errno.h has
//! those that Xen itself returns; a PV Calls backend also returns what its own sockets said,
//! so the network errors missing there are added by hand.

use crate::xen_errno;

/// One match arm per name, with numbers from the header where it has them.
macro_rules! names {
    ($number:expr; $($xen:ident => $name:literal,)* ; $($other:literal => $other_name:literal,)*) => {
        match u32::try_from($number) {
            $(Ok(xen_errno::$xen) => Some($name),)*
            $(Ok($other) => Some($other_name),)*
            _ => None,
        }
    };
}

/// The name of an error number, given as a positive number; `None` for a number nobody defined.
#[must_use]
pub fn errno_name(number: i32) -> Option<&'static str> {
    names! { number;
        XEN_EPERM => "EPERM",
        XEN_ENOENT => "ENOENT",
        XEN_ESRCH => "ESRCH",
        XEN_EIO => "EIO",
        XEN_ENXIO => "ENXIO",
        XEN_E2BIG => "E2BIG",
        XEN_ENOEXEC => "ENOEXEC",
        XEN_EBADF => "EBADF",
        XEN_ECHILD => "ECHILD",
        XEN_EAGAIN => "EAGAIN",
        XEN_ENOMEM => "ENOMEM",
        XEN_EACCES => "EACCES",
        XEN_EFAULT => "EFAULT",
        XEN_EBUSY => "EBUSY",
        XEN_EEXIST => "EEXIST",
        XEN_EXDEV => "EXDEV",
        XEN_ENODEV => "ENODEV",
        XEN_ENOTDIR => "ENOTDIR",
        XEN_EISDIR => "EISDIR",
        XEN_EINVAL => "EINVAL",
        XEN_ENFILE => "ENFILE",
        XEN_EMFILE => "EMFILE",
        XEN_ENOSPC => "ENOSPC",
        XEN_EROFS => "EROFS",
        XEN_EMLINK => "EMLINK",
        XEN_EDOM => "EDOM",
        XEN_ERANGE => "ERANGE",
        XEN_EDEADLK => "EDEADLK",
        XEN_ENAMETOOLONG => "ENAMETOOLONG",
        XEN_ENOLCK => "ENOLCK",
        XEN_ENOSYS => "ENOSYS",
        XEN_ENOTEMPTY => "ENOTEMPTY",
        XEN_ENODATA => "ENODATA",
        XEN_ETIME => "ETIME",
        XEN_EBADMSG => "EBADMSG",
        XEN_EOVERFLOW => "EOVERFLOW",
        XEN_EILSEQ => "EILSEQ",
        XEN_ENOTSOCK => "ENOTSOCK",
        XEN_EMSGSIZE => "EMSGSIZE",
        XEN_EOPNOTSUPP => "EOPNOTSUPP",
        XEN_EADDRINUSE => "EADDRINUSE",
        XEN_EADDRNOTAVAIL => "EADDRNOTAVAIL",
        XEN_ENOBUFS => "ENOBUFS",
        XEN_EISCONN => "EISCONN",
        XEN_ENOTCONN => "ENOTCONN",
        XEN_ETIMEDOUT => "ETIMEDOUT",
        XEN_ECONNREFUSED => "ECONNREFUSED",
        ;
        4 => "EINTR",
        32 => "EPIPE",
        71 => "EPROTO",
        92 => "ENOPROTOOPT",
        93 => "EPROTONOSUPPORT",
        94 => "ESOCKTNOSUPPORT",
        97 => "EAFNOSUPPORT",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        102 => "ENETRESET",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        108 => "ESHUTDOWN",
        112 => "EHOSTDOWN",
        113 => "EHOSTUNREACH",
        114 => "EALREADY",
        115 => "EINPROGRESS",
        // What the PV Calls document calls ENOTSUP: a number of Linux's own, outside POSIX.
        524 => "ENOTSUPP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_header_and_hand_written_numbers() {
        assert_eq!(errno_name(2), Some("ENOENT"));
        assert_eq!(errno_name(104), Some("ECONNRESET"));
        assert_eq!(errno_name(111), Some("ECONNREFUSED"));
        assert_eq!(errno_name(524), Some("ENOTSUPP"));
    }

    #[test]
    fn unknown_and_negative_numbers_have_no_name() {
        assert_eq!(errno_name(0), None);
        assert_eq!(errno_name(-2), None);
        assert_eq!(errno_name(9999), None);
    }
}
