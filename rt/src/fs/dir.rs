//! Directories: what is in them, and making them.

use alloc::sync::Arc;
use alloc::vec::{self, Vec};
use core::fmt;

use p9_front::client::{Directory, Entry};
use p9_front::wire::QidKind;

use super::reach::{Reached, Way, namespace, reach};
use super::volumes::{Connection, wait};
use super::{FileType, Metadata, UMASK, metadata, ops, symlink_metadata};
use crate::ffi::{OsStr, OsString};
use crate::io::{Error, ErrorKind, Result};
use crate::path::{Path, PathBuf};

/// What is in a directory, without `.` and `..`; in the server's order.
///
/// # Errors
/// [`NotADirectory`](ErrorKind::NotADirectory), and what the file server says.
pub fn read_dir<P: AsRef<Path>>(path: P) -> Result<ReadDir> {
    let path = path.as_ref();
    let reached = reach(path, async |way: Way<'_>| {
        let node = way.client.resolve(way.path, true, way.links).await?;
        Ok(node.entries().await?)
    })?;
    let list = match reached {
        Reached::Volume(directory) => List::Volume(directory),
        Reached::Above(directory) => {
            List::Above(namespace(|all| all.names(&directory)).into_iter())
        }
    };
    let path = Arc::new(path.to_path_buf());
    Ok(ReadDir { list, path })
}

/// Iterator of [`read_dir`].
pub struct ReadDir {
    list: List,
    path: Arc<PathBuf>,
}

enum List {
    Volume(Directory<Connection>),
    Above(vec::IntoIter<PathBuf>),
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadDir").field(&self.path).finish()
    }
}

impl Iterator for ReadDir {
    type Item = Result<DirEntry>;

    fn next(&mut self) -> Option<Result<DirEntry>> {
        let path = self.path.clone();
        let entry = match &mut self.list {
            List::Above(names) => DirEntry {
                name: names.next()?.into_os_string(),
                kind: Some(FileType::DIRECTORY),
                number: None,
                path,
            },
            List::Volume(directory) => match wait(directory.next()).transpose()? {
                Ok(entry) => DirEntry::new(entry, path),
                Err(error) => return Some(Err(error.into())),
            },
        };
        Some(Ok(entry))
    }
}

/// A name in a directory.
pub struct DirEntry {
    name: OsString,
    kind: Option<FileType>,
    /// The server's number of the file.
    number: Option<u64>,
    /// Of the directory.
    path: Arc<PathBuf>,
}

impl DirEntry {
    fn new(entry: Entry, path: Arc<PathBuf>) -> DirEntry {
        let kind = FileType::of_entry(entry.kind);
        let kind = kind.or(entry
            .qid
            .kind
            .contains(QidKind::DIR)
            .then_some(FileType::DIRECTORY));
        DirEntry {
            name: OsString::of(entry.name),
            kind,
            number: Some(entry.qid.path),
            path,
        }
    }

    /// The path that was listed, and the name.
    pub fn path(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    /// The name.
    pub fn file_name(&self) -> OsString {
        self.name.clone()
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(crate) fn number(&self) -> Option<u64> {
        self.number
    }

    /// What is there; a symbolic link is not followed.
    ///
    /// # Errors
    /// As [`symlink_metadata`].
    pub fn metadata(&self) -> Result<Metadata> {
        symlink_metadata(self.path())
    }

    /// What it is. The listing tells; only if it does not, the server is asked.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn file_type(&self) -> Result<FileType> {
        match self.kind {
            Some(kind) => Ok(kind),
            None => self.metadata().map(|metadata| metadata.file_type()),
        }
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}

/// How directories are made.
#[derive(Debug)]
pub struct DirBuilder {
    mode: u32,
    recursive: bool,
}

impl Default for DirBuilder {
    fn default() -> DirBuilder {
        DirBuilder::new()
    }
}

impl DirBuilder {
    /// One, open to all but writable by its owner alone.
    pub fn new() -> DirBuilder {
        DirBuilder {
            mode: 0o777,
            recursive: false,
        }
    }

    /// Whether those above it are made as well, and it is no error if it is there.
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    pub(crate) fn set_mode(&mut self, mode: u32) {
        self.mode = mode;
    }

    /// Makes it.
    ///
    /// # Errors
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) unless it may be there, and what the file server
    /// says.
    pub fn create<P: AsRef<Path>>(&self, path: P) -> Result<()> {
        let path = path.as_ref();
        let mode = self.mode & 0o7777 & !UMASK;
        if !self.recursive {
            return ops::make_dir(path, mode);
        }
        let is_there = |path: &Path| metadata(path).is_ok_and(|metadata| metadata.is_dir());
        let mut missing: Vec<&Path> = Vec::new();
        let mut next = Some(path);
        // Up, until one can be made or is there; then down again.
        while let Some(path) = next.filter(|path| !path.as_os_str().is_empty()) {
            match ops::make_dir(path, mode) {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_) if is_there(path) => break,
                Err(error) => return Err(error),
            }
            missing.push(path);
            next = path.parent();
            if next.is_none() {
                return Err(Error::text(ErrorKind::Other, "failed to create whole tree"));
            }
        }
        for path in missing.into_iter().rev() {
            match ops::make_dir(path, mode) {
                Err(error) if !is_there(path) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
