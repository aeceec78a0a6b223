//! The lines of a transcript.

use std::fmt::Debug;
use std::io::{Error, ErrorKind, Result};
use std::prelude::v1::*;
use std::println;

/// What begins each line, so that it is told from others' on a console.
const MARK: &str = "| ";

/// Lines that say what was tried, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: Vec<String>,
    part: String,
}

/// Tries something, and writes down what came of it: what the source says is its name.
macro_rules! step {
    ($log:expr, $what:expr) => {
        $log.step(stringify!($what), $what)
    };
}
pub(crate) use step;

impl Log {
    /// What follows is about `part`.
    pub(crate) fn title(&mut self, part: &str) {
        part.clone_into(&mut self.part);
    }

    /// What came of `what`.
    pub(crate) fn step<T: Debug>(&mut self, what: &str, result: Result<T>) {
        // The compiler may have broken an expression into lines.
        let what: Vec<&str> = what.split_whitespace().collect();
        let (part, what) = (&self.part, what.join(" "));
        let line = match result {
            Ok(value) => format!("{MARK}{part}: {what}: {value:?}"),
            Err(error) => format!("{MARK}{part}: {what}: {}", kind(&error)),
        };
        println!("{line}");
        self.lines.push(line);
    }

    /// That `what` is so.
    pub(crate) fn note(&mut self, what: &str, value: impl Debug) {
        self.step(what, Ok(value));
    }

    /// All lines.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// The kind of an error as both sides can say it: kinds that std cannot name are `Other`, with
/// the system's number.
pub(crate) fn kind(error: &Error) -> String {
    let name = std::format!("{:?}", error.kind());
    match (name.as_str(), error.raw_os_error()) {
        ("Uncategorized" | "FilesystemLoop" | "Other", Some(number)) => {
            std::format!("Other({number})")
        }
        // An explanation of its own.
        ("Other", None) => std::format!("Other: {error}"),
        _ => name,
    }
}

/// An error that says what a check found.
pub(crate) fn failure(what: impl Into<String>) -> Error {
    Error::other(what.into())
}

/// The error of an argument that makes no sense.
pub(crate) fn usage(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, what.into())
}
