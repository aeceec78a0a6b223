//! A device that breaks, and comes up again.
//!
//! What breaks it: the backend leaves the state Connected, dies, or breaks the rules of the command
//! ring. Every socket fails then, at once; what had come in stays readable, and handles stay valid
//! until they are closed. From then on [`Frontend::connect`] makes sockets that wait.
//!
//! [`Frontend::reconnect`] gives what the backend may still hold (the command ring, and the rings of
//! CONNECTs that it has not answered) to a [`Handshake`], which closes the device in the order of
//! the protocol, takes them back when the backend has let go, and connects anew. The frontend
//! stays with its owner meanwhile: callers go on reading what was saved, and giving handles up.
//! What the handshake brings is handed to [`Frontend::resume`], and the sockets that waited set out.

use super::Frontend;
use crate::budget::Budget;
use crate::commands::Commands;
use crate::config::SECOND_NS;
use crate::error::{DeviceFault, SocketError};
use crate::features::Features;
use crate::handshake::{Handshake, Remains};
use crate::platform::{Platform, XenbusState};
use crate::socket::Role;

/// How often to see whether the backend lives, while it owes answers, in nanoseconds. The event
/// that its death raises comes earlier, unless it was lost.
const LOOK_NS: u64 = SECOND_NS;

impl<P: Platform> Frontend<P> {
    /// The backend's `state` key changed. Whatever ends the connection breaks the device.
    pub fn on_backend_state(&mut self, state: XenbusState, now_ns: u64) {
        match state {
            XenbusState::Connected | XenbusState::Initialised | XenbusState::Other(_) => {}
            XenbusState::Absent
            | XenbusState::Initialising
            | XenbusState::InitWait
            | XenbusState::Closing
            | XenbusState::Closed => self.break_device(DeviceFault::BackendGone, now_ns),
        }
    }

    /// What brings a broken device up again; `None` if it is not broken, or was asked before.
    ///
    /// The handshake works on a clone of the platform, which must be another handle to the same
    /// one. It never fails for good: see [`Handshake`].
    #[must_use]
    pub fn reconnect(&mut self, now_ns: u64) -> Option<Handshake<P>>
    where
        P: Clone,
    {
        let fault = self.broken?;
        let commands = self.commands.take()?;
        self.counters.bad_responses += commands.faults();
        let lasted_ns = now_ns.saturating_sub(self.up_since_ns);
        let remains = Remains {
            commands: Some(commands),
            rings: core::mem::take(&mut self.held),
            pages: core::mem::take(&mut self.lookup_pages.held),
            // Nobody is left who could map anything.
            ownerless: fault == DeviceFault::BackendDied,
        };
        let backoff = self.backoff.after(lasted_ns);
        let platform = self.platform.clone();
        Some(Handshake::again(
            platform,
            self.config,
            remains,
            backoff,
            now_ns,
        ))
    }

    /// Takes over the connection that the handshake of [`reconnect`](Self::reconnect) brought: the
    /// device is in use again, and the sockets that waited for it set out.
    pub fn resume(&mut self, fresh: Self, now_ns: u64) {
        debug_assert!(self.commands.is_none(), "there was a reconnect");
        self.backend = fresh.backend;
        self.max_order = fresh.max_order;
        self.features = fresh.features;
        self.pool = fresh.pool;
        self.commands = fresh.commands;
        self.command_budget = Budget::default();
        self.quarantine.absorb(fresh.quarantine);
        self.backoff = fresh.backoff;
        self.up_since_ns = fresh.up_since_ns;
        self.look_ns = None;
        self.broken = None;
        self.counters.reconnects += 1;
        for place in 0..self.sockets.places() {
            self.wake_from_outage(place, now_ns);
        }
        // Events that came meanwhile went to nobody.
        self.receive(now_ns);
        self.rearm_device();
    }

    /// Sends a socket that waited for the device on its way.
    fn wake_from_outage(&mut self, place: usize, now_ns: u64) {
        let features = self.features;
        let patience_ns = self.config.connect_timeout_ns;
        let waiting = self.sockets.at(place).filter(|it| it.waits_for_device());
        let Some(socket) = waiting else {
            return;
        };
        let options = socket.options;
        if let Some(listener) = socket.listener() {
            let missing = listener.needs().difference(features);
            // That of the caller was for the first time.
            let own_ns = options.deadline_ns.filter(|_| !listener.established);
            if missing.is_empty() {
                socket.deadline_ns = own_ns.unwrap_or(now_ns.saturating_add(patience_ns));
                self.set_out(place);
            } else {
                socket.fail(SocketError::Unsupported(missing));
                self.finish(place, now_ns);
            }
            return;
        }
        if let Role::Connect(to) = socket.role
            && to.is_ipv6()
            && !features.contains(Features::IPV6)
        {
            socket.fail(SocketError::Unsupported(Features::IPV6));
            self.finish(place, now_ns);
            return;
        }
        let data = match socket.is_datagram() {
            false => self.create_ring(options).map_err(SocketError::Resources),
            // Another backend may have come up than the one that went away.
            true if !features.contains(Features::UDP) => {
                Err(SocketError::Unsupported(Features::UDP))
            }
            true => { self.create_datagram_ring(options) }.map_err(SocketError::Resources),
        };
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        match data {
            Ok(data) => {
                socket.data = Some(data);
                // A socket that was in use before has no caller who waits for it to open.
                let own = options
                    .deadline_ns
                    .filter(|_| socket.deadline_ns != u64::MAX);
                socket.deadline_ns = own.unwrap_or(now_ns.saturating_add(patience_ns));
                self.set_out(place);
            }
            Err(error) => {
                socket.fail(error);
                self.finish(place, now_ns);
            }
        }
    }

    /// Gives the device up: every socket fails, every page goes into quarantine.
    pub(super) fn break_device(&mut self, fault: DeviceFault, now_ns: u64) {
        if self.broken.is_some() {
            return;
        }
        log::error!("PV Calls device out of use: {fault}");
        self.broken = Some(fault);
        if let Some(commands) = &self.commands {
            self.platform.mask_port(commands.port());
        }
        self.connecting = 0;
        self.releases.clear();
        self.prompt.clear();
        self.waiting.clear();
        self.accepts.clear();
        self.orphans.clear();
        self.fail_calls(SocketError::Device(fault), now_ns);
        for place in 0..self.sockets.places() {
            if self.outlive(place, fault, now_ns) {
                continue;
            }
            let Some(socket) = self.sockets.at(place) else {
                continue;
            };
            if socket.suspend() {
                self.rearm(place);
                continue;
            }
            socket.rescue();
            socket.fail(SocketError::Device(fault));
            self.finish(place, now_ns);
        }
        while let Some(ring) = self.pool.pop() {
            for pages in ring.into_pages(&mut self.platform) {
                self.quarantine.give_back(&mut self.platform, pages, now_ns);
            }
        }
        self.rearm_device();
        self.drain_wakers.wake();
        self.device_wakers.wake();
    }

    /// Sees to it that a backend that owes answers is looked after.
    pub(super) fn plan_look(&mut self, now_ns: u64) {
        let shows_life = self.commands.as_ref().is_some_and(Commands::shows_life);
        if shows_life && self.look_ns.is_none() && self.outstanding() > 0 {
            self.look_ns = Some(now_ns.saturating_add(LOOK_NS));
            self.rearm_device();
        }
    }
}
