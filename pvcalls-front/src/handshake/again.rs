//! The handshake that brings a device up again, and does not give up.
//!
//! A daemon may be started an hour after it was killed, so a backend that is away is waited for
//! without an end. What goes wrong otherwise (a value that makes no sense, a backend that closes
//! instead of connecting, a shortage of this guest) is tried again after a pause, which grows with
//! each failure. So does the pause before a device that did not stay up: a backend that breaks the
//! rules as soon as it is connected costs a handshake a minute, not a processor.

use alloc::vec::Vec;

use super::{Backoff, HandshakeError, Phase, Progress, write_state};
use crate::Handshake;
use crate::commands::Commands;
use crate::config::{Config, SECOND_NS};
use crate::memory::SharedPages;
use crate::platform::{Platform, Store, XenbusState};
use crate::quarantine::Quarantine;
use crate::ring::Ring;

/// How often the backend's state is read although no watch fired, in nanoseconds: xenstored drops
/// events of a domain that does not take them, because it was paused for example.
const LOOK_NS: u64 = 60 * SECOND_NS;

/// What a connection, or an attempt at one, left to the backend.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    pub(crate) commands: Option<Commands>,
    /// Rings of CONNECTs that it has not answered: it may map them at any time.
    pub(crate) rings: Vec<Ring>,
    /// Pages of lookups that it has not answered.
    pub(crate) pages: Vec<SharedPages>,
    /// The backend is dead, and holds nothing.
    pub(crate) ownerless: bool,
}

impl Remains {
    /// Takes everything back: the backend is through with all it was ever asked.
    fn take_back<P: Platform>(
        &mut self,
        platform: &mut P,
        quarantine: &mut Quarantine,
        now_ns: u64,
    ) {
        if let Some(commands) = self.commands.take() {
            platform.close_port(commands.port());
            quarantine.give_back(platform, commands.into_page(), now_ns);
        }
        for ring in self.rings.drain(..) {
            for pages in ring.into_pages(platform) {
                quarantine.give_back(platform, pages, now_ns);
            }
        }
        for page in self.pages.drain(..) {
            quarantine.give_back(platform, page, now_ns);
        }
    }
}

impl<P: Platform> Handshake<P> {
    /// Begins with a device that was in use, and goes on until it is again.
    pub(crate) fn again(
        platform: P,
        config: Config,
        remains: Remains,
        backoff: Backoff,
        now_ns: u64,
    ) -> Self {
        let mut handshake = Self::new(platform, config);
        handshake.persistent = true;
        handshake.backoff = backoff;
        handshake.pause_until_ns = now_ns.saturating_add(handshake.pause_ns());
        handshake.remains = remains;
        if handshake.remains.ownerless {
            handshake.take_back(now_ns);
        }
        handshake
    }

    /// The backend has let go of what went before: it is taken back, and a new beginning offered,
    /// if it is not too early for that.
    pub(super) fn offer<S: Store>(
        &mut self,
        store: &mut S,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        self.take_back(now_ns);
        if now_ns < self.pause_until_ns {
            self.pause();
            return Ok(Progress::Wait);
        }
        self.enter(store, Phase::Offer, XenbusState::Initialising, now_ns)
    }

    /// Something went wrong: closes what there is, and starts again after a pause.
    pub(super) fn try_later<S: Store>(
        &mut self,
        store: &mut S,
        error: &HandshakeError,
        now_ns: u64,
    ) {
        self.backoff = self.backoff.failed();
        let pause_ns = self.pause_ns().max(1);
        self.pause_until_ns = now_ns.saturating_add(pause_ns);
        log::warn!(
            "PV Calls device stays out of use: {error}; next attempt in {} ms",
            pause_ns / 1_000_000
        );
        if let Some(commands) = self.commands.take() {
            // The backend may have mapped the page and be slow to tell.
            let _ = write_state(store, XenbusState::Closing);
            self.remains.commands = Some(commands);
        }
        if *error == HandshakeError::NoDevice {
            // So is whoever could map anything.
            self.take_back(now_ns);
        }
        self.backend = None;
        self.pause();
    }

    /// The backend takes longer than it should for a step.
    pub(super) fn overdue<S: Store>(
        &mut self,
        store: &mut S,
        state: XenbusState,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        match (self.phase, state) {
            (Phase::Publish, _) => Err(HandshakeError::TimedOut {
                awaited: XenbusState::Connected,
                state,
                after_ns: self.config.step_timeout_ns,
            }),
            // In this state a backend holds nothing of ours, and may see no reason to move.
            (Phase::Closing, XenbusState::InitWait) => {
                self.enter(store, Phase::Closed, XenbusState::Closed, now_ns)
            }
            // It is away, for as long as it likes.
            _ => {
                self.deadline_ns = now_ns.saturating_add(LOOK_NS);
                Ok(Progress::Wait)
            }
        }
    }

    fn pause_ns(&self) -> u64 {
        let config = &self.config;
        self.backoff
            .pause_ns(config.reconnect_pause_ns, config.reconnect_pause_max_ns)
    }

    fn pause(&mut self) {
        self.phase = Phase::Pause;
        self.deadline_ns = self.pause_until_ns;
    }

    fn take_back(&mut self, now_ns: u64) {
        self.remains
            .take_back(&mut self.platform, &mut self.quarantine, now_ns);
    }
}
