//! [`Metadata`], [`Permissions`] and the times of files.

use core::fmt;
use core::time::Duration;

use p9_front::wire::{Attributes, SetAttributes, SetTime, Time};

use super::{FileType, SystemTime, UNIX_EPOCH};
use crate::io::{Error, ErrorKind, Result};

/// The bits of a mode that are permissions.
const PERMISSIONS: u32 = 0o7777;
/// Those that let somebody write.
const WRITABLE: u32 = 0o222;

/// What the server knows about a file.
#[derive(Clone)]
pub struct Metadata {
    attributes: Attributes,
    /// Which volume, from 1; 0 where there is none.
    volume: u64,
}

impl Metadata {
    pub(super) fn new(attributes: Attributes, volume: u64) -> Metadata {
        Metadata { attributes, volume }
    }

    /// What it is.
    pub fn file_type(&self) -> FileType {
        FileType::of_mode(self.attributes.mode)
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is an ordinary file.
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a symbolic link, which only [`symlink_metadata`](super::symlink_metadata)
    /// ever tells.
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// Bytes.
    #[expect(clippy::len_without_is_empty, reason = "as in std")]
    pub fn len(&self) -> u64 {
        self.attributes.size
    }

    /// Who may do what with it.
    pub fn permissions(&self) -> Permissions {
        Permissions {
            mode: self.attributes.mode,
        }
    }

    /// When the content was changed last.
    ///
    /// # Errors
    /// [`InvalidData`](ErrorKind::InvalidData) if that was before 1970.
    pub fn modified(&self) -> Result<SystemTime> {
        point(self.attributes.modified)
    }

    /// When it was read last, as far as the host keeps book of that.
    ///
    /// # Errors
    /// [`InvalidData`](ErrorKind::InvalidData) if that was before 1970.
    pub fn accessed(&self) -> Result<SystemTime> {
        point(self.attributes.accessed)
    }

    /// When it was made: no server tells.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported), always.
    pub fn created(&self) -> Result<SystemTime> {
        Err(Error::text(
            ErrorKind::Unsupported,
            "file servers do not tell when a file was created",
        ))
    }

    pub(crate) fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    pub(crate) fn volume(&self) -> u64 {
        self.volume
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("file_type", &self.file_type())
            .field("permissions", &self.permissions())
            .field("len", &self.len())
            .field("modified", &self.attributes.modified)
            .finish_non_exhaustive()
    }
}

/// A time of the server's as a point of time.
fn point(time: Time) -> Result<SystemTime> {
    const TEXT: &str = "the time of the file is before 1970 or not representable";
    let error = || Error::text(ErrorKind::InvalidData, TEXT);
    // Times before 1970 are negative numbers in two's complement.
    let seconds = i64::try_from(time.seconds).map_err(|_| error())?;
    let nanoseconds = u32::try_from(time.nanoseconds).map_err(|_| error())?;
    if nanoseconds >= 1_000_000_000 {
        return Err(error());
    }
    let since = Duration::new(seconds.unsigned_abs(), nanoseconds);
    UNIX_EPOCH.checked_add(since).ok_or_else(error)
}

/// Who may do what with a file, as a mode of Unix.
#[derive(Clone, PartialEq, Eq)]
pub struct Permissions {
    mode: u32,
}

impl Permissions {
    /// Whether nobody may write.
    pub fn readonly(&self) -> bool {
        self.mode & WRITABLE == 0
    }

    /// Lets nobody write, or, as in std, everybody.
    pub fn set_readonly(&mut self, readonly: bool) {
        if readonly {
            self.mode &= !WRITABLE;
        } else {
            self.mode |= WRITABLE;
        }
    }

    pub(crate) fn mode_bits(&self) -> u32 {
        self.mode
    }

    pub(crate) fn of_mode(mode: u32) -> Permissions {
        Permissions { mode }
    }

    /// What a server is told to make them so.
    pub(super) fn change(&self) -> SetAttributes {
        SetAttributes {
            mode: Some(self.mode & PERMISSIONS),
            ..SetAttributes::default()
        }
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permissions {{ mode: {:#o} }}", self.mode)
    }
}

/// The times that [`File::set_times`](super::File::set_times) sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileTimes {
    accessed: Option<SystemTime>,
    modified: Option<SystemTime>,
}

impl FileTimes {
    /// None.
    pub fn new() -> FileTimes {
        FileTimes::default()
    }

    /// The time of the last access.
    pub fn set_accessed(self, time: SystemTime) -> FileTimes {
        FileTimes {
            accessed: Some(time),
            ..self
        }
    }

    /// The time of the last change of the content.
    pub fn set_modified(self, time: SystemTime) -> FileTimes {
        FileTimes {
            modified: Some(time),
            ..self
        }
    }

    /// What a server is told to set them.
    pub(super) fn change(&self) -> Result<SetAttributes> {
        Ok(SetAttributes {
            accessed: self.accessed.map(to_server).transpose()?,
            modified: self.modified.map(to_server).transpose()?,
            ..SetAttributes::default()
        })
    }
}

fn to_server(time: SystemTime) -> Result<SetTime> {
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| {
        Error::text(
            ErrorKind::InvalidInput,
            "times before 1970 cannot be told to the file server",
        )
    })?;
    Ok(SetTime::To(Time {
        seconds: since.as_secs(),
        nanoseconds: since.subsec_nanos().into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_none_are_errors() {
        let time = |seconds, nanoseconds| {
            point(Time {
                seconds,
                nanoseconds,
            })
        };
        let fine = time(7, 5).unwrap();
        assert_eq!(
            fine.duration_since(UNIX_EPOCH).unwrap(),
            Duration::new(7, 5)
        );
        for (seconds, nanoseconds) in [
            (u64::MAX, 0),
            (1 << 63, 0),
            (1, 1_000_000_000),
            (1, u64::MAX),
        ] {
            let error = time(seconds, nanoseconds).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{seconds}");
        }
        let _ = time(i64::MAX.unsigned_abs(), 999_999_999);
    }

    #[test]
    fn read_only_is_that_nobody_may_write() {
        let mut permissions = Permissions::of_mode(0o100_640);
        assert!(!permissions.readonly());
        permissions.set_readonly(true);
        assert!(permissions.readonly());
        assert_eq!(permissions.change().mode, Some(0o440));
        permissions.set_readonly(false);
        assert_eq!(permissions.change().mode, Some(0o662));
    }
}
