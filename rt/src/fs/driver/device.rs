//! The devices, by their tags, and who waits for one to come up.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::{Poll, Waker};

use kernel::event;
use kernel::thread;
use kernel::time::{NS_PER_S, monotonic_ns};
use p9_front::{Errno, Error as Failure, HandshakeError};
use spin::Mutex;
use xen_front::units::Port;

use super::line::Line;
use super::{Client, tend};
use crate::io::{Error, ErrorKind, Result};

/// How long those who need a device wait, since its server went away. After that they fail at once,
/// until it is back.
const OUTAGE_NS: u64 = 10 * NS_PER_S;

/// All that were ever asked for.
static DEVICES: Mutex<Vec<Arc<Device>>> = Mutex::new(Vec::new());

/// The device of a tag.
pub(super) struct Device {
    tag: String,
    state: Mutex<State>,
    line: Mutex<Option<Arc<Line>>>,
}

/// How far the device is.
enum State {
    /// Nobody has needed it, or it did not come up: the number of the attempt, and why.
    Down(Option<(u64, StartError)>),
    /// Its thread brings it up.
    Starting {
        /// Which attempt it is.
        attempt: u64,
        /// Those who wait for its outcome.
        waiting: Vec<Waker>,
    },
    /// It is in use.
    Up(Client),
    /// It was, and its thread brings it up again.
    Lost {
        /// When those who need it do not wait any more, system time.
        until_ns: u64,
        /// Those who wait.
        waiting: Vec<Waker>,
    },
}

/// Why a device did not come up.
#[derive(Clone, Debug)]
pub(super) enum StartError {
    /// The transport.
    Handshake(HandshakeError),
    /// The server.
    Attach(Failure),
}

impl StartError {
    fn to_io(&self, tag: &str) -> Error {
        match self {
            StartError::Handshake(error) => {
                let kind = match error {
                    HandshakeError::NoDevice { .. } => ErrorKind::NotFound,
                    HandshakeError::TimedOut { .. } => ErrorKind::TimedOut,
                    HandshakeError::Key(_) => ErrorKind::InvalidData,
                    HandshakeError::Resources(_) => ErrorKind::OutOfMemory,
                    _ => ErrorKind::Other,
                };
                Error::new(kind, format!("volume {tag:?}: {error}"))
            }
            StartError::Attach(failure) => {
                let kind = Error::from(failure.clone()).kind();
                Error::new(kind, format!("volume {tag:?}: {failure}"))
            }
        }
    }
}

/// All devices.
pub(super) fn all() -> Vec<Arc<Device>> {
    DEVICES.lock().clone()
}

/// Calls `f` with every session in use. `f` must not ask for devices, nor may wakers that it wakes.
pub(super) fn for_each_line(mut f: impl FnMut(&Line)) {
    for device in &*DEVICES.lock() {
        if let Some(line) = device.line() {
            f(&line);
        }
    }
}

impl Device {
    /// The one of that tag, if anybody ever asked for it.
    pub(super) fn find(tag: &str) -> Option<Arc<Device>> {
        let devices = DEVICES.lock();
        devices.iter().find(|device| device.tag == tag).cloned()
    }

    /// The one of that tag.
    pub(super) fn get(tag: &str) -> Arc<Device> {
        if let Some(device) = Device::find(tag) {
            return device;
        }
        let device = Arc::new(Device {
            tag: tag.into(),
            state: Mutex::new(State::Down(None)),
            line: Mutex::new(None),
        });
        DEVICES.lock().push(device.clone());
        device
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The session in use.
    pub(super) fn line(&self) -> Option<Arc<Line>> {
        self.line.lock().clone()
    }

    pub(super) fn set_line(&self, line: Option<Arc<Line>>) {
        // The old one is dropped without the lock: with it may go what is foreign.
        let before = core::mem::replace(&mut *self.line.lock(), line);
        drop(before);
    }

    /// A port of the device was raised.
    pub(super) fn on_event(&self, port: event::Port) {
        if let (Some(port), Some(line)) = (Port::new(port), self.line()) {
            line.with(|session| session.on_event(port, monotonic_ns()));
        }
    }

    /// The client, when the device is up; brings it up if need be.
    pub(super) fn client(self: &Arc<Self>) -> Result<Client> {
        let mut mine = None;
        loop {
            let deadline = match &*self.state.lock() {
                State::Lost { until_ns, .. } => Some(*until_ns),
                _ => None,
            };
            if let Some(result) = thread::wait(deadline, |waker| self.poll_up(&mut mine, waker)) {
                return result;
            }
            if deadline.is_some_and(|at| at <= monotonic_ns()) && self.is_lost() {
                return Err(self.lost());
            }
        }
    }

    fn is_lost(&self) -> bool {
        matches!(&*self.state.lock(), State::Lost { .. })
    }

    fn lost(&self) -> Error {
        let text = format!("the file server of volume {:?} is gone", self.tag);
        Error::from_os(Errno::ESTALE.number(), text)
    }

    /// Ready when the device is up, or when an attempt that was under way or that this started has
    /// failed. `mine` is the attempt whose failure is the caller's.
    fn poll_up(self: &Arc<Self>, mine: &mut Option<u64>, waker: &Waker) -> Poll<Result<Client>> {
        let wait = |waiting: &mut Vec<Waker>| {
            if !waiting.iter().any(|known| known.will_wake(waker)) {
                waiting.push(waker.clone());
            }
            Poll::Pending
        };
        let mut state = self.state.lock();
        match &mut *state {
            State::Up(client) => Poll::Ready(Ok(client.clone())),
            State::Starting { attempt, waiting } => {
                *mine = Some(*attempt);
                wait(waiting)
            }
            State::Lost { until_ns, .. } if *until_ns <= monotonic_ns() => {
                Poll::Ready(Err(self.lost()))
            }
            State::Lost { waiting, .. } => wait(waiting),
            State::Down(Some((attempt, error))) if *mine == Some(*attempt) => {
                Poll::Ready(Err(error.to_io(&self.tag)))
            }
            State::Down(last) => {
                let attempt = last.as_ref().map_or(0, |(attempt, _)| attempt + 1);
                let device = self.clone();
                let builder = thread::Builder::new().name(format!("9pfs {}", self.tag));
                // Without that thread nobody would notice that the server went away, so the device
                // stays down, and the next call tries again.
                if let Err(error) = builder.spawn(move || tend::run(&device, attempt)) {
                    return Poll::Ready(Err(Error::new(ErrorKind::OutOfMemory, error)));
                }
                *mine = Some(attempt);
                let waiting = alloc::vec![waker.clone()];
                *state = State::Starting { attempt, waiting };
                Poll::Pending
            }
        }
    }

    /// The outcome of an attempt, or of bringing it up again; those who wait are told.
    pub(super) fn set_up(&self, client: Client) {
        self.change(State::Up(client));
    }

    /// An attempt failed.
    pub(super) fn set_down(&self, attempt: u64, error: StartError) {
        self.change(State::Down(Some((attempt, error))));
    }

    /// The server is gone.
    pub(super) fn set_lost(&self) {
        self.change(State::Lost {
            until_ns: monotonic_ns() + OUTAGE_NS,
            waiting: Vec::new(),
        });
    }

    fn change(&self, state: State) {
        let before = core::mem::replace(&mut *self.state.lock(), state);
        match before {
            State::Starting { waiting, .. } | State::Lost { waiting, .. } => {
                waiting.into_iter().for_each(Waker::wake);
            }
            State::Up(_) | State::Down(_) => {}
        }
    }
}
