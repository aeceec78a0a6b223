//! The parts of a path.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::iter::FusedIterator;

use typed_path::{UnixComponent, UnixComponents, UnixPath};

use super::Path;
use crate::ffi::OsStr;

/// What Windows' paths begin with: never here, for code that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prefix<'a> {
    /// Never.
    #[doc(hidden)]
    Never(core::convert::Infallible, &'a OsStr),
}

/// A [`Prefix`] and its text: never here, for code that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefixComponent<'a>(Prefix<'a>);

impl<'a> PrefixComponent<'a> {
    /// Its kind.
    pub fn kind(&self) -> Prefix<'a> {
        self.0
    }

    /// Its text.
    pub fn as_os_str(&self) -> &'a OsStr {
        match self.0 {
            Prefix::Never(never, _) => match never {},
        }
    }
}

/// A part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component<'a> {
    /// Of Windows' paths.
    Prefix(PrefixComponent<'a>),
    /// `/` at the beginning.
    RootDir,
    /// `.` at the beginning.
    CurDir,
    /// `..`
    ParentDir,
    /// A name.
    Normal(&'a OsStr),
}

impl<'a> Component<'a> {
    /// As it is written.
    pub fn as_os_str(self) -> &'a OsStr {
        match self {
            Component::Prefix(prefix) => prefix.as_os_str(),
            Component::RootDir => OsStr::of(b"/"),
            Component::CurDir => OsStr::of(b"."),
            Component::ParentDir => OsStr::of(b".."),
            Component::Normal(name) => name,
        }
    }

    pub(super) fn of(part: UnixComponent<'a>) -> Component<'a> {
        match part {
            UnixComponent::RootDir => Component::RootDir,
            UnixComponent::CurDir => Component::CurDir,
            UnixComponent::ParentDir => Component::ParentDir,
            UnixComponent::Normal(name) => Component::Normal(OsStr::of(name)),
        }
    }
}

impl AsRef<OsStr> for Component<'_> {
    fn as_ref(&self) -> &OsStr {
        self.as_os_str()
    }
}

impl AsRef<Path> for Component<'_> {
    fn as_ref(&self) -> &Path {
        Path::new(self.as_os_str())
    }
}

/// Iterator over the parts of a path: [`Path::components`].
#[derive(Clone)]
pub struct Components<'a> {
    inner: UnixComponents<'a>,
    /// Whether the first part is taken, so that no `/` or `.` at the front is one.
    started: bool,
}

impl<'a> Components<'a> {
    pub(super) fn new(path: &'a UnixPath) -> Components<'a> {
        Components {
            inner: path.components(),
            started: false,
        }
    }

    /// What is left, without separators and `.` that mean nothing at its ends.
    pub fn as_path(&self) -> &'a Path {
        let mut left = typed_path::Components::as_bytes(&self.inner);
        let is_part = |name: &[u8]| !name.is_empty() && name != b".";
        let mut keep = 0;
        if self.started {
            while let Some(at) = left.iter().position(|byte| *byte == b'/')
                && !is_part(&left[..at])
            {
                left = &left[at + 1..];
            }
        } else if left.starts_with(b"/") || left == b"." || left.starts_with(b"./") {
            keep = 1;
        }
        while left.len() > keep {
            let name = left[keep..].rsplit(|byte| *byte == b'/').next();
            let name = name.unwrap_or_default();
            if is_part(name) {
                break;
            }
            left = &left[..(left.len() - name.len()).saturating_sub(1).max(keep)];
        }
        Path::new(OsStr::of(left))
    }
}

impl fmt::Debug for Components<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = Component<'a>;

    fn next(&mut self) -> Option<Component<'a>> {
        self.started = true;
        self.inner.next().map(Component::of)
    }
}

impl<'a> DoubleEndedIterator for Components<'a> {
    fn next_back(&mut self) -> Option<Component<'a>> {
        self.inner.next_back().map(Component::of)
    }
}

impl FusedIterator for Components<'_> {}

impl AsRef<Path> for Components<'_> {
    fn as_ref(&self) -> &Path {
        self.as_path()
    }
}

impl AsRef<OsStr> for Components<'_> {
    fn as_ref(&self) -> &OsStr {
        self.as_path().as_os_str()
    }
}

impl PartialEq for Components<'_> {
    fn eq(&self, other: &Self) -> bool {
        Iterator::eq(self.clone(), other.clone())
    }
}

impl Eq for Components<'_> {}

impl PartialOrd for Components<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Components<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        Iterator::cmp(self.clone(), other.clone())
    }
}

impl Hash for Components<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.clone().for_each(|part| part.hash(state));
    }
}

/// Iterator over the parts of a path as strings: [`Path::iter`].
#[derive(Clone)]
pub struct Iter<'a>(pub(super) Components<'a>);

impl<'a> Iter<'a> {
    /// What is left.
    pub fn as_path(&self) -> &'a Path {
        self.0.as_path()
    }
}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a OsStr;

    fn next(&mut self) -> Option<&'a OsStr> {
        self.0.next().map(Component::as_os_str)
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    fn next_back(&mut self) -> Option<&'a OsStr> {
        self.0.next_back().map(Component::as_os_str)
    }
}

impl FusedIterator for Iter<'_> {}

/// Iterator over a path and what is above it: [`Path::ancestors`].
#[derive(Clone, Copy, Debug)]
pub struct Ancestors<'a>(pub(super) Option<&'a Path>);

impl<'a> Iterator for Ancestors<'a> {
    type Item = &'a Path;

    fn next(&mut self) -> Option<&'a Path> {
        let next = self.0?;
        self.0 = next.parent();
        Some(next)
    }
}

impl FusedIterator for Ancestors<'_> {}
