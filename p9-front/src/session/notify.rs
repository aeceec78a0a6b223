//! When the backend is told, and the argument that no wake-up is lost.
//!
//! An event costs a hypercall here and a wake-up there. A server works through the requests of a
//! ring until it finds none, and looks once more before it sleeps; so it is told only when it may
//! be asleep on what was done.
//!
//! # Requests
//! Let *covered* be the index up to which the backend has been told, or is sure to look.
//!
//! 1. Storing `out_prod` alone tells nobody. Whole messages are stored only: QEMU takes a message
//!    of which it sees a part for one that is being worked on, and never looks again.
//! 2. They are announced when the caller says that it is about to block or to yield (`flush`), and
//!    before that as soon as [`EAGER_BYTES`] or half an array of them wait: the server can be at
//!    work on those while we copy the next. A burst of small requests is one announcement.
//! 3. Announcing is: full barrier, load `out_cons`, and then
//!    - `out_cons == out_prod`: the backend has it all; nothing to do;
//!    - `out_cons` has reached *covered* ([`caught_up`]): the backend may have found the ring empty
//!      and gone to sleep: send an event;
//!    - else the backend has requests before *covered* to finish. It stores `out_cons` after each
//!      and then looks at `out_prod`, and sees ours, stored before the barrier: no event. (QEMU
//!      sends an event between the two, which is a full barrier; Xen's own daemon takes a lock.)
//!
//!    In each case *covered* becomes `out_prod`.
//!
//! # Answers
//! 4. A backend sleeps on a full in array. A request is sent only when all answers under way would
//!    fit beside its own, so that this never happens, and nobody is told of room. It matters more
//!    than an event: QEMU gives the whole device up when a short answer finds no room, and takes an
//!    array that is full to the last byte for an empty one.
//! 5. Answers can be longer than what was reckoned with, from a server with ideas of its own. So
//!    after storing `in_cons`: full barrier, load `in_prod`; if the array as seen with the old
//!    `in_cons` had less room than is reckoned with for the answers to come
//!    ([`may_wait_for_room`]), an event is owed, and sent with the next `flush`. If it had, and the
//!    backend fills it later against the old `in_cons`, then its load of `in_cons` comes after its
//!    own store of `in_prod`, which our load did not see; so it sees our `in_cons`.
//!
//! # A net
//! 6. As long as requests of a ring are unanswered a timer runs, [`KICK_NS`] at first. If neither
//!    of the backend's indexes moved in that time, an event is sent, and the time doubled, up to
//!    [`KICK_MAX_NS`]. That mends an event that a backend swallowed, and what rule 5 could not know.
//!    The same timer finds out that a backend was killed: nobody has the other end of its port.

use xen_front::index::Index;

/// Unannounced bytes that are worth an event before the caller blocks, unless half an array is less.
pub(super) const EAGER_BYTES: u32 = 64 * 1024;

/// The first interval of the timer, in nanoseconds (rule 6).
pub(super) const KICK_NS: u64 = 100_000_000;

/// The longest interval of the timer, in nanoseconds.
pub(super) const KICK_MAX_NS: u64 = 1_600_000_000;

/// Rule 3: whether the backend, at `cons`, is through with everything before `covered`.
///
/// All three lie in one window that ends at `prod` and is at most one array long, so comparing
/// distances from `prod` orders them even across the wrap.
pub(super) fn caught_up(covered: Index, cons: Index, prod: Index) -> bool {
    prod.since(cons) <= prod.since(covered)
}

/// Rule 5: whether a backend that still saw `old_cons`, and has filled the array up to `prod`, could
/// not put in `outstanding` bytes more.
pub(super) fn may_wait_for_room(
    old_cons: Index,
    prod: Index,
    array_bytes: u32,
    outstanding: u32,
) -> bool {
    array_bytes.saturating_sub(prod.since(old_cons)) < outstanding
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
    fn a_backend_waits_for_room_only_if_what_is_to_come_did_not_fit() {
        let full = at(u32::MAX).plus(4096);
        assert!(may_wait_for_room(at(u32::MAX), full, 4096, 1));
        assert!(!may_wait_for_room(at(u32::MAX), full, 4096, 0));
        assert!(!may_wait_for_room(at(0), at(4000), 4096, 96));
        assert!(may_wait_for_room(at(0), at(4000), 4096, 97));
    }
}
