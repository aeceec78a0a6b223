//! The out half of a data ring: we produce, the backend consumes.

use crate::errno::Errno;
use crate::error::RingFault;
use crate::index::Index;
use crate::memory::full_barrier;
use crate::notify::{Notify, OutNotifier, room_wish};
use crate::ring::Ring;
use crate::wire::data_intf;

/// Our position in the out ring, and the last valid one of the backend.
#[derive(Debug)]
pub(crate) struct OutRing {
    /// Ours; the page only ever receives copies of it.
    prod: Index,
    /// `out_cons` as last seen, `cons <= prod <= cons + array`.
    cons: Index,
    /// The first `out_error`. A Linux backend clears the word again, hence the copy.
    error: Option<Errno>,
    notifier: OutNotifier,
    /// Whether each side says when it wants to be told.
    wishes: bool,
}

impl OutRing {
    pub(crate) fn new(start: Index, wishes: bool) -> Self {
        Self {
            prod: start,
            cons: start,
            error: None,
            notifier: OutNotifier::new(start, wishes),
            wishes,
        }
    }

    /// Looks at `out_error` and `out_cons`.
    pub(crate) fn refresh(&mut self, ring: &Ring) -> Result<(), RingFault> {
        if self.error.is_none() {
            self.error = Errno::from_wire(ring.load(data_intf::OUT_ERROR).cast_signed());
        }
        let cons = Index::new(ring.load(data_intf::OUT_CONS));
        if self.prod.since(cons) > self.queued() {
            return Err(RingFault::OutCons);
        }
        self.cons = cons;
        Ok(())
    }

    /// `out_cons` as last seen.
    pub(crate) fn cons(&self) -> Index {
        self.cons
    }

    /// Bytes that the backend has not yet taken, as far as is known.
    pub(crate) fn queued(&self) -> u32 {
        self.prod.since(self.cons)
    }

    /// Bytes there is room for, as far as is known.
    pub(crate) fn room(&self, ring: &Ring) -> u32 {
        ring.array_bytes() - self.queued()
    }

    /// The first error, if any was seen.
    pub(crate) fn error(&self) -> Option<Errno> {
        self.error
    }

    /// Moves as many bytes as there is room for into the ring: the count may be 0. The caller
    /// has looked at [`error`](Self::error) after a [`refresh`](Self::refresh).
    pub(crate) fn write(&mut self, ring: &Ring, from: &[u8]) -> (usize, Notify) {
        let wanted = u32::try_from(from.len()).unwrap_or(u32::MAX);
        let count = self.room(ring).min(wanted);
        if count == 0 {
            return (0, Notify::No);
        }
        ring.copy_in(self.prod, &from[..count as usize]);
        self.prod = self.prod.plus(count);
        // Release order: the backend sees the index only after the bytes.
        ring.store(data_intf::OUT_PROD, self.prod);
        let notify = self.notifier.published(self.prod, ring.array_bytes());
        (count as usize, notify)
    }

    /// Decides whether the backend must be told of unannounced bytes.
    pub(crate) fn announce(&mut self, ring: &Ring, now_ns: u64) -> Result<bool, RingFault> {
        full_barrier();
        self.refresh(ring)?;
        let wish = { self.wishes }.then(|| Index::new(ring.load(data_intf::OUT_PROD_EVENT)));
        Ok(self.notifier.announce(self.prod, self.cons, wish, now_ns))
    }

    /// Rule 13: asks to be told when there is room. The caller then looks once more.
    pub(crate) fn wait_for_room(&self, ring: &Ring) {
        self.wish(ring, room_wish(self.prod, self.cons, ring.array_bytes()));
    }

    /// Rule 13: asks to be told when all is taken. The caller then looks once more.
    pub(crate) fn wait_for_end(&self, ring: &Ring) {
        self.wish(ring, self.prod);
    }

    fn wish(&self, ring: &Ring, at: Index) {
        if self.wishes {
            ring.store(data_intf::OUT_CONS_EVENT, at);
            full_barrier();
        }
    }

    /// Runs the re-kick timer on what [`refresh`](Self::refresh) saw; true if the backend must
    /// be told.
    pub(crate) fn check_kick(&mut self, now_ns: u64) -> bool {
        self.notifier.check_kick(self.prod, self.cons, now_ns)
    }

    /// When the re-kick timer is due, in nanoseconds.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.notifier.deadline_ns()
    }
}
