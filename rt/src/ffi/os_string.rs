//! [`OsString`], which owns an [`OsStr`].

use alloc::borrow::Borrow;
use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::str::FromStr;

use ref_cast::RefCast;

use super::OsStr;

/// An [`OsStr`] with its memory.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OsString {
    bytes: Vec<u8>,
}

impl OsString {
    /// Nothing.
    pub const fn new() -> OsString {
        OsString { bytes: Vec::new() }
    }

    /// These bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> OsString {
        OsString { bytes }
    }

    /// Nothing, with room for that many bytes.
    pub fn with_capacity(capacity: usize) -> OsString {
        OsString::of(Vec::with_capacity(capacity))
    }

    /// The string.
    pub fn as_os_str(&self) -> &OsStr {
        self
    }

    /// Its bytes.
    pub fn into_encoded_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// As text.
    ///
    /// # Errors
    /// The string itself, if it is not UTF-8.
    pub fn into_string(self) -> Result<String, OsString> {
        String::from_utf8(self.bytes).map_err(|error| OsString::of(error.into_bytes()))
    }

    /// Appends.
    pub fn push<T: AsRef<OsStr>>(&mut self, text: T) {
        self.bytes
            .extend_from_slice(text.as_ref().as_encoded_bytes());
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// For how many bytes there is memory.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Makes room for that many bytes more.
    pub fn reserve(&mut self, additional: usize) {
        self.bytes.reserve(additional);
    }

    /// Gives back memory that is not used.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The bytes, to be changed.
    pub(crate) fn as_mut_vec(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Deref for OsString {
    type Target = OsStr;

    fn deref(&self) -> &OsStr {
        OsStr::of(&self.bytes)
    }
}

impl DerefMut for OsString {
    fn deref_mut(&mut self) -> &mut OsStr {
        OsStr::ref_cast_mut(&mut self.bytes)
    }
}

impl Borrow<OsStr> for OsString {
    fn borrow(&self) -> &OsStr {
        self
    }
}

impl fmt::Debug for OsString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_os_str(), f)
    }
}

impl fmt::Write for OsString {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

impl FromStr for OsString {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<OsString, Infallible> {
        Ok(text.into())
    }
}
