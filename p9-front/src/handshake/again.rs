//! The handshake after a session: it takes down what there was, and does not give up.
//!
//! A backend that is away is waited for without an end. What goes wrong otherwise (a value that
//! makes no sense, a backend that closes instead of connecting, a shortage of this guest) is tried
//! again after a pause, which grows with each failure. So does the pause before a device that did
//! not stay up: a backend that breaks the rules as soon as it is connected costs a handshake a
//! minute, not a processor.

use alloc::vec::Vec;

use xen_front::backoff::Backoff;
use xen_front::platform::{Platform, Store, XenbusState};
use xen_front::quarantine::Quarantine;
use xen_front::ring::Ring;

use super::{Device, Handshake, HandshakeError, Phase, Progress};
use crate::config::{Config, SECOND_NS};
use crate::session::Afterwards;

/// How often the backend's state is read although no watch fired, in nanoseconds: xenstored drops
/// events of a domain that does not take them, because it was paused for example.
const LOOK_NS: u64 = 60 * SECOND_NS;

/// What a connection, or an attempt at one, left to the backend.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    /// Rings that it may use.
    pub(crate) rings: Vec<Ring>,
    /// Pages that it should have let go of, and has not.
    pub(crate) quarantine: Quarantine,
    /// The backend is dead, and holds nothing.
    pub(crate) ownerless: bool,
}

impl Remains {
    pub(super) fn is_empty(&self) -> bool {
        self.rings.is_empty() && self.quarantine.page_count() == 0
    }

    pub(super) fn deadline_ns(&self) -> Option<u64> {
        self.quarantine.deadline_ns()
    }
}

impl<P: Platform> Handshake<P> {
    /// Begins with a device that was in use.
    pub(crate) fn again(
        platform: P,
        config: Config,
        device: Device,
        remains: Remains,
        backoff: Backoff,
        afterwards: Afterwards,
        now_ns: u64,
    ) -> Self {
        let mut handshake = Self::new(platform, config, &device.tag);
        handshake.device = Some(device);
        handshake.persistent = Some(afterwards);
        handshake.backoff = backoff;
        handshake.pause_until_ns = now_ns.saturating_add(handshake.pause_ns());
        handshake.remains = remains;
        if handshake.remains.ownerless {
            handshake.take_back(now_ns);
        }
        handshake
    }

    /// The backend has let go of what went before: it is taken back, and a new beginning offered,
    /// if one is wanted and it is not too early for that.
    pub(super) fn offer<S: Store>(
        &mut self,
        store: &mut S,
        now_ns: u64,
    ) -> Result<Progress, HandshakeError> {
        self.take_back(now_ns);
        if self.persistent == Some(Afterwards::Stay) {
            self.go_down();
            return Ok(Progress::Again);
        }
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
        let gone = matches!(error, HandshakeError::NoDevice { .. });
        if gone && self.persistent == Some(Afterwards::Stay) {
            // So is whoever could map anything.
            self.take_back(now_ns);
            return self.go_down();
        }
        log::warn!(
            "9pfs {} stays out of use: {error}; next attempt in {} ms",
            self.tag,
            pause_ns / 1_000_000
        );
        if !self.rings.is_empty() {
            // The backend may have mapped them and be slow to tell.
            let _ = self.write_state(store, XenbusState::Closing);
            self.remains.rings.append(&mut self.rings);
        }
        if gone {
            self.take_back(now_ns);
        }
        self.device = None;
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

    pub(super) fn poll_quarantine(&mut self, now_ns: u64) {
        self.remains.quarantine.poll(&mut self.platform, now_ns);
    }

    fn pause_ns(&self) -> u64 {
        let config = &self.config;
        { self.backoff }.pause_ns(config.reconnect_pause_ns, config.reconnect_pause_max_ns)
    }

    fn pause(&mut self) {
        self.phase = Phase::Pause;
        self.deadline_ns = self.pause_until_ns;
    }

    fn go_down(&mut self) {
        self.phase = Phase::Down;
        self.deadline_ns = u64::MAX;
    }

    fn take_back(&mut self, now_ns: u64) {
        for ring in self.remains.rings.drain(..) {
            for pages in ring.into_pages(&mut self.platform) {
                let platform = &mut self.platform;
                self.remains.quarantine.give_back(platform, pages, now_ns);
            }
        }
    }
}
