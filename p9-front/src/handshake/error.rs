//! Why the device could not be brought up: each error names the key, and what stood there.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use xen_front::platform::XenbusState;
use xen_front::ring::ResourceError;
use xen_front::units::DomainId;
use xen_front::xenbus::KeyError;

use crate::config::SECOND_NS;

/// Why the handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The toolstack made no device with that tag.
    NoDevice {
        /// The tag.
        tag: String,
        /// Those that there are, escaped and shortened.
        known: Vec<String>,
    },
    /// A key is missing, refused, or holds what it must not.
    Key(KeyError),
    /// The backend did not reach the state in time.
    TimedOut {
        /// What was waited for.
        awaited: XenbusState,
        /// The state it is in.
        state: XenbusState,
        /// For how long, in nanoseconds.
        after_ns: u64,
    },
    /// The backend saw our rings and closed instead of connecting.
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

impl From<KeyError> for HandshakeError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice { tag, known } if known.is_empty() => write!(
                f,
                "no 9pfs device with the tag \"{tag}\", nor any other, in the domain's \
                 configuration (p9=[...])"
            ),
            Self::NoDevice { tag, known } => {
                write!(f, "no 9pfs device with the tag \"{tag}\"; there are")?;
                for (number, other) in known.iter().enumerate() {
                    let comma = if number == 0 { "" } else { "," };
                    write!(f, "{comma} \"{other}\"")?;
                }
                Ok(())
            }
            Self::Key(error) => error.fmt(f),
            Self::TimedOut {
                awaited,
                state,
                after_ns,
            } => {
                let seconds = after_ns / SECOND_NS;
                write!(
                    f,
                    "the 9pfs backend did not come up: state {state} after {seconds} s, \
                     waiting for {awaited}"
                )
            }
            Self::Refused { state } => {
                write!(f, "the 9pfs backend refused: it went to state {state}")
            }
            Self::BackendChanged { was, is } => {
                write!(f, "the 9pfs backend moved from domain {was} to {is}")
            }
            Self::Resources(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for HandshakeError {}
