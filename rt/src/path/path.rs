//! [`Path`].

use alloc::borrow::{Cow, ToOwned};
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use ref_cast::RefCast;
use typed_path::UnixPath;

use super::{Ancestors, Component, Components, Iter, PathBuf};
use crate::ffi::{self, OsStr};

/// A path, as in std on Unix.
#[derive(RefCast)]
#[repr(transparent)]
pub struct Path {
    text: OsStr,
}

impl Path {
    /// The path of that text.
    pub fn new<S: AsRef<OsStr> + ?Sized>(text: &S) -> &Path {
        Path::ref_cast(text.as_ref())
    }

    #[cfg(any(guest, test))]
    pub(crate) fn of_bytes(bytes: &[u8]) -> &Path {
        Path::new(OsStr::of(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.as_encoded_bytes()
    }

    pub(super) fn unix(&self) -> &UnixPath {
        UnixPath::new(self.bytes())
    }

    /// Its text.
    pub fn as_os_str(&self) -> &OsStr {
        &self.text
    }

    /// Its text, to be changed.
    pub fn as_mut_os_str(&mut self) -> &mut OsStr {
        &mut self.text
    }

    /// Its text, if it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        self.text.to_str()
    }

    /// Its text, with U+FFFD for what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        self.text.to_string_lossy()
    }

    /// A copy.
    pub fn to_path_buf(&self) -> PathBuf {
        PathBuf::from(self.text.to_os_string())
    }

    /// Whether it begins at the root.
    pub fn is_absolute(&self) -> bool {
        self.has_root()
    }

    /// Whether it does not.
    pub fn is_relative(&self) -> bool {
        !self.has_root()
    }

    /// Whether it begins at the root.
    pub fn has_root(&self) -> bool {
        self.bytes().first() == Some(&b'/')
    }

    /// The path without its last part; `None` for the root and the empty path.
    pub fn parent(&self) -> Option<&Path> {
        let mut parts = self.components();
        match parts.next_back()? {
            Component::Normal(_) | Component::CurDir | Component::ParentDir => {
                Some(parts.as_path())
            }
            Component::RootDir | Component::Prefix(_) => None,
        }
    }

    /// The path and what is above it.
    pub fn ancestors(&self) -> Ancestors<'_> {
        Ancestors(Some(self))
    }

    /// The last part, if that is a name.
    pub fn file_name(&self) -> Option<&OsStr> {
        match self.components().next_back()? {
            Component::Normal(name) => Some(name),
            _ => None,
        }
    }

    /// The path after `base`.
    ///
    /// # Errors
    /// The path does not begin with `base`.
    pub fn strip_prefix<P: AsRef<Path>>(&self, base: P) -> Result<&Path, StripPrefixError> {
        let mut rest = self.components();
        for part in base.as_ref().components() {
            if rest.next() != Some(part) {
                return Err(StripPrefixError(()));
            }
        }
        Ok(rest.as_path())
    }

    /// Whether its first parts are those of `base`.
    pub fn starts_with<P: AsRef<Path>>(&self, base: P) -> bool {
        self.strip_prefix(base).is_ok()
    }

    /// Whether its last parts are those of `child`.
    pub fn ends_with<P: AsRef<Path>>(&self, child: P) -> bool {
        let mut own = self.components();
        child
            .as_ref()
            .components()
            .rev()
            .all(|part| own.next_back() == Some(part))
    }

    /// The file's name without its extension.
    pub fn file_stem(&self) -> Option<&OsStr> {
        self.unix().file_stem().map(OsStr::of)
    }

    /// What comes after the last point of the file's name, unless the name begins with that.
    pub fn extension(&self) -> Option<&OsStr> {
        self.unix().extension().map(OsStr::of)
    }

    /// What comes before the first point of the file's name, unless the name begins with that.
    pub fn file_prefix(&self) -> Option<&OsStr> {
        let name = self.file_name()?.as_encoded_bytes();
        let point = name.iter().skip(1).position(|byte| *byte == b'.');
        Some(OsStr::of(point.map_or(name, |before| &name[..before + 1])))
    }

    /// The path, and below it the other, unless that begins at the root.
    pub fn join<P: AsRef<Path>>(&self, path: P) -> PathBuf {
        let mut whole = self.to_path_buf();
        whole.push(path);
        whole
    }

    /// The path with another last name.
    pub fn with_file_name<S: AsRef<OsStr>>(&self, name: S) -> PathBuf {
        let mut path = self.to_path_buf();
        path.set_file_name(name);
        path
    }

    /// The path with another extension.
    pub fn with_extension<S: AsRef<OsStr>>(&self, extension: S) -> PathBuf {
        let mut path = self.to_path_buf();
        path.set_extension(extension);
        path
    }

    /// The path with one extension more.
    pub fn with_added_extension<S: AsRef<OsStr>>(&self, extension: S) -> PathBuf {
        let mut path = self.to_path_buf();
        path.add_extension(extension);
        path
    }

    /// Its parts. Doubled separators, one at the end, and `.` but for the first are left out.
    pub fn components(&self) -> Components<'_> {
        Components::new(self.unix())
    }

    /// Its parts, as strings.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.components())
    }

    /// To be printed, with U+FFFD for what is not UTF-8.
    pub fn display(&self) -> Display<'_> {
        Display(self.text.display())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.components() == other.components()
    }
}

impl Eq for Path {}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Path) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Path) -> Ordering {
        self.components().cmp(other.components())
    }
}

impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.components().hash(state);
    }
}

impl ToOwned for Path {
    type Owned = PathBuf;

    fn to_owned(&self) -> PathBuf {
        self.to_path_buf()
    }
}

impl<'a> IntoIterator for &'a Path {
    type Item = &'a OsStr;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl AsRef<OsStr> for Path {
    fn as_ref(&self) -> &OsStr {
        &self.text
    }
}

/// A path, to be printed; see [`Path::display`].
#[derive(Debug)]
pub struct Display<'a>(ffi::Display<'a>);

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A path does not begin with what [`Path::strip_prefix`] was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripPrefixError(());

impl fmt::Display for StripPrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("prefix not found")
    }
}

impl core::error::Error for StripPrefixError {}
