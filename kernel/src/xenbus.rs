//! Device states as frontends and backends show them in xenstore (xen/io/xenbus.h).

use alloc::string::String;

use crate::time::monotonic_ns;
use crate::xenstore::{self, Error};

/// State of one end of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// No node, or nothing readable in it.
    Unknown,
    /// Starting.
    Initialising,
    /// The backend has published what it offers and waits for the frontend.
    InitWait,
    /// The frontend has published its rings and waits for the backend.
    Initialised,
    /// Working.
    Connected,
    /// On the way to the end.
    Closing,
    /// Ended; may start again.
    Closed,
}

impl State {
    /// The state with this number; unknown ones are as good as none.
    pub fn parse(value: &[u8]) -> State {
        match value {
            b"1" => State::Initialising,
            b"2" => State::InitWait,
            b"3" => State::Initialised,
            b"4" => State::Connected,
            b"5" => State::Closing,
            b"6" => State::Closed,
            _ => State::Unknown,
        }
    }

    /// The number as it stands in xenstore.
    pub fn digits(self) -> &'static str {
        match self {
            State::Unknown => "0",
            State::Initialising => "1",
            State::InitWait => "2",
            State::Initialised => "3",
            State::Connected => "4",
            State::Closing => "5",
            State::Closed => "6",
        }
    }
}

/// The state at `path`; a node that is not there is [`State::Unknown`].
pub fn read_state(path: &str) -> Result<State, Error> {
    match xenstore::read(path) {
        Ok(value) => Ok(State::parse(&value)),
        Err(error) if error.is_not_found() => Ok(State::Unknown),
        Err(error) => Err(error),
    }
}

/// Why a device did not come to a state.
#[derive(Debug)]
pub enum WaitError {
    /// It was in another state at the deadline.
    TimedOut {
        /// Whose state.
        path: String,
        /// The last one seen.
        state: State,
    },
    /// xenstore failed.
    Xenstore(Error),
}

impl core::fmt::Display for WaitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            WaitError::TimedOut { path, state } => {
                write!(f, "{path} is still {} ({state:?})", state.digits())
            }
            WaitError::Xenstore(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for WaitError {}

impl From<Error> for WaitError {
    fn from(error: Error) -> Self {
        WaitError::Xenstore(error)
    }
}

/// Waits until the state at `path` is one that `wanted` accepts, until system time
/// `deadline_ns` at the latest, and returns it.
pub fn wait_for_state(
    path: &str,
    deadline_ns: u64,
    wanted: impl Fn(State) -> bool,
) -> Result<State, WaitError> {
    let watch = xenstore::watch(path)?;
    loop {
        let event = watch.wait_until(deadline_ns);
        let state = read_state(path)?;
        if wanted(state) {
            return Ok(state);
        }
        if event.is_none() || monotonic_ns() >= deadline_ns {
            return Err(WaitError::TimedOut {
                path: path.into(),
                state,
            });
        }
    }
}
