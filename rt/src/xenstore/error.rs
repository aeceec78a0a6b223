//! From the kernel's errors to std's kinds, and from values to what they should be.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use kernel::xenstore::{self as store, Errno, NotSent, Reason};

use crate::io::{self, ErrorKind};

impl From<store::Error> for io::Error {
    fn from(error: store::Error) -> io::Error {
        let kind = match error.reason() {
            Reason::Path(_) => ErrorKind::InvalidInput,
            Reason::Submit(NotSent::TooLong { .. }) => ErrorKind::InvalidInput,
            Reason::Submit(NotSent::TooManyWatches) => ErrorKind::QuotaExceeded,
            Reason::Submit(NotSent::Ended(_)) => ErrorKind::ConnectionAborted,
            Reason::Submit(_) => ErrorKind::Other,
            Reason::TimedOut => ErrorKind::TimedOut,
            Reason::Contended => ErrorKind::ResourceBusy,
            Reason::Server(_) => match error.errno() {
                // Whatever there is no more room for: the server has a quota on it.
                Some(Errno::ENOSPC | Errno::E2BIG) => ErrorKind::QuotaExceeded,
                // Of a transaction that is in vain; `transaction` sees to it.
                Some(Errno::EAGAIN) => ErrorKind::ResourceBusy,
                Some(errno) => return io::Error::from_os(errno.number(), error),
                None => ErrorKind::ConnectionAborted,
            },
        };
        match error.errno() {
            Some(errno) => io::Error::with_number(kind, errno.number(), error),
            None => io::Error::new(kind, error),
        }
    }
}

/// A value as text.
pub(super) fn text(path: &str, value: Vec<u8>) -> io::Result<String> {
    String::from_utf8(value).map_err(|error| {
        let value = error.as_bytes().escape_ascii();
        let text = format!("xenstore {path}: \"{value}\" is not UTF-8");
        io::Error::new(ErrorKind::InvalidData, text)
    })
}

/// A value that can be parsed.
pub(super) fn parsed<T: FromStr>(path: &str, value: Vec<u8>) -> io::Result<T> {
    let value = text(path, value)?;
    value.trim().parse().map_err(|_| {
        let wanted = core::any::type_name::<T>();
        let text = format!(
            "xenstore {path}: \"{}\" is no {wanted}",
            value.escape_default()
        );
        io::Error::new(ErrorKind::InvalidData, text)
    })
}

/// Whether a node that was read is there.
pub(super) fn exists(read: Result<Vec<u8>, store::Error>) -> io::Result<bool> {
    match read {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
