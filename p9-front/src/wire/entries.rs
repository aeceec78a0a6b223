//! What an open directory holds, as its records come.

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::Deref;

use super::decode::In;
use super::{DirEntry, is_name};
use crate::Error;

/// Bytes of a message, without a copy of their own.
#[derive(Clone, Eq)]
pub struct Data {
    pub(super) message: Vec<u8>,
    pub(super) start: usize,
}

impl Data {
    /// Reads them as entries of a directory ([`Response::Directory`](super::Response::Directory)).
    /// None at all: the directory has no more.
    #[must_use]
    pub fn entries(&self) -> Entries<'_> {
        Entries(In::new(self))
    }
}

impl Deref for Data {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.message[self.start..]
    }
}

/// What it would be in a message of its own.
impl From<Vec<u8>> for Data {
    fn from(message: Vec<u8>) -> Self {
        let start = 0;
        Self { message, start }
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.len())
    }
}

/// Entries of a directory, or where they stop making sense: after an error comes nothing.
///
/// `.` and `..` are passed on, since the last entry's offset is where to go on, whatever its name
/// is ([`DirEntry::is_dot`]). Other names that no file can have are an error: empty, or with a `/`
/// or a NUL in them. That the offsets lead on is not checked: they have no order.
#[derive(Debug)]
pub struct Entries<'a>(In<'a>);

impl<'a> Entries<'a> {
    fn read(&mut self) -> Result<DirEntry<'a>, Error> {
        let entry = DirEntry {
            qid: self.0.qid()?,
            offset: self.0.u64()?,
            kind: self.0.u8()?,
            name: self.0.string()?,
        };
        if entry.is_dot() || is_name(entry.name) {
            Ok(entry)
        } else {
            Err(Error::Answer(
                "a directory has a name that no file can have",
            ))
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<DirEntry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.0 = In::new(&[]);
        }
        Some(entry)
    }
}

impl FusedIterator for Entries<'_> {}

impl DirEntry<'_> {
    /// Whether it is `.` or `..`: the directory itself, or the one above.
    #[must_use]
    pub fn is_dot(&self) -> bool {
        matches!(self.name, b"." | b"..")
    }
}
