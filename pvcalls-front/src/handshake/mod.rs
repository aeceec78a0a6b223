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
//! 2. We write 6 and wait for its 6. Only now has it let go of the old ring.
//! 3. We write 1 and wait for its 2 (InitWait). It may have been there already.
//! 4. Its keys are checked, a command ring is shared, our keys and state 3 are published in one
//!    transaction, and we wait for its 4.
//! 5. We write 4.
//! 6. Nothing to clean up.
//!
//! States are never assumed from order: a backend's watch may skip some, so each step waits for
//! what it needs to see and ignores the rest. Commands may be sent only after its 4: a Linux backend
//! drops events that come earlier.
//!
//! There are two kinds of handshake. [`Handshake::new`] is for a device that somebody waits for:
//! each wait has its deadline, and what goes wrong ends it. That of [`Frontend::reconnect`] never
//! ends before the device is up: it waits for a backend as long as that is away, and begins anew,
//! at growing intervals, when something goes wrong (`again.rs`).

mod again;
mod error;
mod values;

pub(crate) use again::Remains;
pub use error::HandshakeError;
pub(crate) use xen_front::backoff::Backoff;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use xen_front::xenbus;

use crate::commands::Commands;
use crate::config::Config;
use crate::error::ResourceError;
use crate::features::Features;
use crate::frontend::{Frontend, Link};
use crate::platform::{Platform, StillMapped, Store, XenbusState, key};
use crate::quarantine::Quarantine;
use crate::units::{DomainId, PageCount, RingOrder};

/// The frontend's directory. The protocol knows one device per domain, so it is number 0.
pub const FRONTEND_DIR: &str = "device/pvcalls/0";

/// A device on its way up.
#[derive(Debug)]
pub struct Handshake<P> {
    platform: P,
    config: Config,
    phase: Phase,
    backend: Option<Backend>,
    commands: Option<Commands>,
    max_order: RingOrder,
    features: Features,
    deadline_ns: u64,
    /// Whether it goes on until the device is up.
    persistent: bool,
    /// What an earlier connection or attempt left to the backend.
    remains: Remains,
    /// Pages that the backend should have let go of, and has not.
    quarantine: Quarantine,
    backoff: Backoff,
    /// Nothing is offered before this time, in nanoseconds.
    pause_until_ns: u64,
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Backend {
    id: DomainId,
    path: String,
}

/// What came of [`Handshake::step`].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one exists per device, once")]
pub enum Step<P> {
    /// Wait until the key `watch` changes or `deadline_ns` has come, then step again.
    WaitForBackend {
        /// Itself.
        handshake: Handshake<P>,
        /// The path of the backend's `state` key, or of ours that names the backend. Waking up too often does no harm.
        watch: String,
        /// On the clock of `now_ns`.
        deadline_ns: u64,
    },
    /// The device is up.
    Connected(Frontend<P>),
    /// It will not come up by waiting. Never with a handshake from [`Frontend::reconnect`].
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

impl<P: Platform> Handshake<P> {
    /// Begins with whatever state the device is in.
    #[must_use]
    pub fn new(platform: P, config: Config) -> Self {
        Self {
            platform,
            config,
            phase: Phase::Start,
            backend: None,
            commands: None,
            max_order: RingOrder::MIN,
            features: Features::empty(),
            deadline_ns: 0,
            persistent: false,
            remains: Remains::default(),
            quarantine: Quarantine::default(),
            backoff: Backoff::default(),
            pause_until_ns: 0,
        }
    }

    /// Goes on as far as possible. `now_ns` is any monotonic clock.
    pub fn step<S: Store>(mut self, store: &mut S, now_ns: u64) -> Step<P> {
        self.quarantine.poll(&mut self.platform, now_ns);
        loop {
            return match self.advance(store, now_ns) {
                Ok(Progress::Again) => continue,
                Ok(Progress::Wait) => self.wait(),
                Ok(Progress::Done) => self.finish(now_ns),
                Err(error) if self.persistent => {
                    self.try_later(store, &error, now_ns);
                    self.wait()
                }
                Err(error) => self.give_up(store, error),
            };
        }
    }

    fn wait(self) -> Step<P> {
        let retry_ns = self.quarantine.deadline_ns().unwrap_or(u64::MAX);
        Step::WaitForBackend {
            watch: match &self.backend {
                Some(backend) => key(&backend.path, "state"),
                None => key(FRONTEND_DIR, "backend"),
            },
            deadline_ns: self.deadline_ns.min(retry_ns),
            handshake: self,
        }
    }

    fn advance<S: Store>(
        &mut self,
        store: &mut S,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        if self.phase == Phase::Pause {
            if now_ns < self.deadline_ns {
                return Ok(Progress::Wait);
            }
            self.set_phase(Phase::Start, now_ns);
        }
        let backend = match &self.backend {
            Some(backend) => backend.clone(),
            None => self.backend.insert(find_backend(store)?).clone(),
        };
        let state = xenbus::state(store, &key(&backend.path, "state"))?;
        use XenbusState as S;
        match (self.phase, state) {
            (Phase::Start, _) => {
                let ours = xenbus::state(store, &key(FRONTEND_DIR, "state"))?;
                log::debug!("pvcalls: frontend {ours}, backend {} {state}", backend.path);
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
                self.publish(store, &backend, now_ns)?; // 4
                Ok(Progress::Again)
            }
            (Phase::Publish, S::Connected) => {
                write_state(store, S::Connected)?; // 5
                Ok(Progress::Done)
            }
            (Phase::Publish, S::Closing | S::Closed | S::Absent) => {
                Err(HandshakeError::Refused { state })
            }
            (_, S::Absent) if self.persistent && find_backend(store)? != backend => {
                // The device is another one by now.
                self.backend = None;
                self.set_phase(Phase::Start, now_ns);
                Ok(Progress::Again)
            }
            _ if now_ns >= self.deadline_ns && self.persistent => {
                self.overdue(store, state, now_ns)
            }
            _ if now_ns >= self.deadline_ns => Err(HandshakeError::TimedOut {
                awaited: match self.phase {
                    Phase::Pause | Phase::Start | Phase::Offer => S::InitWait,
                    Phase::Closing => S::Closing,
                    Phase::Closed => S::Closed,
                    Phase::Publish => S::Connected,
                },
                state,
                after_ns: self.config.step_timeout_ns,
            }),
            _ => Ok(Progress::Wait),
        }
    }

    /// The one place where the phase changes: our state is written, the clock starts anew.
    fn enter<S: Store>(
        &mut self,
        store: &mut S,
        phase: Phase,
        state: XenbusState,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        write_state(store, state)?;
        self.set_phase(phase, now_ns);
        Ok(Progress::Again)
    }

    fn set_phase(&mut self, phase: Phase, now_ns: u64) {
        log::trace!("pvcalls handshake: {:?} => {phase:?}", self.phase);
        self.phase = phase;
        self.deadline_ns = now_ns.saturating_add(self.config.step_timeout_ns);
    }

    /// Checks what the backend offers, shares a command ring and publishes it.
    fn publish<S: Store>(
        &mut self,
        store: &mut S,
        backend: &Backend,
        now_ns: u64,
    ) -> Result<(), HandshakeError> {
        let mut read = |name: &str| {
            let key = key(&backend.path, name);
            xenbus::required(store, &key).map(|value| (key, value))
        };
        let (key, value) = read("versions")?;
        xenbus::versions(&key, &value)?;
        let (key, value) = read("max-page-order")?;
        self.max_order = values::max_page_order(&key, &value)?;
        let (key, value) = read("function-calls")?;
        values::function_calls(&key, &value)?;
        self.features = Features::empty();
        for (feature, name) in Features::KEYS {
            let offered = xenbus::feature(store, &self::key(&backend.path, name))?;
            self.features.set(feature, offered);
        }

        // The grants name a domain: make sure that it is still the one whose keys these are.
        let now = find_backend(store)?;
        if now != *backend {
            return Err(HandshakeError::BackendChanged {
                was: backend.id,
                is: now.id,
            });
        }

        let port = self
            .platform
            .open_port(backend.id)
            .map_err(|error| HandshakeError::Resources(ResourceError::Port(error)))?;
        let page = match self.platform.share(backend.id, PageCount(1)) {
            Ok(page) => page,
            Err(error) => {
                self.platform.close_port(port);
                return Err(HandshakeError::Resources(ResourceError::Share(error)));
            }
        };
        let ring_ref = page.grants()[0].to_string();
        let shows_life = self.features.contains(Features::ALIVE);
        self.commands = Some(Commands::new(page, port, shows_life));
        let (version, port) = (1.to_string(), port.to_string());
        let state = XenbusState::Initialised.number().to_string();
        let mut entries = Vec::from([
            ("version", version.as_str()),
            ("port", &port),
            ("ring-ref", &ring_ref),
        ]);
        for (feature, name) in Features::KEYS {
            if self.features.contains(feature) {
                entries.push((name, "1"));
            } else if self.persistent {
                // An earlier backend may have had it: our key must not stay.
                entries.push((name, "0"));
            }
        }
        entries.push(("state", &state));
        write(store, &entries)?;
        self.set_phase(Phase::Publish, now_ns);
        Ok(())
    }

    fn finish(self, now_ns: u64) -> Step<P> {
        let (Some(backend), Some(commands)) = (self.backend, self.commands) else {
            unreachable!("publishing comes before Connected and sets both");
        };
        log::info!(
            "pvcalls: connected to domain {}, ring order up to {}",
            backend.id,
            self.max_order
        );
        let link = Link {
            backend: backend.id,
            max_order: self.max_order,
            features: self.features,
            commands,
            quarantine: self.quarantine,
            backoff: self.backoff,
            up_since_ns: now_ns,
        };
        Step::Connected(Frontend::new(self.platform, self.config, link))
    }

    fn give_up<S: Store>(mut self, store: &mut S, error: HandshakeError) -> Step<P> {
        if let Some(commands) = self.commands.take() {
            // The backend may have mapped the page and be slow to tell.
            let _ = write_state(store, XenbusState::Closing);
            self.platform.close_port(commands.port());
            if let Err(StillMapped(page)) = self.platform.unshare(commands.into_page()) {
                log::warn!("pvcalls: {page:?} is still mapped by the backend and lost");
            }
        }
        Step::Failed {
            error,
            platform: self.platform,
        }
    }
}

/// Where the toolstack says the backend is.
fn find_backend<S: Store>(store: &mut S) -> Result<Backend, HandshakeError> {
    let mut read = |name: &str| -> Result<(String, Vec<u8>), HandshakeError> {
        let key = key(FRONTEND_DIR, name);
        let value = xenbus::optional(store, &key)?.ok_or(HandshakeError::NoDevice)?;
        Ok((key, value))
    };
    let (key, value) = read("backend")?;
    let path = xenbus::path(&key, &value)?;
    let (key, value) = read("backend-id")?;
    let id = xenbus::domain_id(&key, &value)?;
    Ok(Backend { id, path })
}

fn write_state<S: Store>(store: &mut S, state: XenbusState) -> Result<(), HandshakeError> {
    write(store, &[("state", &state.number().to_string())])
}

/// Writes keys of our directory in one transaction.
fn write<S: Store>(store: &mut S, entries: &[(&str, &str)]) -> Result<(), HandshakeError> {
    Ok(xenbus::write(store, FRONTEND_DIR, entries)?)
}
