//! Names as bytes, which is what they are to a file system.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::prelude::v1::*;

/// The path that these bytes are.
pub(crate) fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// The bytes of a path.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

/// The name of an entry.
pub(crate) fn of(entry: &DirEntry) -> Vec<u8> {
    entry.file_name().as_bytes().to_vec()
}

/// A name in printable characters, each name another text.
pub(crate) fn text(name: &[u8]) -> String {
    name.escape_ascii().to_string()
}
