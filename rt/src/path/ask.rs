//! What a path asks the files.

use super::{Path, PathBuf};
use crate::fs::{self, Metadata, ReadDir};
use crate::io;

impl Path {
    /// Whether there is something; false if that cannot be found out.
    pub fn exists(&self) -> bool {
        fs::metadata(self).is_ok()
    }

    /// Whether there is something.
    ///
    /// # Errors
    /// It cannot be found out.
    pub fn try_exists(&self) -> io::Result<bool> {
        fs::exists(self)
    }

    /// Whether there is a file; symbolic links are followed.
    pub fn is_file(&self) -> bool {
        fs::metadata(self).is_ok_and(|metadata| metadata.is_file())
    }

    /// Whether there is a directory; symbolic links are followed.
    pub fn is_dir(&self) -> bool {
        fs::metadata(self).is_ok_and(|metadata| metadata.is_dir())
    }

    /// Whether there is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        fs::symlink_metadata(self).is_ok_and(|metadata| metadata.is_symlink())
    }

    /// See [`fs::metadata`].
    pub fn metadata(&self) -> io::Result<Metadata> {
        fs::metadata(self)
    }

    /// See [`fs::symlink_metadata`].
    pub fn symlink_metadata(&self) -> io::Result<Metadata> {
        fs::symlink_metadata(self)
    }

    /// See [`fs::canonicalize`].
    pub fn canonicalize(&self) -> io::Result<PathBuf> {
        fs::canonicalize(self)
    }

    /// See [`fs::read_link`].
    pub fn read_link(&self) -> io::Result<PathBuf> {
        fs::read_link(self)
    }

    /// See [`fs::read_dir`].
    pub fn read_dir(&self) -> io::Result<ReadDir> {
        fs::read_dir(self)
    }
}
