//! The out half of a data ring: we produce, the backend consumes.

use crate::datagram::{HEADER_BYTES, LARGEST_FRAME};
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
    /// The least room that is worth waking writers for, if none of them has said what it needs.
    least: u32,
    /// The least room that a writer needed who found less, since writers were woken last.
    needed: Option<u32>,
}

impl OutRing {
    pub(crate) fn new(start: Index, wishes: bool) -> Self {
        Self {
            prod: start,
            cons: start,
            error: None,
            notifier: OutNotifier::new(start, wishes),
            wishes,
            least: 1,
            needed: None,
        }
    }

    /// From now on it carries frames, and a byte of room is no help to anybody.
    pub(crate) fn carry_frames(&mut self, ring: &Ring) {
        self.least = LARGEST_FRAME.min(ring.array_bytes() / 2);
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

    /// How far we have written.
    pub(crate) fn prod(&self) -> Index {
        self.prod
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

    /// Moves a whole frame into the ring; `None`, and the writer's need noted, if there is no room
    /// for it. The caller has looked at [`error`](Self::error) after a [`refresh`](Self::refresh), and
    /// knows that an empty ring has room.
    pub(crate) fn write_frame(
        &mut self,
        ring: &Ring,
        header: &[u8; HEADER_BYTES as usize],
        payload: &[u8],
    ) -> Option<Notify> {
        let padding = &[0; 8][..payload.len().next_multiple_of(8) - payload.len()];
        let pieces = [header, payload, padding];
        let frame = u32::try_from(pieces.iter().map(|piece| piece.len()).sum::<usize>());
        let frame = frame.unwrap_or(u32::MAX);
        if frame > self.room(ring) {
            self.needed = Some(self.needed.unwrap_or(frame).min(frame));
            return None;
        }
        let mut at = self.prod;
        for piece in pieces {
            ring.copy_in(at, piece);
            at = at.plus(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        }
        self.prod = at;
        // Release order: the backend sees the index only after the whole frame.
        ring.store(data_intf::OUT_PROD, self.prod);
        Some(self.notifier.published(self.prod, ring.array_bytes()))
    }

    /// Whether it is worth waking writers: one of those that found too little room finds enough.
    pub(crate) fn has_room(&self, ring: &Ring) -> bool {
        self.room(ring) >= self.wanted()
    }

    /// Whether writers wait who find too little room.
    pub(crate) fn falls_short(&self, ring: &Ring) -> bool {
        self.needed.is_some() && !self.has_room(ring)
    }

    /// All writers were woken; those that still find too little room say so again.
    pub(crate) fn forget_needs(&mut self) {
        self.needed = None;
    }

    fn wanted(&self) -> u32 {
        self.needed.unwrap_or(self.least)
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
        let wish = room_wish(self.prod, self.cons, ring.array_bytes(), self.wanted());
        self.wish(ring, wish);
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
