//! Paths that a server will accept, checked before anything is sent.
//!
//! A client that sends a bad path gets `EINVAL` with no hint; checked here, the error names the
//! path and what is wrong with it.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use xen_sys::{XENSTORE_ABS_PATH_MAX, XENSTORE_REL_PATH_MAX};

/// A path in the store: absolute (`/local/domain/3/name`) or relative to the home of the asking domain (`name`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path<'a>(&'a str);

impl<'a> Path<'a> {
    /// Checks a path.
    ///
    /// # Errors
    /// Says what is wrong with which path.
    pub fn new(path: &'a str) -> Result<Self, PathError> {
        match problem(path) {
            None => Ok(Self(path)),
            Some(problem) => Err(PathError {
                path: path.to_owned(),
                problem,
            }),
        }
    }

    /// The text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProblem {
    /// It has no byte at all.
    Empty,
    /// It has more bytes than this.
    TooLong(u32),
    /// A character other than ASCII letters, digits and `-/_@` stands at this byte.
    Character(usize),
    /// Two slashes follow each other at this byte.
    DoubleSlash(usize),
    /// It ends in a slash without being the root.
    TrailingSlash,
}

/// A path that no server accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// The path as given.
    pub path: String,
    /// What is wrong with it.
    pub problem: PathProblem,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Long paths are cut: they end up in one line of a log.
        let shown: String = self.path.chars().take(80).collect();
        let dots = if shown.len() < self.path.len() {
            "…"
        } else {
            ""
        };
        write!(f, "bad xenstore path {shown:?}{dots}: ")?;
        match self.problem {
            PathProblem::Empty => f.write_str("it is empty"),
            PathProblem::TooLong(max) => write!(f, "{} bytes, the limit is {max}", self.path.len()),
            PathProblem::Character(at) => write!(f, "character not allowed at byte {at}"),
            PathProblem::DoubleSlash(at) => write!(f, "two slashes at byte {at}"),
            PathProblem::TrailingSlash => f.write_str("it ends in a slash"),
        }
    }
}

impl core::error::Error for PathError {}

fn problem(path: &str) -> Option<PathProblem> {
    let max = if path.starts_with('/') {
        XENSTORE_ABS_PATH_MAX
    } else {
        XENSTORE_REL_PATH_MAX
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_@".contains(&byte);
    if path.is_empty() {
        Some(PathProblem::Empty)
    } else if path.len() > max as usize {
        Some(PathProblem::TooLong(max))
    } else if let Some(at) = path.bytes().position(|byte| !allowed(byte)) {
        Some(PathProblem::Character(at))
    } else if let Some(at) = path.find("//") {
        Some(PathProblem::DoubleSlash(at))
    } else if path.len() > 1 && path.ends_with('/') {
        Some(PathProblem::TrailingSlash)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_special_paths_pass() {
        for path in [
            "/",
            "name",
            "/local/domain/0/backend/pvcalls/1/0/state",
            "@releaseDomain",
            "a-b_c",
        ] {
            assert_eq!(Path::new(path).map(Path::as_str), Ok(path));
        }
        assert!(Path::new(&"a".repeat(2048)).is_ok());
        assert!(Path::new(&format!("/{}", "a".repeat(3071))).is_ok());
    }

    #[test]
    fn each_problem_is_named() {
        let problem = |path: &str| Path::new(path).unwrap_err().problem;
        assert_eq!(problem(""), PathProblem::Empty);
        assert_eq!(problem(&"a".repeat(2049)), PathProblem::TooLong(2048));
        assert_eq!(
            problem(&format!("/{}", "a".repeat(3072))),
            PathProblem::TooLong(3072)
        );
        assert_eq!(problem("a b"), PathProblem::Character(1));
        assert_eq!(problem("a\0"), PathProblem::Character(1));
        assert_eq!(problem("näme"), PathProblem::Character(1));
        assert_eq!(problem("/a//b"), PathProblem::DoubleSlash(2));
        assert_eq!(problem("a/"), PathProblem::TrailingSlash);
    }

    #[test]
    fn the_error_shows_the_path() {
        let error = Path::new("device//0").unwrap_err().to_string();
        assert_eq!(
            error,
            "bad xenstore path \"device//0\": two slashes at byte 6"
        );
        let error = Path::new(&"é".repeat(3000)).unwrap_err().to_string();
        assert!(
            error.contains("é\"…: 6000 bytes, the limit is 2048"),
            "{error}"
        );
    }
}
