//! [`OpenOptions`]: how a file is opened.

use super::{File, UMASK};
use crate::io::{Error, ErrorKind, Result};
use crate::path::Path;

/// Linux's numbers for open, which the protocol has taken over.
pub(super) mod flags {
    pub(crate) const WRITE_ONLY: u32 = 0o1;
    pub(crate) const READ_WRITE: u32 = 0o2;
    pub(crate) const ACCESS: u32 = 0o3;
    pub(crate) const CREATE: u32 = 0o100;
    pub(crate) const EXCLUSIVE: u32 = 0o200;
    pub(crate) const TRUNCATE: u32 = 0o1000;
    pub(crate) const APPEND: u32 = 0o2000;
    pub(crate) const DIRECTORY: u32 = 0o200_000;
    pub(crate) const NO_FOLLOW: u32 = 0o400_000;
}

/// How a file is opened, as in std.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: u32,
    custom: u32,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions::new()
    }
}

impl OpenOptions {
    /// Everything off.
    pub const fn new() -> OpenOptions {
        OpenOptions {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o666,
            custom: 0,
        }
    }

    /// For reading.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// For writing.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// For writing at the end, wherever that is then.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Emptied, if it is there.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// Made, unless it is there.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Made; it is an error if it is there, even as a symbolic link that leads nowhere.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    pub(crate) fn set_mode(&mut self, mode: u32) {
        self.mode = mode;
    }

    pub(crate) fn set_custom(&mut self, flags: u32) {
        self.custom = flags;
    }

    /// Opens the file.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the options exclude one another, and what the
    /// file server says.
    pub fn open<P: AsRef<Path>>(&self, path: P) -> Result<File> {
        File::open_as(path.as_ref(), self)
    }

    /// The permissions of a file that is made.
    pub(super) fn creation_mode(&self) -> u32 {
        self.mode & 0o7777 & !UMASK
    }

    /// As the protocol has it.
    pub(super) fn flags(&self) -> Result<u32> {
        let invalid = |text| Err(Error::text(ErrorKind::InvalidInput, text));
        let makes = self.truncate || self.create || self.create_new;
        let access = match (self.read, self.write, self.append) {
            (false, false, false) if makes => {
                return invalid("creating or truncating a file requires write or append access");
            }
            (false, false, false) => {
                return invalid("must specify at least one of read, write, or append access");
            }
            (true, false, false) if makes => {
                return invalid("creating or truncating a file requires write or append access");
            }
            (true, false, false) => 0,
            (false, true, false) => flags::WRITE_ONLY,
            (true, true, false) => flags::READ_WRITE,
            (false, _, true) => flags::WRITE_ONLY | flags::APPEND,
            (true, _, true) => flags::READ_WRITE | flags::APPEND,
        };
        if self.append && self.truncate && !self.create_new {
            return invalid("appending and truncating exclude one another");
        }
        let creation = match (self.create, self.truncate, self.create_new) {
            (_, _, true) => flags::CREATE | flags::EXCLUSIVE,
            (create, truncate, false) => {
                u32::from(create) * flags::CREATE + u32::from(truncate) * flags::TRUNCATE
            }
        };
        Ok(access | creation | (self.custom & !flags::ACCESS))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt as _;

    use super::*;

    /// Every combination is allowed here exactly when std allows it. std is asked with a file that
    /// can be opened in every way.
    #[test]
    fn combinations_are_those_of_std() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        for bits in 0..64_u32 {
            let on = |bit: u32| bits & (1 << bit) != 0;
            let mut ours = OpenOptions::new();
            ours.read(on(0)).write(on(1)).append(on(2));
            ours.truncate(on(3)).create(on(4)).create_new(on(5));
            let mut theirs = std::fs::OpenOptions::new();
            theirs.read(on(0)).write(on(1)).append(on(2));
            theirs.truncate(on(3)).create(on(4)).create_new(on(5));
            theirs.custom_flags(0);
            let _ = std::fs::remove_file(&file);
            if !on(5) {
                std::fs::write(&file, "x").unwrap();
            }
            let (ours, theirs) = (ours.flags(), theirs.open(&file));
            assert_eq!(
                ours.is_ok(),
                theirs.is_ok(),
                "{bits:06b}: {ours:?} {theirs:?}"
            );
            if let Err(error) = ours {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                let theirs = theirs.unwrap_err().kind();
                assert_eq!(theirs, std::io::ErrorKind::InvalidInput);
            }
        }
    }

    #[test]
    fn flags_are_those_of_linux() {
        let flags = |options: &mut OpenOptions| options.flags().unwrap();
        assert_eq!(flags(OpenOptions::new().read(true)), 0);
        assert_eq!(
            flags(OpenOptions::new().write(true).create(true).truncate(true)),
            0o1101
        );
        assert_eq!(
            flags(OpenOptions::new().read(true).append(true).create(true)),
            0o2102
        );
        let mut new = OpenOptions::new();
        new.write(true).create_new(true).truncate(true);
        new.set_custom(0o4_000_003);
        assert_eq!(flags(&mut new), 0o4_000_301);
        new.set_mode(0o177_777);
        assert_eq!(new.creation_mode(), 0o7755);
    }
}
