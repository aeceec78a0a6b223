//! One ring with what is under way on it.

use alloc::collections::VecDeque;

use xen_front::budget::Budget;
use xen_front::index::Index;
use xen_front::ring::Ring;

use super::notify::{EAGER_BYTES, KICK_MAX_NS, KICK_NS};
use super::ring::{InRing, OutRing};
use super::{ANSWER_BYTES, Fault};
use crate::wire::Tag;

/// What a request costs beside its bytes when the work of rings is compared.
const REQUEST_WORK: u64 = 16 * 1024;

/// A ring in use.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) ring: Ring,
    pub(super) input: InRing,
    pub(super) output: OutRing,
    /// Calls whose requests wait for room.
    pub(super) queue: VecDeque<Tag>,
    /// Calls that are with the server.
    sent: u32,
    /// Bytes that their answers may take.
    outstanding: u32,
    /// What is queued or with the server, as work.
    work: u64,
    /// The backend may be waiting for room in the in array.
    pub(super) owed: bool,
    pub(super) budget: Budget,
    /// The backend's indexes at the last event.
    marks: (Index, Index),
    kick: Option<Kick>,
}

/// The net under the notifications: rule 6.
#[derive(Debug)]
struct Kick {
    at_ns: u64,
    interval_ns: u64,
    /// The backend's indexes when the interval began.
    marks: (Index, Index),
}

impl Lane {
    /// A ring for a new connection, whose indexes begin at `start`.
    pub(super) fn new(ring: Ring, start: Index) -> Self {
        let (input, output) = (InRing::new(start), OutRing::new(start));
        let marks = (input.prod(), output.cons());
        Self {
            ring,
            input,
            output,
            queue: VecDeque::new(),
            sent: 0,
            outstanding: 0,
            work: 0,
            owed: false,
            budget: Budget::default(),
            marks,
            kick: None,
        }
    }

    /// How much is to be done on it.
    pub(super) fn work(&self) -> u64 {
        self.work
    }

    /// Bytes that the answers under way may take.
    pub(super) fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// A call was made that goes here.
    pub(super) fn begin(&mut self, size: u32, answer_size: u32) {
        self.work += REQUEST_WORK + u64::from(size) + u64::from(answer_size);
    }

    /// It is over.
    pub(super) fn end(&mut self, size: u32, answer_size: u32, sent: bool) {
        self.work -= REQUEST_WORK + u64::from(size) + u64::from(answer_size);
        if sent {
            self.sent -= 1;
            self.outstanding -= answer_size;
        }
    }

    /// Whether a request and its answer have room now.
    pub(super) fn has_room(&mut self, size: u32, answer_size: u32) -> Result<bool, Fault> {
        // Large answers leave room for some small ones, so that a Tflush need not wait for them.
        let small = match answer_size {
            ..=ANSWER_BYTES => 0,
            _ => 2 * ANSWER_BYTES,
        };
        let answers = [self.outstanding, answer_size, small].into_iter();
        let answers = answers.fold(0, u32::saturating_add);
        // Less than the array: QEMU takes a full one for an empty one. With nothing under way it is
        // empty, however large the answer may be.
        let fits = self.sent == 0 || answers < self.ring.array_bytes();
        Ok(fits && self.output.has_room(&self.ring, size)?)
    }

    /// Puts a request in. True if it is time to announce.
    pub(super) fn send(
        &mut self,
        head: &[u8],
        payload: &[u8],
        answer_size: u32,
        now_ns: u64,
    ) -> bool {
        self.output.put(&self.ring, head, payload);
        self.sent += 1;
        self.outstanding += answer_size;
        if self.kick.is_none() {
            self.start_kick(KICK_NS, now_ns);
        }
        self.output.unannounced() >= EAGER_BYTES.min(self.ring.array_bytes() / 2)
    }

    /// Tells the backend what it must know: true if an event must be sent.
    pub(super) fn announce(&mut self) -> Result<bool, Fault> {
        let told = match self.output.unannounced() {
            0 => false,
            _ => self.output.announce(&self.ring)?,
        };
        Ok(core::mem::take(&mut self.owed) || told)
    }

    /// Whether the backend's indexes moved since this was asked last.
    pub(super) fn moved(&mut self) -> bool {
        let marks = (self.input.prod(), self.output.cons());
        core::mem::replace(&mut self.marks, marks) != marks
    }

    /// Rule 6, when time has passed. True if an event must be sent.
    pub(super) fn check_kick(&mut self, now_ns: u64) -> bool {
        let marks = (self.input.prod(), self.output.cons());
        match &self.kick {
            None => false,
            Some(_) if self.sent == 0 => {
                self.kick = None;
                false
            }
            Some(kick) if kick.marks != marks => {
                self.start_kick(KICK_NS, now_ns);
                false
            }
            Some(kick) if now_ns < kick.at_ns => false,
            Some(kick) => {
                let interval_ns = (kick.interval_ns * 2).min(KICK_MAX_NS);
                self.start_kick(interval_ns, now_ns);
                self.output.kicked();
                true
            }
        }
    }

    /// When it needs a look.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        let kick = self.kick.as_ref().map(|kick| kick.at_ns);
        [kick, self.budget.deadline_ns()]
            .into_iter()
            .flatten()
            .min()
    }

    fn start_kick(&mut self, interval_ns: u64, now_ns: u64) {
        self.kick = Some(Kick {
            at_ns: now_ns.saturating_add(interval_ns),
            interval_ns,
            marks: (self.input.prod(), self.output.cons()),
        });
    }
}
