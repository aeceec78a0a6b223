//! What the owner calls from its loop: an event came, time has passed, about to sleep.

use xen_front::platform::Platform;
use xen_front::units::Port;

use super::{Fault, Session};
use crate::wire::Tag;

/// Timers: those of the rings have the rings' numbers, then these, then the calls' tags.
const DEVICE: usize = 8;
const UNTAGGED: usize = 9;
const FIRST_TAG: usize = 10;

/// The timer of a call.
pub(super) fn call_key(tag: Tag) -> usize {
    match tag {
        Tag::NONE => UNTAGGED,
        Tag(number) => FIRST_TAG + usize::from(number),
    }
}

impl<P: Platform> Session<P> {
    /// An event came in on `port`, whose pending bit was cleared before. Returns false if the port
    /// is none of this device's.
    pub fn on_event(&mut self, port: Port, now_ns: u64) -> bool {
        let mine = { self.lanes.iter() }.position(|lane| lane.ring.port() == port);
        let Some(number) = mine else {
            return false;
        };
        self.counters.events += 1;
        self.receive(number, now_ns);
        let lane = &mut self.lanes[number];
        let useful = lane.moved();
        if self.fault.is_none() && lane.budget.spend(useful, now_ns) {
            self.counters.masked += 1;
            self.platform.mask_port(port);
            self.rearm(number);
        }
        self.pump(now_ns);
        true
    }

    /// Does what is due: deadlines, masked ports, quarantined pages, and answers whose event is
    /// still on its way. To be called when [`next_deadline_ns`](Self::next_deadline_ns) has come;
    /// at other times it is harmless.
    pub fn poll(&mut self, now_ns: u64) {
        for number in 0..self.lanes.len() {
            self.receive(number, now_ns);
        }
        while let Some(key) = self.timers.pop(now_ns) {
            match key {
                DEVICE => {
                    self.quarantine.poll(&mut self.platform, now_ns);
                    self.rearm_device();
                }
                UNTAGGED => self.call_is_due(Tag::NONE, now_ns),
                FIRST_TAG.. => {
                    let tag = u16::try_from(key - FIRST_TAG).unwrap_or(u16::MAX);
                    self.call_is_due(Tag(tag), now_ns);
                }
                ring => self.ring_is_due(ring, now_ns),
            }
        }
        self.pump(now_ns);
    }

    /// When [`poll`](Self::poll) must be called next, in nanoseconds; `None` if only events count.
    /// May be earlier than needed, never later.
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.timers.next_ns()
    }

    /// Announces what was held back. To be called before the vCPU blocks, and when it turns to
    /// something else for long: nobody else tells the backend, and it may be asleep.
    pub fn flush(&mut self, now_ns: u64) {
        self.pump(now_ns);
        for number in 0..self.lanes.len() {
            self.announce(number);
        }
    }

    /// Tells the backend what a ring holds, if it must be told.
    pub(super) fn announce(&mut self, number: usize) {
        if self.fault.is_some() {
            return;
        }
        match self.lanes[number].announce() {
            Ok(true) => self.notify(number),
            Ok(false) => {}
            Err(fault) => self.break_session(fault),
        }
    }

    fn notify(&mut self, number: usize) {
        self.counters.notifications += 1;
        self.platform.notify(self.lanes[number].ring.port());
    }

    fn ring_is_due(&mut self, number: usize, now_ns: u64) {
        if self.fault.is_some() {
            return;
        }
        let Some(lane) = self.lanes.get_mut(number) else {
            return;
        };
        if lane.budget.expire(now_ns) {
            self.platform.unmask_port(lane.ring.port());
        }
        let port = lane.ring.port();
        if lane.check_kick(now_ns) {
            // A process that was killed tells nobody, and its state in xenstore stays.
            if !self.platform.is_bound(port) {
                return self.break_session(Fault::BackendDied);
            }
            self.notify(number);
        }
        self.rearm(number);
    }

    /// Sees to it that `poll` is called in time for this ring.
    fn rearm(&mut self, number: usize) {
        if let Some(at_ns) = self.lanes[number].deadline_ns() {
            self.timers.arm(number, at_ns);
        }
    }

    /// Sees to it that `poll` is called in time for pages in quarantine.
    pub(super) fn rearm_device(&mut self) {
        if let Some(at_ns) = self.quarantine.deadline_ns() {
            self.timers.arm(DEVICE, at_ns);
        }
    }
}
