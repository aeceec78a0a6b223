//! A data ring: the memory, grants and port of one connection, and its two halves.
//!
//! There is a page of indexes, and there are pages of data: the first half of these carries `in` (to
//! us), the second half `out`. [`Ring`] owns all of it and is the unit that a pool can keep;
//! [`InRing`] and [`OutRing`] are the positions in it.
//!
//! The page is by itself, so that the data is as many pages as allocators like to give: a run of
//! `2^n + 1` would cut the next larger one in pieces, and with it, in the end, all memory.

use crate::error::{ResourceError, RingFault};
use crate::in_ring::InRing;
use crate::index::Index;
use crate::memory::SharedPages;
use crate::notify::Notify;
use crate::out_ring::OutRing;
use crate::platform::{Platform, ShareError, StillMapped};
use crate::socket::Interest;
use crate::units::{DomainId, PageCount, Port, RingOrder};
use crate::wire::{RingRef, data_intf};

/// Shared pages and a port, laid out as the backend expects them.
#[derive(Debug)]
pub(crate) struct Ring {
    indexes: SharedPages,
    data: SharedPages,
    port: Port,
    order: RingOrder,
}

impl Ring {
    /// Gets pages and a port for a ring of that order.
    pub(crate) fn create<P: Platform>(
        platform: &mut P,
        backend: DomainId,
        order: RingOrder,
    ) -> Result<Self, ResourceError> {
        let port = platform.open_port(backend).map_err(ResourceError::Port)?;
        match share(platform, backend, order.data_pages()) {
            Ok((indexes, data)) => Ok(Self {
                indexes,
                data,
                port,
                order,
            }),
            Err(error) => {
                platform.close_port(port);
                Err(ResourceError::Share(error))
            }
        }
    }

    /// Makes the pages ready for a new connection whose indexes all begin at `start`, which is 0
    /// outside tests. The data pages stay as they are: they came zeroed, and what an earlier
    /// connection left in them this backend has seen already.
    pub(crate) fn reset(&self, start: Index) {
        self.indexes.zero_first_page();
        for offset in [
            data_intf::IN_CONS,
            data_intf::IN_PROD,
            data_intf::OUT_CONS,
            data_intf::OUT_PROD,
        ] {
            self.indexes.store(offset, start.get());
        }
        for (number, grant) in self.data.grants().iter().enumerate() {
            self.indexes
                .store(data_intf::REFS + 4 * number, grant.get());
        }
        self.indexes
            .store(data_intf::RING_ORDER, u32::from(self.order.get()));
    }

    /// What a request says of it: the indexes page holds the rest.
    pub(crate) fn reference(&self) -> RingRef {
        RingRef {
            indexes: self.indexes.grants()[0],
            port: self.port,
        }
    }

    pub(crate) fn port(&self) -> Port {
        self.port
    }

    pub(crate) fn order(&self) -> RingOrder {
        self.order
    }

    /// Pages in it, the indexes page included.
    pub(crate) fn page_count(&self) -> usize {
        self.indexes.pages().get() + self.data.pages().get()
    }

    pub(crate) fn array_bytes(&self) -> u32 {
        self.order.array_bytes()
    }

    /// Closes the port and leaves the pages, to be given back when the peer has let go of them.
    pub(crate) fn into_pages<P: Platform>(self, platform: &mut P) -> [SharedPages; 2] {
        platform.close_port(self.port);
        [self.indexes, self.data]
    }

    pub(crate) fn load(&self, offset: usize) -> u32 {
        self.indexes.load(offset)
    }

    pub(crate) fn store(&self, offset: usize, index: Index) {
        self.indexes.store(offset, index.get());
    }

    /// Copies bytes out of the in array, which wraps at its end.
    pub(crate) fn copy_out(&self, from: Index, into: &mut [u8]) {
        let (begin, first) = self.first_piece(from, into.len());
        let (head, tail) = into.split_at_mut(first);
        self.data.read(begin, head);
        self.data.read(0, tail);
    }

    /// Copies bytes into the out array, which lies behind the in array.
    pub(crate) fn copy_in(&self, to: Index, from: &[u8]) {
        let (begin, first) = self.first_piece(to, from.len());
        let (head, tail) = from.split_at(first);
        let array = self.array_bytes() as usize;
        self.data.write(array + begin, head);
        self.data.write(array, tail);
    }

    /// The offset of `index` in an array, and how many of `len` bytes come before its end.
    fn first_piece(&self, index: Index, len: usize) -> (usize, usize) {
        let array = self.array_bytes();
        debug_assert!(len <= array as usize);
        let begin = index.offset(array) as usize;
        (begin, len.min(array as usize - begin))
    }
}

/// A page for the indexes, and so many for the data.
fn share<P: Platform>(
    platform: &mut P,
    backend: DomainId,
    data: PageCount,
) -> Result<(SharedPages, SharedPages), ShareError> {
    let indexes = platform.share(backend, PageCount(1))?;
    match platform.share(backend, data) {
        Ok(run) => {
            assert_eq!(run.pages(), data, "the platform shares what it is asked");
            Ok((indexes, run))
        }
        Err(error) => {
            if let Err(StillMapped(page)) = platform.unshare(indexes) {
                // Nobody was told of it: a backend that guesses grants costs this guest a page.
                log::warn!("{page:?}: the backend mapped a page before it was told of it");
            }
            Err(error)
        }
    }
}

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
