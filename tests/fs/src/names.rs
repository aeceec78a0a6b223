//! Names as bytes: the one thing that is said differently with std, whose `OsStr` a guest lacks.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::prelude::v1::*;

/// The path that these bytes are.
#[cfg(not(guest))]
pub(crate) fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The path that these bytes are.
#[cfg(guest)]
pub(crate) fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(bytes.to_vec())
}

/// The bytes of a path.
#[cfg(not(guest))]
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

/// The bytes of a path.
#[cfg(guest)]
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    path.as_bytes().to_vec()
}

/// The name of an entry.
pub(crate) fn of(entry: &DirEntry) -> Vec<u8> {
    let path = bytes(&entry.path());
    let start = path.iter().rposition(|byte| *byte == b'/');
    path[start.map_or(0, |slash| slash + 1)..].to_vec()
}

/// A name in printable characters, each name another text.
pub(crate) fn text(name: &[u8]) -> String {
    name.escape_ascii().to_string()
}
