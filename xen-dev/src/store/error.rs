//! What can go wrong with a request to xenstore, and about which path.

use std::fmt;
use std::io;
use std::time::Duration;

use xenstore::{Errno, PathError, ProtocolError, SubmitError};

/// A request failed.
#[derive(Debug)]
pub struct StoreError {
    /// What was asked, as a verb: `read`, `watch`.
    operation: &'static str,
    /// The path; empty for what has none.
    path: String,
    reason: Reason,
}

/// Why a request failed.
#[derive(Debug)]
pub enum Reason {
    /// The server answered with an error; all is well otherwise.
    Store(Errno),
    /// The path cannot exist.
    Path(PathError),
    /// The request cannot be made: too long, or too many watches.
    Submit(SubmitError),
    /// There was no answer in this time. Whether the server did what was asked is not known.
    TimedOut(Duration),
    /// The server broke the protocol; the connection is over.
    Protocol(ProtocolError),
    /// The connection is broken, or the server has closed it (`UnexpectedEof`).
    Io(io::Error),
}

impl StoreError {
    pub(crate) fn new(operation: &'static str, path: &str, reason: impl Into<Reason>) -> Self {
        Self {
            operation,
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// An error that a server could have answered: for stores that are not real, in tests.
    #[must_use]
    pub fn answered(operation: &'static str, path: &str, errno: Errno) -> Self {
        Self::new(operation, path, errno)
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The error the server answered, if that is what happened.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self.reason {
            Reason::Store(errno) => Some(errno),
            _ => None,
        }
    }

    /// The node does not exist, or this domain may not see whether it does: that is what the
    /// server answers a domain without privileges about a node in a directory that is gone.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.errno(), Some(Errno::ENOENT | Errno::EACCES))
    }

    /// Every later request will fail, too: the connection is of no more use.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self.reason, Reason::Protocol(_) | Reason::Io(_))
            || matches!(self.reason, Reason::Submit(SubmitError::Ended(_)))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xenstore, {}", self.operation)?;
        // A path that is wrong is shown, cut to size, by its error.
        if !self.path.is_empty() && !matches!(self.reason, Reason::Path(_)) {
            write!(f, " {}", self.path)?;
        }
        f.write_str(": ")?;
        match &self.reason {
            Reason::Store(error) => error.fmt(f),
            Reason::Path(error) => error.fmt(f),
            Reason::Submit(error) => error.fmt(f),
            Reason::TimedOut(limit) => write!(f, "no answer in {} s", limit.as_secs_f32()),
            Reason::Protocol(error) => error.fmt(f),
            Reason::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<Errno> for Reason {
    fn from(errno: Errno) -> Self {
        Self::Store(errno)
    }
}

impl From<PathError> for Reason {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl From<SubmitError> for Reason {
    fn from(error: SubmitError) -> Self {
        Self::Submit(error)
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<xenstore::Error> for Reason {
    fn from(error: xenstore::Error) -> Self {
        match error {
            xenstore::Error::Store(errno) => Self::Store(errno),
            xenstore::Error::Protocol(error) => Self::Protocol(error),
        }
    }
}
