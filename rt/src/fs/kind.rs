//! [`FileType`]: what a file is.

use core::fmt;

/// The bits of a mode that say what a file is.
const KIND: u32 = 0o170_000;
/// Directory.
const DIRECTORY: u32 = 0o040_000;
/// Ordinary file.
const FILE: u32 = 0o100_000;
/// Symbolic link.
const SYMLINK: u32 = 0o120_000;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileType {
    /// As in a mode.
    bits: u32,
}

impl FileType {
    pub(super) const DIRECTORY: FileType = FileType { bits: DIRECTORY };

    /// From the mode of a file.
    pub(super) fn of_mode(mode: u32) -> FileType {
        FileType { bits: mode & KIND }
    }

    /// From the number in a directory's entry, which is the mode's shifted; `None` where the
    /// directory does not tell.
    pub(super) fn of_entry(kind: u8) -> Option<FileType> {
        match kind {
            1 | 2 | 4 | 6 | 8 | 10 | 12 => Some(FileType {
                bits: u32::from(kind) << 12,
            }),
            _ => None,
        }
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.bits == DIRECTORY
    }

    /// Whether it is an ordinary file.
    pub fn is_file(&self) -> bool {
        self.bits == FILE
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.bits == SYMLINK
    }

    /// Whether it is something else: of these bits.
    pub(crate) fn is(self, bits: u32) -> bool {
        self.bits == bits
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileType")
            .field("is_file", &self.is_file())
            .field("is_dir", &self.is_dir())
            .field("is_symlink", &self.is_symlink())
            .finish_non_exhaustive()
    }
}
