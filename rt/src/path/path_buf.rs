//! [`PathBuf`].

use alloc::borrow::Borrow;
use alloc::string::String;
use core::convert::Infallible;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};
use core::str::FromStr;

use ref_cast::RefCast;

use super::Path;
use crate::ffi::{OsStr, OsString};

/// A [`Path`] with its memory.
#[derive(Clone, Default)]
pub struct PathBuf {
    text: OsString,
}

impl PathBuf {
    /// The empty path.
    pub const fn new() -> PathBuf {
        PathBuf {
            text: OsString::new(),
        }
    }

    /// The empty path, with room for that many bytes.
    pub fn with_capacity(capacity: usize) -> PathBuf {
        OsString::with_capacity(capacity).into()
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        self
    }

    /// Its text.
    pub fn into_os_string(self) -> OsString {
        self.text
    }

    /// Its text, to be changed.
    pub fn as_mut_os_string(&mut self) -> &mut OsString {
        &mut self.text
    }

    /// For how many bytes there is memory.
    pub fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Makes room for that many bytes more.
    pub fn reserve(&mut self, additional: usize) {
        self.text.reserve(additional);
    }

    /// Gives back memory that is not used.
    pub fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
    }

    /// Puts the other path below this one, or into its place if that begins at the root.
    pub fn push<P: AsRef<Path>>(&mut self, path: P) {
        let path = path.as_ref();
        if path.has_root() {
            self.clear();
        } else if self
            .text
            .as_encoded_bytes()
            .last()
            .is_some_and(|byte| *byte != b'/')
        {
            self.text.push("/");
        }
        self.text.push(path.as_os_str());
    }

    /// Takes the last part away; false if there was none but the root.
    pub fn pop(&mut self) -> bool {
        let Some(len) = self.parent().map(|parent| parent.as_os_str().len()) else {
            return false;
        };
        self.text.as_mut_vec().truncate(len);
        true
    }

    /// Replaces the last name, or appends one if there was none.
    pub fn set_file_name<S: AsRef<OsStr>>(&mut self, name: S) {
        if self.file_name().is_some() {
            self.pop();
        }
        self.push(name.as_ref());
    }

    /// Replaces the extension; an empty one takes it away. False if there is no file name.
    ///
    /// # Panics
    /// If the extension contains a separator.
    pub fn set_extension<S: AsRef<OsStr>>(&mut self, extension: S) -> bool {
        let Some(stem) = self.file_stem().map(|stem| stem.len()) else {
            return false;
        };
        self.extend_name(stem, extension.as_ref())
    }

    /// Appends an extension to the file's name; an empty one changes nothing. False if there is no
    /// file name.
    ///
    /// # Panics
    /// If the extension contains a separator.
    pub fn add_extension<S: AsRef<OsStr>>(&mut self, extension: S) -> bool {
        let Some(name) = self.file_name().map(|name| name.len()) else {
            return false;
        };
        let extension = extension.as_ref();
        extension.is_empty() || self.extend_name(name, extension)
    }

    /// Keeps that many bytes of the file's name, and puts an extension behind them.
    fn extend_name(&mut self, keep: usize, extension: &OsStr) -> bool {
        let new = extension.as_encoded_bytes();
        assert!(
            !new.contains(&b'/'),
            "extension cannot contain path separators: {extension:?}"
        );
        let Some(name) = self.file_name().map(OsStr::as_encoded_bytes) else {
            return false;
        };
        // The name is a part of the text; separators and `.` may stand behind it, and before it.
        let start = name.as_ptr().addr() - self.bytes().as_ptr().addr();
        let bytes = self.text.as_mut_vec();
        bytes.truncate(start + keep);
        if !new.is_empty() {
            bytes.push(b'.');
            bytes.extend_from_slice(new);
        }
        true
    }
}

impl Deref for PathBuf {
    type Target = Path;

    fn deref(&self) -> &Path {
        Path::new(&self.text)
    }
}

impl DerefMut for PathBuf {
    fn deref_mut(&mut self) -> &mut Path {
        Path::ref_cast_mut(&mut self.text)
    }
}

impl Borrow<Path> for PathBuf {
    fn borrow(&self) -> &Path {
        self
    }
}

impl Hash for PathBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_path().hash(state);
    }
}

impl fmt::Debug for PathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_path(), f)
    }
}

impl From<OsString> for PathBuf {
    fn from(text: OsString) -> PathBuf {
        PathBuf { text }
    }
}

impl From<String> for PathBuf {
    fn from(text: String) -> PathBuf {
        OsString::from(text).into()
    }
}

impl From<PathBuf> for OsString {
    fn from(path: PathBuf) -> OsString {
        path.text
    }
}

impl<T: ?Sized + AsRef<OsStr>> From<&T> for PathBuf {
    fn from(text: &T) -> PathBuf {
        text.as_ref().to_os_string().into()
    }
}

impl FromStr for PathBuf {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<PathBuf, Infallible> {
        Ok(text.into())
    }
}

impl<P: AsRef<Path>> Extend<P> for PathBuf {
    fn extend<I: IntoIterator<Item = P>>(&mut self, paths: I) {
        paths.into_iter().for_each(|path| self.push(path));
    }
}

impl<P: AsRef<Path>> FromIterator<P> for PathBuf {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> PathBuf {
        let mut whole = PathBuf::new();
        whole.extend(paths);
        whole
    }
}
