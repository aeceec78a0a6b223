//! The in half of a data ring: the backend produces, we consume.
//!
//! `in_prod` and `in_error` belong to the backend. What it says is believed only within the
//! window that the protocol leaves it, and what was once believed stays: a later value cannot
//! take back bytes, and the first error is the one that counts.

use crate::datagram::{HEADER_BYTES, Header, LARGEST_FRAME, PAYLOAD_MAX, frame_bytes};
use crate::errno::Errno;
use crate::error::RingFault;
use crate::index::Index;
use crate::memory::full_barrier;
use crate::notify::{InNotifier, Notify, asked_for};
use crate::ring::Ring;
use crate::wire::data_intf;

/// Our position in the in ring, and the last valid one of the backend.
#[derive(Debug)]
pub(crate) struct InRing {
    /// Ours; the page only ever receives copies of it.
    cons: Index,
    /// `in_prod` as last seen, `cons <= prod <= cons + array`.
    prod: Index,
    /// The first `in_error`; `prod` is final when it is set.
    end: Option<Errno>,
    notifier: InNotifier,
    /// Whether each side says when it wants to be told.
    wishes: bool,
    /// The most that the backend puts in at once, so that it sleeps on less room than that.
    largest: u32,
}

/// What there was to consume.
#[derive(Debug)]
pub(crate) enum Consumed {
    /// That many bytes.
    Bytes(usize, Notify),
    /// None yet.
    Empty,
    /// None, and none will come: `ENOTCONN` is the orderly end of the stream.
    End(Errno),
}

/// What there was of frames.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// A datagram: what its header says, and how many bytes of its payload were copied.
    Datagram(Header, usize, Notify),
    /// One whose sender's name says nothing. It was consumed.
    Nameless(Notify),
    /// None yet.
    Empty,
    /// None, and none will come.
    End(Errno),
}

impl InRing {
    /// For a stream: a backend puts in what there is room for.
    pub(crate) fn new(start: Index, wishes: bool) -> Self {
        Self {
            cons: start,
            prod: start,
            end: None,
            notifier: InNotifier::default(),
            wishes,
            largest: 1,
        }
    }

    /// From now on it carries frames; nothing has come in yet.
    pub(crate) fn carry_frames(&mut self) {
        self.largest = LARGEST_FRAME;
    }

    /// Looks at `in_error` and `in_prod`.
    ///
    /// The error is loaded first: what the backend produced before it set the error is then seen
    /// by the load of `in_prod`, so no data is cut off by an end that came after it.
    pub(crate) fn refresh(&mut self, ring: &Ring) -> Result<(), RingFault> {
        if self.end.is_some() {
            return Ok(());
        }
        let end = Errno::from_wire(ring.load(data_intf::IN_ERROR).cast_signed());
        let prod = Index::new(ring.load(data_intf::IN_PROD));
        let queued = prod.since(self.cons);
        if queued > ring.array_bytes() || queued < self.available() {
            return Err(RingFault::InProd);
        }
        self.prod = prod;
        self.end = end;
        Ok(())
    }

    /// Bytes that are known to be there.
    pub(crate) fn available(&self) -> u32 {
        self.prod.since(self.cons)
    }

    /// `in_prod` as last seen.
    pub(crate) fn prod(&self) -> Index {
        self.prod
    }

    /// The end, if it was seen; data may lie before it.
    pub(crate) fn end(&self) -> Option<Errno> {
        self.end
    }

    /// Moves bytes out of the ring.
    pub(crate) fn read(&mut self, ring: &Ring, into: &mut [u8]) -> Result<Consumed, RingFault> {
        let count = match self.look(ring, into.len())? {
            Ok(count) => count,
            Err(nothing) => return Ok(nothing),
        };
        ring.copy_out(self.cons, &mut into[..count as usize]);
        Ok(Consumed::Bytes(count as usize, self.consume(ring, count)))
    }

    /// Copies bytes without consuming them.
    pub(crate) fn peek(&mut self, ring: &Ring, into: &mut [u8]) -> Result<Consumed, RingFault> {
        let count = match self.look(ring, into.len())? {
            Ok(count) => count,
            Err(nothing) => return Ok(nothing),
        };
        ring.copy_out(self.cons, &mut into[..count as usize]);
        Ok(Consumed::Bytes(count as usize, Notify::No))
    }

    /// The payload of the next frame, as far as it fits; with `consume` the frame goes.
    ///
    /// The header is copied once, and the copy is what counts.
    pub(crate) fn read_frame(
        &mut self,
        ring: &Ring,
        into: &mut [u8],
        consume: bool,
    ) -> Result<Arrived, RingFault> {
        match self.look(ring, HEADER_BYTES as usize)? {
            Ok(HEADER_BYTES) => {}
            Ok(_) => return Err(RingFault::Frame),
            Err(Consumed::End(end)) => return Ok(Arrived::End(end)),
            Err(_) => return Ok(Arrived::Empty),
        }
        let mut bytes = [0; HEADER_BYTES as usize];
        ring.copy_out(self.cons, &mut bytes);
        let header = Header::decode(&bytes);
        // `in_prod` moves by whole frames: there is no rest to wait for.
        if header.payload > PAYLOAD_MAX || frame_bytes(header.payload) > self.available() {
            return Err(RingFault::Frame);
        }
        let frame = frame_bytes(header.payload);
        if header.from.is_none() {
            return Ok(Arrived::Nameless(self.consume(ring, frame)));
        }
        let count = into.len().min(header.payload as usize);
        ring.copy_out(self.cons.plus(HEADER_BYTES), &mut into[..count]);
        let notify = match consume {
            true => self.consume(ring, frame),
            false => Notify::No,
        };
        Ok(Arrived::Datagram(header, count, notify))
    }

    /// Throws away what is there.
    pub(crate) fn discard(&mut self, ring: &Ring) -> Result<Notify, RingFault> {
        self.refresh(ring)?;
        match self.available() {
            0 => Ok(Notify::No),
            count => Ok(self.consume(ring, count)),
        }
    }

    /// Whether each side says when it wants to be told.
    pub(crate) fn has_wishes(&self) -> bool {
        self.wishes
    }

    /// Rule 13: asks to be told of the next byte. The caller then looks once more.
    pub(crate) fn wait(&self, ring: &Ring) {
        if self.wishes {
            ring.store(data_intf::IN_PROD_EVENT, self.prod.plus(1));
            full_barrier();
        }
    }

    /// Before the caller blocks: true if the backend must be told about room.
    pub(crate) fn settle(&mut self) -> bool {
        self.notifier.settle()
    }

    /// How many bytes, up to `wanted`, can be had now; or the reason why none.
    fn look(&mut self, ring: &Ring, wanted: usize) -> Result<Result<u32, Consumed>, RingFault> {
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        if self.available() < wanted {
            self.refresh(ring)?;
        }
        let count = self.available().min(wanted);
        Ok(match (count, self.end) {
            (0, Some(end)) => Err(Consumed::End(end)),
            (0, None) => Err(Consumed::Empty),
            _ => Ok(count),
        })
    }

    fn consume(&mut self, ring: &Ring, count: u32) -> Notify {
        let old = self.cons;
        self.cons = old.plus(count);
        // Release order: the backend sees the room only after our copy is complete.
        ring.store(data_intf::IN_CONS, self.cons);
        if self.end.is_some() {
            return Notify::No; // It produces no more, so it waits for no room.
        }
        full_barrier();
        if self.wishes {
            let wish = Index::new(ring.load(data_intf::IN_CONS_EVENT));
            return match asked_for(wish, old, self.cons) {
                true => Notify::Now,
                false => Notify::No,
            };
        }
        if self.refresh(ring).is_err() {
            return Notify::No; // The bytes in hand are good; the next call finds the fault.
        }
        self.notifier
            .consumed(old, self.cons, self.prod, ring.array_bytes(), self.largest)
    }
}
