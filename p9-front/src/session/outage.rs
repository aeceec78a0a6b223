//! A session that is broken, or closed.
//!
//! What breaks it: the backend leaves the state Connected, dies, or breaks the rules of the rings. Every
//! call fails then, at once; answers that had come can still be taken. The session answers
//! [`Error::Gone`] from then on, until its owner closes it and has the device brought up anew.

use alloc::vec::Vec;
use core::task::Waker;

use xen_front::platform::{Platform, XenbusState};

use super::calls::{Owner, Stage};
use super::{Fault, Session};
use crate::Error;
use crate::handshake::{Handshake, Remains};

/// What is to follow when a session is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The device is brought up again, however long that takes.
    Reconnect,
    /// Nothing.
    Stay,
}

impl<P: Platform> Session<P> {
    /// Why the session is out of use, if it is.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Wakes `waker` when the session breaks; at once if it has.
    pub fn register_fault(&mut self, waker: &Waker) {
        match self.fault {
            Some(_) => waker.wake_by_ref(),
            None => self.fault_wakers.register(waker),
        }
    }

    /// The backend's `state` key changed. Whatever ends the connection breaks the session.
    pub fn on_backend_state(&mut self, state: XenbusState, _now_ns: u64) {
        match state {
            XenbusState::Connected | XenbusState::Initialised | XenbusState::Other(_) => {}
            XenbusState::Absent
            | XenbusState::Initialising
            | XenbusState::InitWait
            | XenbusState::Closing
            | XenbusState::Closed => self.break_session(Fault::BackendGone),
        }
    }

    /// The key of xenstore that says in which state the backend is, to be watched for
    /// [`on_backend_state`](Self::on_backend_state).
    #[must_use]
    pub fn backend_state_key(&self) -> &str {
        &self.backend_state
    }

    /// Closes the device: whoever waits for a call is woken, and finds out that it is gone. The
    /// handshake that this gives tells the backend, in the order of the protocol, and takes pages
    /// and ports back when the backend has let go of them.
    pub fn close(mut self, afterwards: Afterwards, now_ns: u64) -> Handshake<P> {
        let lasted_ns = now_ns.saturating_sub(self.up_since_ns);
        self.fail_calls();
        let remains = Remains {
            rings: self.lanes.into_iter().map(|lane| lane.ring).collect(),
            quarantine: self.quarantine,
            // Nobody is left who could map anything.
            ownerless: self.fault == Some(Fault::BackendDied),
        };
        let backoff = self.backoff.after(lasted_ns);
        let (platform, config, device) = (self.platform, self.config, self.device);
        Handshake::again(
            platform, config, device, remains, backoff, afterwards, now_ns,
        )
    }

    /// Gives the session up.
    pub(super) fn break_session(&mut self, fault: Fault) {
        if self.fault.is_some() {
            return;
        }
        log::error!("9pfs {} out of use: {fault}", self.device.tag);
        self.fault = Some(fault);
        for lane in &self.lanes {
            self.platform.mask_port(lane.ring.port());
        }
        self.fail_calls();
        self.fault_wakers.wake();
    }

    /// Every call that is not answered is so now.
    fn fail_calls(&mut self) {
        let mut wakers = Vec::new();
        for tag in self.calls.tags() {
            let Some(call) = self.calls.at(tag) else {
                continue;
            };
            match (call.owner, &call.stage) {
                (Owner::Caller, Stage::Answered(_)) => {}
                (Owner::Caller, _) => {
                    call.stage = Stage::Answered(Err(Error::Gone));
                    wakers.extend(call.waker.take());
                }
                _ => {
                    self.calls.remove(tag);
                }
            }
        }
        for lane in &mut self.lanes {
            lane.queue.clear();
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}
