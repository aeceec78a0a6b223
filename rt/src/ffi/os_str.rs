//! [`OsStr`]: bytes that are mostly text.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use core::fmt;

use ref_cast::RefCast;

use super::OsString;

/// The name of a file or another string of the system, as in std on Unix: any bytes, mostly UTF-8.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, RefCast)]
#[repr(transparent)]
pub struct OsStr {
    bytes: [u8],
}

impl OsStr {
    /// Takes what is a string of the system already, or text.
    pub fn new<S: AsRef<OsStr> + ?Sized>(text: &S) -> &OsStr {
        text.as_ref()
    }

    /// These bytes.
    pub(crate) fn of(bytes: &[u8]) -> &OsStr {
        OsStr::ref_cast(bytes)
    }

    /// Its bytes. In std, they are only for std's own use; here, they are what they are.
    pub fn as_encoded_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text, if it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.bytes).ok()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// A copy.
    pub fn to_os_string(&self) -> OsString {
        OsString::of(self.bytes.to_vec())
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all of it is ASCII.
    pub fn is_ascii(&self) -> bool {
        self.bytes.is_ascii()
    }

    /// Whether both are the same but for the case of ASCII letters.
    pub fn eq_ignore_ascii_case<S: AsRef<OsStr>>(&self, other: S) -> bool {
        self.bytes.eq_ignore_ascii_case(&other.as_ref().bytes)
    }

    /// A copy with ASCII letters in lower case.
    pub fn to_ascii_lowercase(&self) -> OsString {
        OsString::of(self.bytes.to_ascii_lowercase())
    }

    /// A copy with ASCII letters in upper case.
    pub fn to_ascii_uppercase(&self) -> OsString {
        OsString::of(self.bytes.to_ascii_uppercase())
    }

    /// Puts ASCII letters into lower case.
    pub fn make_ascii_lowercase(&mut self) {
        self.bytes.make_ascii_lowercase();
    }

    /// Puts ASCII letters into upper case.
    pub fn make_ascii_uppercase(&mut self) {
        self.bytes.make_ascii_uppercase();
    }

    /// To be printed, with U+FFFD for what is not UTF-8.
    pub fn display(&self) -> Display<'_> {
        Display { text: self }
    }
}

/// Text in quotes, other bytes as `\xNN`.
impl fmt::Debug for OsStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    // As it is in a quoted text, where an apostrophe needs no escape.
                    '\'' => f.write_str("'")?,
                    _ => write!(f, "{}", c.escape_debug())?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02X}")?;
            }
        }
        f.write_str("\"")
    }
}

impl ToOwned for OsStr {
    type Owned = OsString;

    fn to_owned(&self) -> OsString {
        self.to_os_string()
    }
}

/// A string of the system, to be printed; see [`OsStr::display`].
pub struct Display<'a> {
    text: &'a OsStr,
}

impl fmt::Debug for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text, f)
    }
}

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text.to_string_lossy())
    }
}
