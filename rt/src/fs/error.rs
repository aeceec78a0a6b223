//! The file client's errors as std's.

use alloc::format;

use p9_front::client::PathError;
use p9_front::{Errno, Error as Failure};

use crate::io::{Error, ErrorKind};
use crate::path::Path;

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        let errno = match &failure {
            Failure::Server(errno) => return Error::from_raw_os_error(errno.number()),
            Failure::Answer(_) => return Error::new(ErrorKind::InvalidData, failure),
            Failure::Version(_) => return Error::new(ErrorKind::Unsupported, failure),
            Failure::Gone => Errno::ESTALE,
            Failure::Busy => Errno::EMFILE,
            Failure::TooLarge => Errno::ENAMETOOLONG,
            Failure::OutOfMemory => Errno::ENOMEM,
            Failure::TimedOut => Errno::ETIMEDOUT,
        };
        Error::from_os(errno.number(), failure)
    }
}

/// The error of a path that led nowhere. Paths that leave their volume are followed before.
pub(super) fn of_path(error: PathError) -> Error {
    match error {
        PathError::Failed(failure) => failure.into(),
        PathError::Escapes(_) => Errno::EXDEV.into(),
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Error {
        Error::from_raw_os_error(errno.number())
    }
}

/// The error of a path that is on no volume.
pub(super) fn nowhere(path: &Path) -> Error {
    Error::from_os(
        Errno::ENOENT.number(),
        format!("no volume is mounted at or above {path:?} (mount=TAG:/path mounts one)"),
    )
}

/// The error of something that cannot be done to a directory that is on no volume.
pub(super) fn above(path: &Path, errno: Errno) -> Error {
    Error::from_os(
        errno.number(),
        format!("{path:?} is no volume, but what is above mounted ones: {errno}"),
    )
}

/// The error of a path that cannot be one.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    if path.bytes().is_empty() {
        return Err(Errno::ENOENT.into());
    }
    if path.bytes().contains(&0) {
        return Err(Error::text(
            ErrorKind::InvalidInput,
            "file name contained an unexpected NUL byte",
        ));
    }
    Ok(())
}
