//! What [`OsStr`] and [`OsString`] can be compared with and made from.

use alloc::borrow::Cow;
use alloc::string::String;
use core::cmp::Ordering;

use super::{OsStr, OsString};

impl AsRef<OsStr> for OsStr {
    fn as_ref(&self) -> &OsStr {
        self
    }
}

impl AsRef<OsStr> for OsString {
    fn as_ref(&self) -> &OsStr {
        self
    }
}

impl AsRef<OsStr> for str {
    fn as_ref(&self) -> &OsStr {
        OsStr::of(self.as_bytes())
    }
}

impl AsRef<OsStr> for String {
    fn as_ref(&self) -> &OsStr {
        OsStr::of(self.as_bytes())
    }
}

impl From<String> for OsString {
    fn from(text: String) -> OsString {
        OsString::of(text.into_bytes())
    }
}

impl<T: ?Sized + AsRef<OsStr>> From<&T> for OsString {
    fn from(text: &T) -> OsString {
        text.as_ref().to_os_string()
    }
}

impl<'a> From<&'a OsStr> for Cow<'a, OsStr> {
    fn from(text: &'a OsStr) -> Cow<'a, OsStr> {
        Cow::Borrowed(text)
    }
}

impl From<OsString> for Cow<'_, OsStr> {
    fn from(text: OsString) -> Self {
        Cow::Owned(text)
    }
}

impl<'a> TryFrom<&'a OsStr> for &'a str {
    type Error = core::str::Utf8Error;

    fn try_from(text: &'a OsStr) -> Result<&'a str, Self::Error> {
        core::str::from_utf8(text.as_encoded_bytes())
    }
}

impl<T: AsRef<OsStr>> Extend<T> for OsString {
    fn extend<I: IntoIterator<Item = T>>(&mut self, texts: I) {
        texts.into_iter().for_each(|text| self.push(text));
    }
}

impl<T: AsRef<OsStr>> FromIterator<T> for OsString {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> OsString {
        let mut all = OsString::new();
        all.extend(texts);
        all
    }
}

impl Default for &OsStr {
    fn default() -> Self {
        OsStr::of(&[])
    }
}

macro_rules! equal {
    ($([$($life:lifetime)?] $left:ty, $right:ty;)*) => {
        $(
            impl<$($life)?> PartialEq<$right> for $left {
                fn eq(&self, other: &$right) -> bool {
                    let (left, right): (&OsStr, &OsStr) = (self.as_ref(), other.as_ref());
                    left.as_encoded_bytes() == right.as_encoded_bytes()
                }
            }

            impl<$($life)?> PartialEq<$left> for $right {
                fn eq(&self, other: &$left) -> bool {
                    other == self
                }
            }
        )*
    };
}

equal! {
    [] OsStr, str;
    [] OsString, str;
    ['a] OsString, &'a str;
    [] OsString, OsStr;
    ['a] OsString, &'a OsStr;
}

impl PartialOrd<str> for OsStr {
    fn partial_cmp(&self, other: &str) -> Option<Ordering> {
        self.partial_cmp(OsStr::new(other))
    }
}
