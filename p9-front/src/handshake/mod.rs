//! From the directory that the toolstack made to a connected device.
//!
//! A step machine: [`Handshake::step`] does all that can be done, and says what to wait for. It
//! can begin at any state that an earlier life of this domain left behind.
//!
//! ```text
//!            1                 2               3
//!   Start ────▶ Closing ────▶ Closed ────▶ Offer ────▶ Publish ────▶ Connected
//!     │                                      ▲       4            5
//!     └──────────────────────────────────────┘
//!            6
//! ```
//! 1. The backend still serves an earlier frontend: we write 5 and wait for its 5 or 6.
//! 2. We write 6 and wait for its 6. Only now has it let go of the old rings.
//! 3. We write 1 and wait for its 2 (InitWait). It may have been there already. Xen's own daemon
//!    does not look at 1: a backend that stays closed for a while, and has the keys of one that
//!    serves, gets our keys all the same.
//! 4. Its keys are checked, rings are shared, our keys and state 3 are published in one transaction,
//!    and we wait for its 4.
//! 5. We write 4.
//! 6. Nothing to clean up.
//!
//! There are two kinds of handshake. [`Handshake::new`] is for a device that somebody waits for:
//! each wait has its deadline, and what goes wrong ends it. That of
//! [`Session::close`](crate::Session::close) waits for a backend as long as that is away, and begins
//! anew, at growing intervals, when something goes wrong (`again.rs`); or ends when the backend has
//! let go.

mod again;
mod device;
mod error;
mod rings;

pub(crate) use again::Remains;
pub use device::DEVICES_DIR;
pub(crate) use device::Device;
pub use error::HandshakeError;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use xen_front::backoff::Backoff;
use xen_front::index::Index;
use xen_front::platform::{Platform, StillMapped, Store, XenbusState, key};
use xen_front::ring::Ring;
use xen_front::xenbus;

use crate::config::Config;
use crate::session::{Afterwards, Link, Session};
use device::Offer;

/// A device on its way up, or down.
#[derive(Debug)]
pub struct Handshake<P> {
    platform: P,
    config: Config,
    tag: String,
    phase: Phase,
    device: Option<Device>,
    rings: Vec<Ring>,
    deadline_ns: u64,
    /// When a closed backend gets our keys although it did not begin again.
    patience_ns: Option<u64>,
    /// It got them so.
    was_closed: bool,
    /// What follows when the backend has let go, if it goes on until then; else it may fail.
    persistent: Option<Afterwards>,
    /// What an earlier connection or attempt left to the backend.
    remains: Remains,
    backoff: Backoff,
    /// Nothing is offered before this time, in nanoseconds.
    pause_until_ns: u64,
    /// Where the indexes of rings begin.
    start: Index,
}

/// What is waited for; the arrows of the diagram lead from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing but time, before it starts again.
    Pause,
    Start,
    Closing,
    Closed,
    Offer,
    Publish,
    /// The backend has let go, as far as it will, and nothing is to follow.
    Down,
}

/// What came of [`Handshake::step`].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one exists per device, once")]
pub enum Step<P> {
    /// Wait until the key `watch` changes or `deadline_ns` has come, then step again.
    WaitForBackend {
        /// Itself.
        handshake: Handshake<P>,
        /// The path of the backend's `state` key, or of the directory where a device would appear.
        /// Waking up too often does no harm.
        watch: String,
        /// On the clock of `now_ns`.
        deadline_ns: u64,
    },
    /// The device is up.
    Connected(Session<P>),
    /// The device is down, and everything is given back. Only after [`Afterwards::Stay`].
    Closed(P),
    /// It will not come up by waiting. Never with a handshake from
    /// [`Session::close`](crate::Session::close).
    Failed {
        /// Why.
        error: HandshakeError,
        /// What [`Handshake::new`] was given, for another attempt.
        platform: P,
    },
}

enum Progress {
    Again,
    Wait,
    Done,
}

/// How long a closed backend may take to begin again, in nanoseconds, before it gets our keys.
const CLOSED_PATIENCE_NS: u64 = 1_000_000_000;

impl<P: Platform> Handshake<P> {
    /// Begins with whatever state the device of that tag is in.
    #[must_use]
    pub fn new(platform: P, config: Config, tag: &str) -> Self {
        Self {
            platform,
            config,
            tag: tag.into(),
            phase: Phase::Start,
            device: None,
            rings: Vec::new(),
            deadline_ns: 0,
            patience_ns: None,
            was_closed: false,
            persistent: None,
            remains: Remains::default(),
            backoff: Backoff::default(),
            pause_until_ns: 0,
            start: Index::default(),
        }
    }

    /// Lets all indexes begin at `start`, for tests: they must wrap at some time.
    #[cfg(any(test, feature = "test-utils"))]
    #[must_use]
    pub fn with_start(mut self, start: u32) -> Self {
        self.start = Index::new(start);
        self
    }

    /// Goes on as far as possible. `now_ns` is any monotonic clock.
    pub fn step<S: Store>(mut self, store: &mut S, now_ns: u64) -> Step<P> {
        self.poll_quarantine(now_ns);
        loop {
            return match self.advance(store, now_ns) {
                Ok(Progress::Again) => continue,
                Ok(Progress::Wait) => self.wait(),
                Ok(Progress::Done) => self.finish(now_ns),
                Err(error) if self.persistent.is_some() => {
                    self.try_later(store, &error, now_ns);
                    if self.phase == Phase::Down {
                        continue;
                    }
                    self.wait()
                }
                Err(error) => self.give_up(store, error),
            };
        }
    }

    fn wait(self) -> Step<P> {
        let others = [self.remains.deadline_ns(), self.patience_ns];
        let deadline_ns = { others.into_iter().flatten() }.fold(self.deadline_ns, u64::min);
        Step::WaitForBackend {
            watch: match &self.device {
                Some(device) => device.backend_state(),
                None => DEVICES_DIR.into(),
            },
            deadline_ns,
            handshake: self,
        }
    }

    fn advance<S: Store>(
        &mut self,
        store: &mut S,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        match self.phase {
            Phase::Down => {
                return Ok(match self.remains.is_empty() {
                    true => Progress::Done,
                    false => Progress::Wait,
                });
            }
            Phase::Pause if now_ns < self.deadline_ns => return Ok(Progress::Wait),
            Phase::Pause => self.set_phase(Phase::Start, now_ns),
            _ => {}
        }
        let device = match &self.device {
            Some(device) => device.clone(),
            None => {
                let found = Device::find(store, &self.tag)?;
                self.device.insert(found).clone()
            }
        };
        let state = xenbus::state(store, &device.backend_state())?;
        use XenbusState as S;
        self.patience_ns = match (self.phase, state) {
            (Phase::Offer, S::Closed) => {
                { self.patience_ns }.or(Some(now_ns.saturating_add(CLOSED_PATIENCE_NS)))
            }
            _ => None,
        };
        match (self.phase, state) {
            (Phase::Start, _) => {
                let ours = xenbus::state(store, &key(&device.dir, "state"))?;
                log::debug!("9pfs: frontend {ours}, backend {} {state}", device.path);
                match (ours, state) {
                    (_, S::Initialised | S::Connected)
                    | (S::Initialised | S::Connected, S::InitWait) => {
                        self.enter(store, Phase::Closing, S::Closing, now_ns) // 1
                    }
                    (_, S::Closing) => self.enter(store, Phase::Closed, S::Closed, now_ns),
                    // Written even if it stands there already: a closed backend begins again
                    // when it sees the write.
                    _ => self.offer(store, now_ns), // 6
                }
            }
            (Phase::Closing, S::Closing | S::Closed) => {
                self.enter(store, Phase::Closed, S::Closed, now_ns) // 2
            }
            (Phase::Closing, S::Initialising | S::Absent)
            | (Phase::Closed, S::Closed | S::InitWait | S::Initialising | S::Absent) => {
                self.offer(store, now_ns) // 3
            }
            (Phase::Offer, S::InitWait) => {
                self.publish(store, &device, now_ns)?; // 4
                self.was_closed = false;
                Ok(Progress::Again)
            }
            (Phase::Offer, S::Closed) if self.patience_ns.is_some_and(|it| now_ns >= it) => {
                self.publish(store, &device, now_ns)?; // 4
                self.was_closed = true;
                Ok(Progress::Again)
            }
            (Phase::Publish, S::Connected) => {
                self.write_state(store, S::Connected)?; // 5
                Ok(Progress::Done)
            }
            // One that was closed when our keys came may stay so until it has read them.
            (Phase::Publish, S::Closed) if self.was_closed => {
                self.overdue_or_wait(store, state, now_ns)
            }
            (Phase::Publish, S::Closing | S::Closed | S::Absent) => {
                Err(HandshakeError::Refused { state })
            }
            (_, S::Absent)
                if self.persistent.is_some() && Device::find(store, &self.tag)? != device =>
            {
                // The device is another one by now.
                self.device = None;
                self.set_phase(Phase::Start, now_ns);
                Ok(Progress::Again)
            }
            _ => self.overdue_or_wait(store, state, now_ns),
        }
    }

    fn overdue_or_wait<S: Store>(
        &mut self,
        store: &mut S,
        state: XenbusState,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        use XenbusState as S;
        if now_ns < self.deadline_ns {
            return Ok(Progress::Wait);
        }
        if self.persistent.is_some() {
            return self.overdue(store, state, now_ns);
        }
        Err(HandshakeError::TimedOut {
            awaited: match self.phase {
                Phase::Closing => S::Closing,
                Phase::Closed | Phase::Down => S::Closed,
                Phase::Publish => S::Connected,
                Phase::Pause | Phase::Start | Phase::Offer => S::InitWait,
            },
            state,
            after_ns: self.config.step_timeout_ns,
        })
    }

    /// The one place where the phase changes: our state is written, the clock starts anew.
    fn enter<S: Store>(
        &mut self,
        store: &mut S,
        phase: Phase,
        state: XenbusState,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        self.write_state(store, state)?;
        self.set_phase(phase, now_ns);
        Ok(Progress::Again)
    }

    fn set_phase(&mut self, phase: Phase, now_ns: u64) {
        log::trace!("9pfs handshake: {:?} => {phase:?}", self.phase);
        self.phase = phase;
        self.deadline_ns = now_ns.saturating_add(self.config.step_timeout_ns);
    }

    fn write_state<S: Store>(
        &mut self,
        store: &mut S,
        state: XenbusState,
    ) -> Result<(), HandshakeError> {
        let dir = self.device.as_ref().map_or("", |device| &device.dir);
        Ok(xenbus::write(
            store,
            dir,
            &[("state", &state.number().to_string())],
        )?)
    }

    /// Checks what the backend offers, shares rings and publishes them.
    fn publish<S: Store>(
        &mut self,
        store: &mut S,
        device: &Device,
        now_ns: u64,
    ) -> Result<(), HandshakeError> {
        let offer = Offer::read(store, device)?;
        // The grants name a domain: make sure that it is still the one whose keys these are.
        let now = Device::find(store, &self.tag)?;
        if now != *device {
            return Err(HandshakeError::BackendChanged {
                was: device.backend,
                is: now.backend,
            });
        }
        self.rings = self.make_rings(device.backend, offer)?;
        let mut entries = Vec::from([
            (String::from("version"), String::from("1")),
            ("num-rings".into(), self.rings.len().to_string()),
        ]);
        for (number, ring) in self.rings.iter().enumerate() {
            ring.reset(self.start);
            entries.push((format!("ring-ref{number}"), ring.grant().to_string()));
            entries.push((format!("event-channel-{number}"), ring.port().to_string()));
        }
        let initialised = XenbusState::Initialised.number().to_string();
        entries.push(("state".into(), initialised));
        let entries: Vec<(&str, &str)> = { entries.iter() }
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        xenbus::write(store, &device.dir, &entries)?;
        self.set_phase(Phase::Publish, now_ns);
        Ok(())
    }

    fn finish(self, now_ns: u64) -> Step<P> {
        let (Some(device), Phase::Publish) = (self.device, self.phase) else {
            return Step::Closed(self.platform);
        };
        let order = self.rings.first().map_or(0, |ring| ring.order().get());
        log::info!(
            "9pfs {}: connected to domain {}, {} rings of order {order}",
            device.tag,
            device.backend,
            self.rings.len(),
        );
        let link = Link {
            device,
            rings: self.rings,
            start: self.start,
            quarantine: self.remains.quarantine,
            backoff: self.backoff,
            up_since_ns: now_ns,
        };
        Step::Connected(Session::new(self.platform, self.config, link))
    }

    fn give_up<S: Store>(mut self, store: &mut S, error: HandshakeError) -> Step<P> {
        if !self.rings.is_empty() {
            // The backend may have mapped them and be slow to tell.
            let _ = self.write_state(store, XenbusState::Closing);
        }
        for ring in self.rings {
            for pages in ring.into_pages(&mut self.platform) {
                if let Err(StillMapped(pages)) = self.platform.unshare(pages) {
                    log::warn!("9pfs: {pages:?} is still mapped by the backend and lost");
                }
            }
        }
        Step::Failed {
            error,
            platform: self.platform,
        }
    }
}
