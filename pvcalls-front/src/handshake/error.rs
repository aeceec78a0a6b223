//! Why the device could not be brought up: each error names the key, and what stood there.

use alloc::string::String;
use core::fmt;

use xen_front::xenbus::KeyError;

use crate::config::SECOND_NS;
use crate::errno::Errno;
use crate::error::{Blame, ResourceError};
use crate::platform::XenbusState;
use crate::units::DomainId;

/// Why the handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The toolstack made no such device: `pvcalls=[...]` is missing from the domain's
    /// configuration.
    NoDevice,
    /// A key that must be there is not.
    Missing {
        /// The key.
        key: String,
    },
    /// A key holds what it must not.
    Value {
        /// The key.
        key: String,
        /// What stands there: escaped, and shortened.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// xenstore refused.
    Store {
        /// The key.
        key: String,
        /// Its answer.
        errno: Errno,
    },
    /// The backend did not reach the state in time.
    TimedOut {
        /// What was waited for.
        awaited: XenbusState,
        /// The state it is in.
        state: XenbusState,
        /// For how long, in nanoseconds.
        after_ns: u64,
    },
    /// The backend saw our ring and closed instead of connecting.
    Refused {
        /// The state it went to.
        state: XenbusState,
    },
    /// The device moved to another backend under our hands.
    BackendChanged {
        /// The backend at first.
        was: DomainId,
        /// The backend now.
        is: DomainId,
    },
    /// This guest ran short of something.
    Resources(ResourceError),
}

impl HandshakeError {
    /// Whose fault it is. What the toolstack wrote counts as the caller's.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoDevice => Blame::Caller,
            Self::Resources(_) => Blame::Guest,
            _ => Blame::Backend,
        }
    }
}

impl From<KeyError> for HandshakeError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Missing { key } => Self::Missing { key },
            KeyError::Value {
                key,
                value,
                expected,
            } => Self::Value {
                key,
                value,
                expected,
            },
            KeyError::Store { key, errno } => Self::Store { key, errno },
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice => {
                f.write_str("no pvcalls device in the domain's configuration (pvcalls=[...])")
            }
            Self::Missing { key } => write!(f, "xenstore key {key} is missing"),
            Self::Value {
                key,
                value,
                expected,
            } => write!(f, "xenstore key {key} is \"{value}\", expected {expected}"),
            Self::Store { key, errno } => write!(f, "xenstore key {key}: {errno}"),
            Self::TimedOut {
                awaited,
                state,
                after_ns,
            } => {
                let seconds = after_ns / SECOND_NS;
                write!(
                    f,
                    "the pvcalls backend did not come up: state {state} after {seconds} s, \
                     waiting for {awaited}"
                )
            }
            Self::Refused { state } => {
                write!(f, "the pvcalls backend refused: it went to state {state}")
            }
            Self::BackendChanged { was, is } => {
                write!(f, "the pvcalls backend moved from domain {was} to {is}")
            }
            Self::Resources(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for HandshakeError {}
