//! A path taken to pieces.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use crate::wire::is_name;
use crate::{Errno, Error};

/// Longest path, and longest target of a link, bytes; as Linux, without the end mark.
pub(super) const PATH_MAX: usize = 4095;
/// Longest name, bytes; as Linux.
const NAME_MAX: usize = 255;

/// The path leaves the volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escape {
    /// Where to go on, links that led there resolved: absolute, or `..` and what follows it, from
    /// the volume's root.
    pub path: Vec<u8>,
    /// Symbolic links followed so far, for the next volume to count on from.
    pub links: u32,
}

/// Why a path led to no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathError {
    /// It leaves the volume: the caller goes on.
    Escapes(Escape),
    /// It leads nowhere, or the server failed.
    Failed(Error),
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escapes(escape) => {
                write!(f, "leads out, to {}", escape.path.escape_ascii())
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PathError {}

impl From<Error> for PathError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Errno> for PathError {
    fn from(errno: Errno) -> Self {
        Self::Failed(Error::Server(errno))
    }
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To a name.
    Name(Vec<u8>),
    /// `..`.
    Up,
}

/// The last piece of a path, if it is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// Nothing but slashes, or nothing.
    Root,
    Name,
    Dot,
    DotDot,
}

/// A path in pieces, without `.` and empty ones.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) absolute: bool,
    pub(super) steps: VecDeque<Step>,
    pub(super) last: Last,
    /// Whether a slash ends it.
    pub(super) slash: bool,
}

impl Steps {
    /// `EINVAL` for a NUL, `ENAMETOOLONG`.
    pub(super) fn new(path: &[u8]) -> Result<Self, Errno> {
        if path.contains(&0) {
            return Err(Errno::EINVAL);
        }
        if path.len() > PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let mut steps = VecDeque::new();
        let mut last = Last::Root;
        for piece in path.split(|&byte| byte == b'/') {
            last = match piece {
                b"" => continue,
                b"." => Last::Dot,
                b".." => {
                    steps.push_back(Step::Up);
                    Last::DotDot
                }
                name if name.len() > NAME_MAX => return Err(Errno::ENAMETOOLONG),
                name => {
                    steps.push_back(Step::Name(name.to_vec()));
                    Last::Name
                }
            };
        }
        Ok(Self {
            absolute: path.first() == Some(&b'/'),
            steps,
            last,
            slash: path.last() == Some(&b'/'),
        })
    }

    /// Whether only a directory can be meant.
    pub(super) fn is_directory(&self) -> bool {
        self.slash || self.last != Last::Name
    }
}

/// A name that the server may be sent: `ENOENT` if it is empty, `EINVAL` if it is more or less than
/// a name, `ENAMETOOLONG`.
pub(super) fn check_name(name: &[u8]) -> Result<(), Errno> {
    match name {
        b"" => Err(Errno::ENOENT),
        _ if !is_name(name) => Err(Errno::EINVAL),
        _ if name.len() > NAME_MAX => Err(Errno::ENAMETOOLONG),
        _ => Ok(()),
    }
}

/// `first` and the steps that are left, as a path again.
pub(super) fn join(first: &[u8], rest: &VecDeque<Step>, directory: bool) -> Vec<u8> {
    let mut path = first.to_vec();
    for step in rest {
        if path.last().is_some_and(|&byte| byte != b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(match step {
            Step::Name(name) => name,
            Step::Up => b"..",
        });
    }
    if directory && path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &[u8]) -> Vec<Vec<u8>> {
        let steps = Steps::new(path).unwrap().steps;
        steps
            .into_iter()
            .map(|step| match step {
                Step::Name(name) => name,
                Step::Up => b"<up>".to_vec(),
            })
            .collect()
    }

    #[test]
    fn dots_and_double_slashes_are_nothing() {
        assert_eq!(texts(b"/a//./b/"), [b"a", b"b"]);
        assert_eq!(texts(b""), [b""; 0]);
        assert_eq!(texts(b"a/../..b"), [&b"a"[..], b"<up>", b"..b"]);
    }

    #[test]
    fn what_only_a_directory_can_be() {
        for (path, directory) in [
            (&b"a"[..], false),
            (b"a/", true),
            (b"a/.", true),
            (b"..", true),
            (b"/", true),
            (b"", true),
            (b"./a", false),
        ] {
            assert_eq!(Steps::new(path).unwrap().is_directory(), directory);
        }
    }

    #[test]
    fn what_is_no_path() {
        assert_eq!(Steps::new(b"a\0b"), Err(Errno::EINVAL));
        assert_eq!(Steps::new(&[b'x'; 256]), Err(Errno::ENAMETOOLONG));
        assert!(Steps::new(&[b'x'; 255]).is_ok());
        let long = b"abc/".repeat(1024);
        assert_eq!(Steps::new(&long), Err(Errno::ENAMETOOLONG));
        assert!(Steps::new(&long[..4095]).is_ok());
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0", &[b'x'; 256]] {
            assert!(check_name(name).is_err());
        }
        assert!(check_name(b"...").is_ok());
    }

    #[test]
    fn a_path_put_together_again() {
        let rest = Steps::new(b"x/../y").unwrap().steps;
        assert_eq!(join(b"/t", &rest, false), b"/t/x/../y");
        assert_eq!(join(b"/t/", &rest, true), b"/t/x/../y/");
        assert_eq!(join(b"..", &VecDeque::new(), true), b"../");
    }
}
