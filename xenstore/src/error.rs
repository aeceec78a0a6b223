//! What can go wrong, by who is to blame: the caller, the store's content, or the server.

use core::fmt;

use crate::wire::PAYLOAD_MAX;
use crate::{Errno, ring::IndexError};

/// A request ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The server answered with an error; the connection lives on.
    Store(Errno),
    /// The server broke the protocol; the connection is over.
    Protocol(ProtocolError),
}

impl Error {
    /// The errno the server answered, if that is what happened.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::Store(errno) => Some(*errno),
            Self::Protocol(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(errno) => errno.fmt(f),
            Self::Protocol(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

/// The caller asked for something that cannot be sent (now).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// The payload has `bytes` bytes; the transport takes `max_bytes`.
    TooLong {
        /// Bytes the payload would have.
        bytes: usize,
        /// Bytes the transport takes.
        max_bytes: usize,
    },
    /// As many requests as a client may have are waiting for a reply or to be taken.
    TooManyRequests,
    /// As many watches as a server gives to one domain are in use.
    TooManyWatches,
    /// The token was never a watch, or was unwatched already.
    NoSuchWatch,
    /// The connection ended earlier, for this reason.
    Ended(ProtocolError),
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, max_bytes } => {
                write!(
                    f,
                    "xenstore request of {bytes} bytes, the limit is {max_bytes}"
                )
            }
            Self::TooManyRequests => f.write_str("too many xenstore requests under way"),
            Self::TooManyWatches => f.write_str("too many xenstore watches"),
            Self::NoSuchWatch => f.write_str("no such xenstore watch"),
            Self::Ended(error) => write!(f, "the xenstore connection has ended: {error}"),
        }
    }
}

impl core::error::Error for SubmitError {}

/// The server broke the protocol. The first such error ends the connection: after it nothing in
/// the stream can be believed, not even where a message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A header announces more payload than a message may have.
    Oversized {
        /// Bytes announced.
        bytes: u32,
    },
    /// A message type that does not exist.
    UnknownType {
        /// The type on the wire.
        message_type: u32,
    },
    /// A reply to a request that is not under way.
    UnknownRequest {
        /// The request id on the wire.
        request_id: u32,
    },
    /// A reply whose type is neither that of its request nor an error.
    WrongType {
        /// Type of the request.
        expected: u32,
        /// Type of the reply.
        found: u32,
    },
    /// A reply whose payload is not what its type says.
    BadReply {
        /// Type of the reply.
        message_type: u32,
    },
    /// A watch event that is not a path and a token.
    BadEvent,
    /// The indexes of the shared ring make no sense.
    Ring(IndexError),
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("xenstore server broke the protocol: ")?;
        match self {
            Self::Oversized { bytes } => {
                write!(f, "message of {bytes} bytes, the limit is {PAYLOAD_MAX}")
            }
            Self::UnknownType { message_type } => {
                write!(f, "message of unknown type {message_type}")
            }
            Self::UnknownRequest { request_id } => {
                write!(f, "reply to request {request_id}, which was not made")
            }
            Self::WrongType { expected, found } => {
                write!(f, "reply of type {found} to a request of type {expected}")
            }
            Self::BadReply { message_type } => write!(f, "malformed reply of type {message_type}"),
            Self::BadEvent => f.write_str("malformed watch event"),
            Self::Ring(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ProtocolError {}
