//! The one error type of everything that reads, writes or connects.

use alloc::boxed::Box;
use alloc::collections::TryReserveError;
use alloc::ffi::NulError;
use core::fmt;

use pvcalls_front::Errno;

use super::ErrorKind;

/// As [`core::result::Result`], with [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

type Source = Box<dyn core::error::Error + Send + Sync>;

/// An error of an operation: a kind, and what is known beyond that.
///
/// Unlike std's, an error that has a number may have a cause as well: a socket's error says what
/// was tried and what the backend answered, and [`Error::raw_os_error`] tells the number.
pub struct Error(Repr);

enum Repr {
    Kind(ErrorKind),
    Text(ErrorKind, &'static str),
    Number(i32),
    Source {
        kind: ErrorKind,
        number: Option<i32>,
        source: Source,
    },
}

impl Error {
    /// An error with an explanation.
    pub fn new<E: Into<Source>>(kind: ErrorKind, error: E) -> Error {
        Error(Repr::Source {
            kind,
            number: None,
            source: error.into(),
        })
    }

    /// An error of kind [`ErrorKind::Other`].
    pub fn other<E: Into<Source>>(error: E) -> Error {
        Error::new(ErrorKind::Other, error)
    }

    /// An error of a fixed text, without an allocation.
    pub(crate) const fn text(kind: ErrorKind, text: &'static str) -> Error {
        Error(Repr::Text(kind, text))
    }

    /// The error of an error number, with its cause.
    #[cfg_attr(
        not(guest),
        allow(dead_code, reason = "the sockets are only in guests")
    )]
    pub(crate) fn from_os<E: Into<Source>>(number: i32, source: E) -> Error {
        Error(Repr::Source {
            kind: ErrorKind::of_errno(number),
            number: Some(number),
            source: source.into(),
        })
    }

    /// An error with a number of a kind that is not the number's usual one, with its cause.
    #[cfg_attr(not(guest), allow(dead_code, reason = "xenstore is only in guests"))]
    pub(crate) fn with_number<E: Into<Source>>(kind: ErrorKind, number: i32, source: E) -> Error {
        Error(Repr::Source {
            kind,
            number: Some(number),
            source: source.into(),
        })
    }

    /// The error of an error number. Numbers are Linux's on x86, since those are what a backend
    /// sends.
    pub fn from_raw_os_error(code: i32) -> Error {
        Error(Repr::Number(code))
    }

    /// The error number, where one is behind the error: what a backend answered, for sockets.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self.0 {
            Repr::Number(number) => Some(number),
            Repr::Source { number, .. } => number,
            Repr::Kind(_) | Repr::Text(..) => None,
        }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::Kind(kind) | Repr::Text(kind, _) | Repr::Source { kind, .. } => kind,
            Repr::Number(number) => ErrorKind::of_errno(number),
        }
    }

    /// The explanation, if one was given.
    pub fn get_ref(&self) -> Option<&(dyn core::error::Error + Send + Sync + 'static)> {
        match &self.0 {
            Repr::Source { source, .. } => Some(&**source),
            _ => None,
        }
    }

    /// The explanation, if one was given, to be changed.
    pub fn get_mut(&mut self) -> Option<&mut (dyn core::error::Error + Send + Sync + 'static)> {
        match &mut self.0 {
            Repr::Source { source, .. } => Some(&mut **source),
            _ => None,
        }
    }

    /// The explanation, if one was given.
    pub fn into_inner(self) -> Option<Source> {
        match self.0 {
            Repr::Source { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The explanation as an `E`, or the error itself if that is not what it holds.
    pub fn downcast<E>(self) -> core::result::Result<E, Error>
    where
        E: core::error::Error + Send + Sync + 'static,
    {
        match self.0 {
            Repr::Source {
                kind,
                number,
                source,
            } => match source.downcast() {
                Ok(source) => Ok(*source),
                Err(source) => Err(Error(Repr::Source {
                    kind,
                    number,
                    source,
                })),
            },
            other => Err(Error(other)),
        }
    }
}

/// The words for an error number.
struct Number(i32);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Errno::new(self.0) {
            Some(errno) => errno.fmt(f),
            None => write!(f, "error {}", self.0),
        }
    }
}

/// The kind and the explanation, since this is what `main` prints of its error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Kind(kind) => write!(f, "{kind:?}"),
            _ => write!(f, "{:?}: {self}", self.kind()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Kind(kind) => kind.fmt(f),
            Repr::Text(_, text) => f.write_str(text),
            Repr::Number(number) => Number(*number).fmt(f),
            Repr::Source { source, .. } => source.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.get_ref().and_then(|source| source.source())
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error(Repr::Kind(kind))
    }
}

impl From<NulError> for Error {
    fn from(_: NulError) -> Error {
        Error::text(ErrorKind::InvalidInput, "data provided contains a nul byte")
    }
}

impl From<TryReserveError> for Error {
    fn from(_: TryReserveError) -> Error {
        ErrorKind::OutOfMemory.into()
    }
}
