//! The two halves of a data ring: messages out, messages in.
//!
//! Our own indexes live here; the shared page only receives stores. The backend's are read once,
//! checked against the window that the protocol leaves them, and the copy is used. What was once
//! believed stays: an index that goes back is a broken one.

use alloc::vec::Vec;

use xen_front::index::Index;
use xen_front::memory::full_barrier;
use xen_front::ring::{Ring, words};

use super::Fault;
use super::notify::{caught_up, may_wait_for_room};
use crate::wire::{HEADER_LEN, Header};

/// Bytes of a header, as the ring counts.
const HEADER: u32 = 7;
const _: () = assert!(HEADER as usize == HEADER_LEN);

/// Our position in the out array, and the last valid one of the backend.
#[derive(Debug)]
pub(super) struct OutRing {
    prod: Index,
    cons: Index,
    /// Up to where the backend has been told, or is sure to look.
    covered: Index,
}

impl OutRing {
    pub(super) fn new(start: Index) -> Self {
        Self {
            prod: start,
            cons: start,
            covered: start,
        }
    }

    /// Looks at `out_cons`.
    pub(super) fn refresh(&mut self, ring: &Ring) -> Result<(), Fault> {
        let cons = Index::new(ring.load(words::OUT_CONS));
        if self.prod.since(cons) > self.prod.since(self.cons) {
            return Err(Fault::OutCons);
        }
        self.cons = cons;
        Ok(())
    }

    /// Whether `len` bytes fit.
    pub(super) fn has_room(&mut self, ring: &Ring, len: u32) -> Result<bool, Fault> {
        if self.room(ring) < len {
            self.refresh(ring)?;
        }
        Ok(self.room(ring) >= len)
    }

    fn room(&self, ring: &Ring) -> u32 {
        ring.array_bytes() - self.prod.since(self.cons)
    }

    /// Puts a message in, for which there must be room, and publishes it whole: a backend that sees
    /// a part of one may never look again. The backend is not told yet.
    pub(super) fn put(&mut self, ring: &Ring, head: &[u8], payload: &[u8]) {
        let steps = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        debug_assert!(steps(head) + steps(payload) <= self.room(ring));
        ring.copy_in(self.prod, head);
        self.prod = self.prod.plus(steps(head));
        ring.copy_in(self.prod, payload);
        self.prod = self.prod.plus(steps(payload));
        // Release order: the backend sees the index only after the bytes.
        ring.store(words::OUT_PROD, self.prod);
    }

    /// Bytes that the backend was not told of.
    pub(super) fn unannounced(&self) -> u32 {
        self.prod.since(self.covered)
    }

    /// Everything published is to be known to the backend: true if an event must be sent.
    pub(super) fn announce(&mut self, ring: &Ring) -> Result<bool, Fault> {
        full_barrier();
        self.refresh(ring)?;
        let covered = core::mem::replace(&mut self.covered, self.prod);
        Ok(self.cons != self.prod && caught_up(covered, self.cons, self.prod))
    }

    /// An event is sent whatever it brings, and covers everything.
    pub(super) fn kicked(&mut self) {
        self.covered = self.prod;
    }

    /// `out_cons` as last seen.
    pub(super) fn cons(&self) -> Index {
        self.cons
    }
}

/// Our position in the in array, and the last valid one of the backend.
#[derive(Debug)]
pub(super) struct InRing {
    cons: Index,
    prod: Index,
    /// `in_cons` as the backend knows it.
    published: Index,
    partial: Option<Partial>,
}

/// A message that has come in part.
#[derive(Debug)]
struct Partial {
    header: Header,
    /// Bytes that are to come.
    left: u32,
    /// What has come, if it is kept; its memory is reserved.
    message: Option<Vec<u8>>,
}

/// A message that has come.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) header: Header,
    /// All of it, the header included; `None` if nobody wanted it or there was no memory.
    pub(super) message: Option<Vec<u8>>,
}

impl InRing {
    pub(super) fn new(start: Index) -> Self {
        Self {
            cons: start,
            prod: start,
            published: start,
            partial: None,
        }
    }

    /// Looks at `in_prod`.
    pub(super) fn refresh(&mut self, ring: &Ring) -> Result<(), Fault> {
        let prod = Index::new(ring.load(words::IN_PROD));
        // The backend may only fill what it knows to be free, but a faster look is no harm.
        if prod.since(self.published) > ring.array_bytes()
            || prod.since(self.published) < self.prod.since(self.published)
        {
            return Err(Fault::InProd);
        }
        self.prod = prod;
        Ok(())
    }

    /// The next message of which all has come, among what [`refresh`](Self::refresh) saw. The size
    /// that a header announces is checked against `msize` before memory is reserved, which is done
    /// only if `wanted` says so.
    pub(super) fn next(
        &mut self,
        ring: &Ring,
        msize: u32,
        wanted: impl FnOnce(&Header) -> bool,
    ) -> Result<Option<Arrived>, Fault> {
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None if self.available() < HEADER => return Ok(None),
            None => {
                let mut bytes = [0; HEADER_LEN];
                ring.copy_out(self.cons, &mut bytes);
                self.cons = self.cons.plus(HEADER);
                let header = Header::read(bytes);
                if header.size < HEADER || header.size > msize {
                    return Err(Fault::Frame);
                }
                let mut message = Vec::new();
                let reserved =
                    wanted(&header) && { message.try_reserve_exact(header.size as usize) }.is_ok();
                message.extend_from_slice(if reserved { &bytes } else { &[] });
                Partial {
                    header,
                    left: header.size - HEADER,
                    message: reserved.then_some(message),
                }
            }
        };
        let count = partial.left.min(self.available());
        if let Some(message) = &mut partial.message {
            ring.append_out(self.cons, count as usize, message);
        }
        self.cons = self.cons.plus(count);
        partial.left -= count;
        if partial.left > 0 {
            self.partial = Some(partial);
            return Ok(None);
        }
        Ok(Some(Arrived {
            header: partial.header,
            message: partial.message,
        }))
    }

    /// Tells the page what was consumed. True if the backend may be waiting for that room, with
    /// answers of `outstanding` bytes still to come.
    pub(super) fn publish(&mut self, ring: &Ring, outstanding: u32) -> Result<bool, Fault> {
        if self.published == self.cons {
            return Ok(false);
        }
        // Release order: the backend sees the room only after our copies are complete.
        ring.store(words::IN_CONS, self.cons);
        full_barrier();
        let before = core::mem::replace(&mut self.published, self.cons);
        let prod = Index::new(ring.load(words::IN_PROD));
        Ok(may_wait_for_room(
            before,
            prod,
            ring.array_bytes(),
            outstanding,
        ))
    }

    fn available(&self) -> u32 {
        self.prod.since(self.cons)
    }

    /// `in_prod` as last seen.
    pub(super) fn prod(&self) -> Index {
        self.prod
    }
}
