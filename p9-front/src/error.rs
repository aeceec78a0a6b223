//! What can go wrong with a call.

use alloc::string::String;
use core::fmt;

use crate::Errno;

/// Why a call has no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The server refused, with this number.
    Server(Errno),
    /// The server's answer is not one that this request can have; says what is wrong with it.
    Answer(&'static str),
    /// The server does not speak 9P2000.L; what it speaks instead, escaped and shortened.
    Version(String),
    /// The request does not fit into one message of the agreed size.
    TooLarge,
    /// Too many calls or open files at once.
    Busy,
    /// There is no memory for the message.
    OutOfMemory,
    /// The server took too long; nobody knows whether it did what was asked.
    TimedOut,
    /// The device is gone, or its peer broke the rules of the transport: no call can be answered.
    Gone,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(errno) => errno.fmt(f),
            Self::Answer(what) => write!(f, "the file server's answer makes no sense: {what}"),
            Self::Version(text) => write!(f, "the file server speaks {text}, not 9P2000.L"),
            Self::TooLarge => f.write_str("the request is too large for one message"),
            Self::Busy => f.write_str("too many file operations or open files at once"),
            Self::OutOfMemory => f.write_str("no memory for the message of a file server"),
            Self::TimedOut => f.write_str("the file server does not answer"),
            Self::Gone => f.write_str("the file server is gone"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::Server(errno)
    }
}
