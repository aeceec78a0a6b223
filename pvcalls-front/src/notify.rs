//! When the backend is told, and the argument that no wake-up is lost. All of it is here.
//!
//! An event costs a hypercall, and on Linux a needless one can delay the next useful one by a
//! timer tick. So the driver tells the peer only when the peer may be asleep on what was done.
//! The model in `tests/model/` runs the predicates of this file through every interleaving of
//! both sides, store buffers included, and finds the lost wake-up when a rule is weakened.
//!
//! # Rules for the out ring (we produce)
//! Let *covered* be the index up to which the peer has been told, or is sure to look.
//!
//! 1. Storing `out_prod` alone tells nobody. Bytes behind *covered* are unannounced, and the
//!    socket is put on a list.
//! 2. They are announced when the caller says that it is about to block or to yield, and before
//!    that as soon as [`EAGER_BYTES`] or half a ring of them wait. A burst of small writes thus
//!    costs one announcement, and the peer sends it as one segment: Linux leaves Nagle's
//!    algorithm on, so header and body in two sends would cost a round trip.
//! 3. Announcing is: full barrier, load `out_cons`, and then
//!    - case a, `out_cons == out_prod`: the peer has it all; nothing to do;
//!    - case b, `out_cons` has reached *covered* ([`caught_up`]): the peer may have found the
//!      ring empty and gone to sleep: send an event;
//!    - case c, else: the peer has covered bytes before it. When it is through with those it
//!      stores `out_cons` and looks at `out_prod` once more, and sees ours, stored before the
//!      barrier: no event.
//!
//!    In each case *covered* becomes `out_prod`.
//! 4. Case c needs a full barrier in the peer between its store and its load. Linux has none, so
//!    the load may be done early and the bytes stay unseen until the next event. Therefore: as
//!    long as the ring is not empty a timer runs, [`KICK_NS`] at first; if `out_cons` did not move
//!    in that time an event is sent and the time is doubled, up to [`KICK_MAX_NS`]. That also
//!    mends an event that a backend swallowed. A peer that moves restarts the clock unkicked.
//!
//! # Rules for the in ring (we consume)
//! A backend sleeps on a full ring only; its own arrival of data wakes it otherwise.
//!
//! 5. After storing `in_cons`: full barrier, load `in_prod`; if the ring was full as seen with
//!    the old `in_cons` ([`looked_full`]), an event is *owed*. If it was not, and the peer fills
//!    it later against the old `in_cons`, then its load of `in_cons` comes after its own store of
//!    `in_prod`, which our load did not see; so it sees our `in_cons`. (Linux sends an event,
//!    which is a full barrier, after each store of `in_prod`.)
//!    With frames a backend sleeps as soon as its next one does not fit. We do not know how long that
//!    is, so a ring counts as full when the longest would not fit.
//! 6. A debt is paid when half the ring has been freed, so that a slow reader does not wake the
//!    peer for each handful of bytes, and in any case before we block or yield: while the peer
//!    sleeps, nobody else will wake us.
//!
//! # Rules for the command ring
//! It has what the data rings lack: each side says from which index on it wants to be told.
//!
//! 9. After storing `req_prod`: full barrier, load `req_event`; send an event if the index named
//!    there is among those published now ([`asked_for`]). A wrong value costs an event, or the
//!    backend its own time.
//! 10. Before going to sleep on responses: store the wish for the next one in `rsp_event`, full
//!     barrier, and look at `rsp_prod` once more. A response that came before the backend could
//!     see the wish brings no event.
//!
//! # Rules for data rings with `feature-event-idx`
//! Then they have what the command ring has, for each index (docs/extensions.md).
//!
//! 11. Announcing bytes is: full barrier, load `out_prod_event`; send an event if the index named
//!     there is among those since the last announcement ([`asked_for`]), unless the peer has it all
//!     already. Before the caller blocks, or as soon as half a ring waits. A peer that is busy
//!     wishes for nothing, and looks once more after it does. The timer
//!     of rule 4 stays as a net under it, slow from the beginning.
//! 12. After storing `in_cons`: full barrier, load `in_cons_event`; send an event, at once, if the
//!     index named there is among those just passed. It is the peer that says how much room is
//!     worth an event, so rules 5 and 6 are not needed.
//! 13. Before going to sleep on bytes: `in_prod_event` is stored, one past the last index seen; on
//!     room: `out_cons_event`, where half the ring is free, or all that the writer needs if that is
//!     more, but at least one past the last index seen; on the end of a drain: `out_cons_event`, where the ring is empty. Then a full barrier,
//!     and a look at the peer's index. While nobody waits the wishes stay behind, and no event
//!     comes. Of several writers of frames it is the smallest need that counts: all are woken then,
//!     and who still finds too little says so again. If an event comes and the room is too little for
//!     all of them, because somebody else took of it meanwhile, the wish is stored anew: it is behind.
//!
//! # Events from the peer
//! 7. A reader or writer goes to sleep only after it found nothing to do and registered its waker,
//!    both under one `&mut Frontend`. Pending events are looked at after that, so the one for an
//!    index stored since is not lost.
//! 8. An event wakes those who wait for what is there now, not for what changed since the last
//!    look: another task may have looked before the event was handled.

use crate::index::Index;

/// Unannounced bytes that are worth an event before the caller blocks, unless half a ring is less.
pub(crate) const EAGER_BYTES: u32 = 4096;

/// The first interval of the re-kick timer, in nanoseconds (rule 4).
pub(crate) const KICK_NS: u64 = 10_000_000;

/// The longest interval of the re-kick timer, in nanoseconds.
pub(crate) const KICK_MAX_NS: u64 = 1_280_000_000;

/// Rule 3b: whether the peer, at `cons`, is through with everything before `covered`.
///
/// All three lie in one window that ends at `prod` and is at most one ring long, so comparing
/// distances from `prod` orders them even across the wrap.
pub(crate) fn caught_up(covered: Index, cons: Index, prod: Index) -> bool {
    prod.since(cons) <= prod.since(covered)
}

/// Rule 5: whether the ring was full for a peer that still saw `old_cons`, and puts in up to
/// `largest` bytes at once or none of them.
pub(crate) fn looked_full(old_cons: Index, prod: Index, array_bytes: u32, largest: u32) -> bool {
    let room = array_bytes.saturating_sub(prod.since(old_cons));
    room < largest
}

/// Rules 9, 11 and 12: whether a peer that wants to be told of `event` wants to be told of what was published
/// by moving from `old` to `new`.
pub(crate) fn asked_for(event: Index, old: Index, new: Index) -> bool {
    // The wish is the value of `prod` that it waits for: one past the entry it has not seen.
    new.since(event) < new.since(old)
}

/// What is to be done about the peer right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a lost notification is a hang"]
pub(crate) enum Notify {
    /// Nothing.
    No,
    /// Before the caller blocks or yields: the socket goes on the list.
    Later,
    /// At once.
    Now,
}

/// Rule 13: at which `out_cons` to be told of room, of which less than `needed` is no help, if
/// nothing after `cons` was seen.
pub(crate) fn room_wish(prod: Index, cons: Index, array_bytes: u32, needed: u32) -> Index {
    let left = array_bytes.saturating_sub(needed).min(array_bytes / 2);
    cons.plus(prod.since(cons).saturating_sub(left).max(1))
}

/// What the out ring remembers about announcements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OutNotifier {
    covered: Index,
    kick: Option<Kick>,
    /// Whether the peer says when it wants to be told.
    wishes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kick {
    at_ns: u64,
    interval_ns: u64,
    /// `out_cons` when the interval began.
    cons: Index,
}

impl OutNotifier {
    pub(crate) fn new(start: Index, wishes: bool) -> Self {
        Self {
            covered: start,
            kick: None,
            wishes,
        }
    }

    /// Rule 2: bytes were published; is it time to [`announce`](Self::announce)?
    pub(crate) fn published(&self, prod: Index, array_bytes: u32) -> Notify {
        // A peer with wishes asks for the next byte whenever it is through: it is not worth
        // an event for less than it can be at work on while we fill the other half.
        let eager = if self.wishes { u32::MAX } else { EAGER_BYTES };
        match prod.since(self.covered) {
            0 => Notify::No,
            waiting if waiting >= eager.min(array_bytes / 2) => Notify::Now,
            _ => Notify::Later,
        }
    }

    /// Rule 3, or 11 with the peer's `wish`. `cons` and `wish` were loaded after a full barrier
    /// that followed the store of `prod`. True if an event must be sent.
    pub(crate) fn announce(
        &mut self,
        prod: Index,
        cons: Index,
        wish: Option<Index>,
        now_ns: u64,
    ) -> bool {
        let covered = core::mem::replace(&mut self.covered, prod);
        if cons == prod {
            self.kick = None;
            return false;
        }
        if self.kick.is_none() {
            self.start_kick(cons, self.first_kick_ns(), now_ns);
        }
        match wish {
            Some(wish) => asked_for(wish, covered, prod),
            None => caught_up(covered, cons, prod),
        }
    }

    /// Rule 4, when time has passed or `out_cons` was looked at. True if an event must be sent.
    pub(crate) fn check_kick(&mut self, prod: Index, cons: Index, now_ns: u64) -> bool {
        let Some(kick) = &self.kick else {
            return false;
        };
        if cons == prod {
            self.kick = None;
            return false;
        }
        if cons != kick.cons {
            self.start_kick(cons, self.first_kick_ns(), now_ns);
            return false;
        }
        if now_ns < kick.at_ns {
            return false;
        }
        // The event covers whatever is in the ring, announced or not.
        let interval_ns = (kick.interval_ns * 2).min(KICK_MAX_NS);
        self.covered = prod;
        self.start_kick(cons, interval_ns, now_ns);
        true
    }

    /// When [`check_kick`](Self::check_kick) is due, in nanoseconds.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.kick.as_ref().map(|kick| kick.at_ns)
    }

    fn first_kick_ns(&self) -> u64 {
        if self.wishes { KICK_MAX_NS } else { KICK_NS }
    }

    fn start_kick(&mut self, cons: Index, interval_ns: u64, now_ns: u64) {
        self.kick = Some(Kick {
            at_ns: now_ns.saturating_add(interval_ns),
            interval_ns,
            cons,
        });
    }
}

/// What the in ring remembers: whether the peer may be waiting for room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct InNotifier {
    owed: bool,
}

impl InNotifier {
    /// Rules 5 and 6: `in_cons` went from `old_cons` to `cons`; `prod` was loaded after that and
    /// a full barrier; `largest` is what the peer puts in at once.
    pub(crate) fn consumed(
        &mut self,
        old_cons: Index,
        cons: Index,
        prod: Index,
        array_bytes: u32,
        largest: u32,
    ) -> Notify {
        self.owed |= looked_full(old_cons, prod, array_bytes, largest);
        if !self.owed {
            return Notify::No;
        }
        let free = array_bytes - prod.since(cons).min(array_bytes);
        if free >= array_bytes / 2 {
            self.owed = false;
            Notify::Now
        } else {
            Notify::Later
        }
    }

    /// Rule 6, before blocking: pays the debt. True if an event must be sent.
    pub(crate) fn settle(&mut self) -> bool {
        core::mem::take(&mut self.owed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(word: u32) -> Index {
        Index::new(word)
    }

    #[test]
    fn caught_up_orders_indexes_across_the_wrap() {
        let covered = at(u32::MAX - 1);
        assert!(!caught_up(covered, at(u32::MAX - 2), at(3)));
        assert!(caught_up(covered, covered, at(3)));
        assert!(caught_up(covered, at(1), at(3)));
    }

    #[test]
    fn a_burst_of_small_writes_is_announced_once() {
        let mut notifier = OutNotifier::new(at(0), false);
        for n in 1..100 {
            assert_eq!(notifier.published(at(n), 65536), Notify::Later);
        }
        assert!(notifier.announce(at(99), at(0), None, 0));
        assert_eq!(notifier.published(at(99), 65536), Notify::No);
        assert!(!notifier.announce(at(99), at(0), None, 0), "nothing new");
    }

    #[test]
    fn a_busy_peer_is_not_told_but_watched() {
        let mut notifier = OutNotifier::new(at(0), false);
        assert!(notifier.announce(at(10), at(0), None, 0));
        assert!(
            !notifier.announce(at(20), at(5), None, 1),
            "it has bytes to go"
        );
        assert!(
            notifier.announce(at(30), at(20), None, 2),
            "it may be asleep"
        );
        assert!(!notifier.check_kick(at(30), at(20), 3), "it moved");
        assert_eq!(notifier.deadline_ns(), Some(3 + KICK_NS));
        assert!(notifier.check_kick(at(30), at(20), 3 + KICK_NS));
        assert_eq!(notifier.deadline_ns(), Some(3 + 3 * KICK_NS));
        assert!(!notifier.check_kick(at(30), at(30), 4));
        assert_eq!(notifier.deadline_ns(), None);
    }

    #[test]
    fn room_in_a_full_ring_is_announced_by_halves() {
        let mut notifier = InNotifier::default();
        assert_eq!(notifier.consumed(at(0), at(1), at(8), 8, 1), Notify::Later);
        assert_eq!(notifier.consumed(at(1), at(3), at(8), 8, 1), Notify::Later);
        assert_eq!(notifier.consumed(at(3), at(4), at(8), 8, 1), Notify::Now);
        assert!(!notifier.settle());
        assert_eq!(notifier.consumed(at(4), at(8), at(11), 8, 1), Notify::No);
    }

    #[test]
    fn a_wish_for_room_is_half_a_ring_and_never_behind() {
        assert_eq!(room_wish(at(3), at(u32::MAX - 4), 8, 1), at(u32::MAX));
        assert_eq!(room_wish(at(8), at(3), 8, 1), at(4));
        assert_eq!(room_wish(at(8), at(6), 8, 1), at(7));
    }

    #[test]
    fn a_wish_for_more_than_half_a_ring_waits_for_all_of_it() {
        for (needed, wish) in [(4, 4), (5, 5), (8, 8), (9, 8)] {
            assert_eq!(room_wish(at(8), at(0), 8, needed), at(wish), "{needed}");
        }
        assert_eq!(room_wish(at(6), at(0), 8, 7), at(5));
    }

    #[test]
    fn room_for_less_than_the_longest_frame_counts_as_full() {
        let mut notifier = InNotifier::default();
        assert_eq!(notifier.consumed(at(0), at(1), at(5), 8, 3), Notify::No);
        assert_eq!(notifier.consumed(at(1), at(2), at(7), 8, 3), Notify::Later);
        assert!(notifier.settle());
        // A ring that could never hold it.
        assert_eq!(notifier.consumed(at(2), at(3), at(7), 8, 20), Notify::Now);
    }

    #[test]
    fn a_peer_with_wishes_is_told_when_they_are_passed_and_not_before() {
        let mut notifier = OutNotifier::new(at(0), true);
        assert!(notifier.announce(at(10), at(0), Some(at(1)), 0));
        assert!(
            !notifier.announce(at(20), at(0), Some(at(1)), 0),
            "told of it"
        );
        assert!(!notifier.announce(at(30), at(25), Some(at(31)), 0));
        assert!(notifier.announce(at(31), at(30), Some(at(31)), 0));
        assert_eq!(notifier.deadline_ns(), Some(KICK_MAX_NS), "a net");
    }
}
