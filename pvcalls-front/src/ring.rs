//! The data ring of one connection and its two halves.
//!
//! [`Ring`] owns the memory, grants and port, and is the unit that a pool can keep; [`InRing`] and
//! [`OutRing`] are the positions in it.

pub(crate) use xen_front::ring::Ring;

use crate::error::RingFault;
use crate::in_ring::InRing;
use crate::index::Index;
use crate::notify::Notify;
use crate::out_ring::OutRing;
use crate::socket::Interest;
use crate::wire::data_intf;

/// A ring in use by a connection.
#[derive(Debug)]
pub(crate) struct DataRing {
    pub(crate) ring: Ring,
    pub(crate) input: InRing,
    pub(crate) output: OutRing,
}

impl DataRing {
    /// A ring for a new connection; `wishes` with `feature-event-idx`.
    pub(crate) fn new(ring: Ring, start: Index, wishes: bool) -> Self {
        ring.reset(start);
        if wishes {
            // Behind: nobody waits yet.
            ring.store(data_intf::IN_PROD_EVENT, start);
            ring.store(data_intf::OUT_CONS_EVENT, start);
        }
        Self {
            ring,
            input: InRing::new(start, wishes),
            output: OutRing::new(start, wishes),
        }
    }

    /// A ring for a new datagram socket.
    pub(crate) fn for_datagrams(ring: Ring, start: Index, wishes: bool) -> Self {
        let mut data = Self::new(ring, start, wishes);
        data.input.carry_frames();
        data.output.carry_frames(&data.ring);
        data
    }

    /// Somebody is about to wait for bytes or room.
    pub(crate) fn wait(&mut self, interest: Interest) -> Result<(), RingFault> {
        match interest {
            Interest::Connect => return Ok(()),
            Interest::Read => self.input.wait(&self.ring),
            Interest::Write => self.output.wait_for_room(&self.ring),
        }
        self.refresh()
    }

    /// An event came: looks at everything the backend may have changed. If that is not enough for the
    /// writers who wait, they are waited for anew, since somebody else has taken room meanwhile.
    pub(crate) fn look_on_event(&mut self) -> Result<(), RingFault> {
        self.refresh()?;
        match self.output.falls_short(&self.ring) {
            true => self.wait(Interest::Write),
            false => Ok(()),
        }
    }

    /// Throws away what came in, of a stream that is only drained, and asks to be told of more and of
    /// the end of the drain. Whether the backend must be told of room, and whether nothing more was
    /// there at the last look: if not, no event may come.
    pub(crate) fn throw_away_input(&mut self) -> Result<(bool, bool), RingFault> {
        /// Somebody may deliver as fast as we look.
        const LOOKS: usize = 4;
        let mut tell = false;
        for _ in 0..LOOKS {
            self.input.wait(&self.ring);
            self.output.wait_for_end(&self.ring);
            self.refresh()?;
            let quiet = self.input.available() == 0;
            tell |= self.input.discard(&self.ring)? != Notify::No;
            if quiet || !self.input.has_wishes() {
                return Ok((tell, true));
            }
        }
        Ok((tell, false))
    }

    /// Looks at everything the backend may have changed.
    pub(crate) fn refresh(&mut self) -> Result<(), RingFault> {
        self.input.refresh(&self.ring)?;
        self.output.refresh(&self.ring)
    }

    /// Whether a reader finds bytes or the end.
    pub(crate) fn readable(&self) -> bool {
        self.input.available() > 0 || self.input.end().is_some()
    }

    /// Whether a writer finds room or an error.
    pub(crate) fn writable(&self) -> bool {
        self.output.has_room(&self.ring) || self.output.error().is_some()
    }

    /// How far the backend has come, as far as is known.
    pub(crate) fn marks(&self) -> (Index, Index) {
        (self.input.prod(), self.output.cons())
    }
}
