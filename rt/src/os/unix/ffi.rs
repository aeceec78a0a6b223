//! Strings of the system are bytes.

use alloc::vec::Vec;

use crate::ffi::{OsStr, OsString};

/// An [`OsStr`] as bytes.
pub trait OsStrExt {
    /// These bytes.
    fn from_bytes(bytes: &[u8]) -> &Self;
    /// Its bytes.
    fn as_bytes(&self) -> &[u8];
}

impl OsStrExt for OsStr {
    fn from_bytes(bytes: &[u8]) -> &OsStr {
        OsStr::of(bytes)
    }

    fn as_bytes(&self) -> &[u8] {
        self.as_encoded_bytes()
    }
}

/// An [`OsString`] as bytes.
pub trait OsStringExt {
    /// These bytes.
    fn from_vec(bytes: Vec<u8>) -> Self;
    /// Its bytes.
    fn into_vec(self) -> Vec<u8>;
}

impl OsStringExt for OsString {
    fn from_vec(bytes: Vec<u8>) -> OsString {
        OsString::of(bytes)
    }

    fn into_vec(self) -> Vec<u8> {
        self.into_encoded_bytes()
    }
}
