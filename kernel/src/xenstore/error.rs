//! What a xenstore call failed on.

use alloc::string::{String, ToString};
use core::fmt;

use ::xenstore::{Errno, Path, ProtocolError, SubmitError};

/// What a xenstore call failed on: names the operation, the path and the reason.
#[derive(Clone, Debug)]
pub struct Error {
    pub(super) operation: &'static str,
    pub(super) path: String,
    pub(super) reason: Reason,
}

/// Why a xenstore call failed.
#[derive(Clone, Debug)]
pub enum Reason {
    /// The path cannot be one.
    Path(::xenstore::PathError),
    /// The request could not be sent.
    Submit(SubmitError),
    /// The server refused, or broke the protocol.
    Server(::xenstore::Error),
    /// The server did not answer in time.
    TimedOut,
    /// The transaction met with changes by others each time it was tried.
    Contended,
}

impl Error {
    pub(super) fn new(operation: &'static str, path: &str, reason: Reason) -> Error {
        Error {
            operation,
            path: path.to_string(),
            reason,
        }
    }
    /// The error number that the server answered, if it did.
    pub fn errno(&self) -> Option<Errno> {
        match &self.reason {
            Reason::Server(error) => error.errno(),
            _ => None,
        }
    }

    /// Whether the server says that there is no such node.
    pub fn is_not_found(&self) -> bool {
        self.errno() == Some(Errno::ENOENT)
    }

    /// Why it failed.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xenstore {}", self.operation)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        f.write_str(": ")?;
        match &self.reason {
            Reason::Path(error) => error.fmt(f),
            Reason::Submit(error) => error.fmt(f),
            Reason::Server(error) => error.fmt(f),
            Reason::TimedOut => f.write_str("xenstored does not answer"),
            Reason::Contended => f.write_str("others keep changing what it touches"),
        }
    }
}

impl core::error::Error for Error {}

/// The path, if it can be one.
pub(super) fn checked<'a>(operation: &'static str, path: &'a str) -> Result<Path<'a>, Error> {
    Path::new(path).map_err(|error| Error::new(operation, path, Reason::Path(error)))
}

impl From<ProtocolError> for Reason {
    fn from(error: ProtocolError) -> Reason {
        Reason::Server(::xenstore::Error::Protocol(error))
    }
}
