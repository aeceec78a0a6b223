//! What [`Path`] and [`PathBuf`] can be compared with and made from.

use alloc::borrow::Cow;
use alloc::string::String;
use core::cmp::Ordering;

use super::{Iter, Path, PathBuf};
use crate::ffi::{OsStr, OsString};

impl AsRef<Path> for Path {
    fn as_ref(&self) -> &Path {
        self
    }
}

macro_rules! as_path {
    ($($text:ty),*) => {
        $(
            impl AsRef<Path> for $text {
                fn as_ref(&self) -> &Path {
                    Path::new(self)
                }
            }
        )*
    };
}

as_path!(str, String, OsStr, OsString);

impl AsRef<Path> for PathBuf {
    fn as_ref(&self) -> &Path {
        self
    }
}

impl AsRef<Path> for Cow<'_, OsStr> {
    fn as_ref(&self) -> &Path {
        Path::new(&**self)
    }
}

impl AsRef<Path> for Iter<'_> {
    fn as_ref(&self) -> &Path {
        self.as_path()
    }
}

impl AsRef<OsStr> for PathBuf {
    fn as_ref(&self) -> &OsStr {
        self.as_os_str()
    }
}

impl<'a> From<&'a Path> for Cow<'a, Path> {
    fn from(path: &'a Path) -> Cow<'a, Path> {
        Cow::Borrowed(path)
    }
}

impl<'a> From<&'a PathBuf> for Cow<'a, Path> {
    fn from(path: &'a PathBuf) -> Cow<'a, Path> {
        Cow::Borrowed(path)
    }
}

impl From<PathBuf> for Cow<'_, Path> {
    fn from(path: PathBuf) -> Self {
        Cow::Owned(path)
    }
}

impl<'a> From<Cow<'a, Path>> for PathBuf {
    fn from(path: Cow<'a, Path>) -> PathBuf {
        path.into_owned()
    }
}

impl PartialEq for PathBuf {
    fn eq(&self, other: &PathBuf) -> bool {
        self.as_path() == other.as_path()
    }
}

impl Eq for PathBuf {}

impl PartialOrd for PathBuf {
    fn partial_cmp(&self, other: &PathBuf) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PathBuf {
    fn cmp(&self, other: &PathBuf) -> Ordering {
        self.as_path().cmp(other)
    }
}

macro_rules! equal {
    ($([$($life:lifetime)*] $left:ty, $right:ty;)*) => {
        $(
            impl<$($life),*> PartialEq<$right> for $left {
                fn eq(&self, other: &$right) -> bool {
                    let (left, right): (&Path, &Path) = (self.as_ref(), other.as_ref());
                    left == right
                }
            }

            impl<$($life),*> PartialEq<$left> for $right {
                fn eq(&self, other: &$left) -> bool {
                    other == self
                }
            }
        )*
    };
}

equal! {
    [] PathBuf, Path;
    ['a] PathBuf, &'a Path;
    ['a] Cow<'a, Path>, Path;
    ['a 'b] Cow<'a, Path>, &'b Path;
    ['a] Cow<'a, Path>, PathBuf;
    [] PathBuf, OsStr;
    ['a] PathBuf, &'a OsStr;
    [] PathBuf, OsString;
    [] Path, OsStr;
    ['a] Path, &'a OsStr;
    [] Path, OsString;
    [] PathBuf, str;
    ['a] PathBuf, &'a str;
    [] PathBuf, String;
    [] Path, str;
    ['a] Path, &'a str;
    [] Path, String;
}
