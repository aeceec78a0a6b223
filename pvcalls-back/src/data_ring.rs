//! The data ring of a socket: two arrays of bytes and their indices.
//!
//! `out` carries bytes from the guest, `in` bytes to it. `in_prod` and `out_cons` are ours: they
//! live here and are only ever stored to the page. The frontend's `in_cons` and `out_prod` are
//! loaded once per look and must lie where they can: between what they were and what the ring
//! holds.

use std::fmt;
use std::io;

use crate::abi::{MAX_ORDER, PAGE_BYTES, RingName, intf};
use crate::memory::{Piece, Shared, full_barrier};
use crate::platform::{Mapped, Platform};

/// The frontend moved an index to where it cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadIndex {
    /// Which one.
    pub name: &'static str,
    /// Where it stands.
    pub value: u32,
}

impl fmt::Display for BadIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} jumped to {}", self.name, self.value)
    }
}

/// Why a ring was not mapped.
#[derive(Debug)]
pub enum MapError {
    /// The order is none that was offered.
    Order(u32),
    /// It would be more pages than the domain may have mapped.
    Limit,
    /// The hypervisor's refusal.
    Refused(io::Error),
}

impl From<io::Error> for MapError {
    fn from(error: io::Error) -> Self {
        Self::Refused(error)
    }
}

/// The pages and the port of a data ring.
pub struct DataRing<M> {
    intf: Shared<M>,
    data: Shared<M>,
    /// What the frontend calls it, and the grants of its data pages: a ring is used again if
    /// both are the same.
    name: RingName,
    refs: Box<[u32]>,
    /// Our end of the port.
    port: u32,
    event_idx: bool,
    in_cons: u32,
    in_prod: u32,
    out_cons: u32,
    out_prod: u32,
}

impl<M> fmt::Debug for DataRing<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataRing")
            .field("name", &self.name)
            .field("port", &self.port)
            .field("pages", &self.refs.len())
            .field("in", &(self.in_cons..self.in_prod))
            .field("out", &(self.out_cons..self.out_prod))
            .finish()
    }
}

impl<M: Mapped> DataRing<M> {
    /// Maps the ring that a domain calls `name`, of at most `room` pages, and binds its port.
    ///
    /// Order and grants are read once, before anything is mapped by them.
    ///
    /// # Errors
    /// Nothing is mapped or bound then.
    pub fn map<P: Platform<Mapping = M>>(
        platform: &mut P,
        domain: u16,
        name: RingName,
        max_order: u8,
        room: u32,
    ) -> Result<Self, MapError> {
        if room == 0 {
            return Err(MapError::Limit);
        }
        let intf = Shared::new(platform.map(domain, &[name.indexes])?);
        let refs = read_refs(&intf, max_order)?;
        if refs.len() >= room as usize {
            return Err(MapError::Limit);
        }
        let data = Shared::new(platform.map(domain, &refs)?);
        let port = platform.bind(domain, name.port)?;
        let mut ring = Self {
            intf,
            data,
            name,
            refs,
            port,
            event_idx: false,
            in_cons: 0,
            in_prod: 0,
            out_cons: 0,
            out_prod: 0,
        };
        ring.start();
        Ok(ring)
    }

    /// Makes a ring that is mapped already ready for another socket. Whether the frontend still
    /// means the same pages by it; if not, the ring must be unmapped.
    pub fn reuse(&mut self, max_order: u8) -> bool {
        let same = read_refs(&self.intf, max_order).is_ok_and(|refs| refs == self.refs);
        if same {
            self.start();
        }
        same
    }

    /// Takes over the indices the frontend starts with; any equal pair will do.
    fn start(&mut self) {
        self.event_idx = false;
        self.in_prod = self.intf.load(intf::IN_PROD);
        self.in_cons = self.in_prod;
        self.out_cons = self.intf.load(intf::OUT_CONS);
        self.out_prod = self.out_cons;
    }

    /// Speaks `feature-event-idx` from now on.
    pub fn use_event_idx(&mut self) {
        self.event_idx = true;
        self.wait_for_out();
        self.wait_for_in();
    }

    /// What the frontend calls it.
    pub fn name(&self) -> RingName {
        self.name
    }

    /// Our end of its port.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// All its pages, the indexes page included.
    #[expect(clippy::cast_possible_truncation, reason = "at most 513")]
    pub fn pages(&self) -> u32 {
        self.refs.len() as u32 + 1
    }

    /// Bytes in each direction.
    #[expect(clippy::cast_possible_truncation, reason = "at most 2^20")]
    pub fn size(&self) -> u32 {
        (self.refs.len() * PAGE_BYTES / 2) as u32
    }

    /// Looks how far the frontend has written. Bytes that wait in `out`.
    ///
    /// # Errors
    /// If its index is nowhere it can be.
    pub fn look_out(&mut self) -> Result<u32, BadIndex> {
        let value = self.intf.load(intf::OUT_PROD);
        let waiting = value.wrapping_sub(self.out_cons);
        if waiting > self.size() || waiting < self.out_prod.wrapping_sub(self.out_cons) {
            return Err(BadIndex {
                name: "out_prod",
                value,
            });
        }
        self.out_prod = value;
        Ok(waiting)
    }

    /// Looks how far the frontend has read. Room in `in`.
    ///
    /// # Errors
    /// If its index is nowhere it can be.
    pub fn look_in(&mut self) -> Result<u32, BadIndex> {
        let value = self.intf.load(intf::IN_CONS);
        let unread = self.in_prod.wrapping_sub(value);
        if unread > self.in_prod.wrapping_sub(self.in_cons) {
            return Err(BadIndex {
                name: "in_cons",
                value,
            });
        }
        self.in_cons = value;
        Ok(self.size() - unread)
    }

    /// Where the frontend's writing stood at the last look.
    pub fn out_prod(&self) -> u32 {
        self.out_prod
    }

    /// Up to where we have sent.
    pub fn out_cons(&self) -> u32 {
        self.out_cons
    }

    /// The next `len` bytes of `out` after the first `skip`, in one or two pieces.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn out_pieces(&self, skip: u32, len: u32) -> [Piece<'_>; 2] {
        assert!(skip + len <= self.out_prod.wrapping_sub(self.out_cons));
        self.pieces(self.size(), self.out_cons.wrapping_add(skip), len)
    }

    /// The next `len` free bytes of `in` after the first `skip`, in one or two pieces.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn in_pieces(&self, skip: u32, len: u32) -> [Piece<'_>; 2] {
        let unread = self.in_prod.wrapping_sub(self.in_cons);
        assert!(skip + len <= self.size() - unread);
        self.pieces(0, self.in_prod.wrapping_add(skip), len)
    }

    fn pieces(&self, array: u32, index: u32, len: u32) -> [Piece<'_>; 2] {
        let start = index & (self.size() - 1);
        let first = len.min(self.size() - start);
        [
            self.data.piece((array + start) as usize, first as usize),
            self.data.piece(array as usize, (len - first) as usize),
        ]
    }

    /// Copies bytes of `out` after the first `skip` out of the ring.
    ///
    /// # Panics
    /// If there are not as many.
    #[expect(clippy::cast_possible_truncation, reason = "rings are small")]
    pub fn copy_out(&self, skip: u32, into: &mut [u8]) {
        let len = into.len() as u32;
        assert!(skip + len <= self.out_prod.wrapping_sub(self.out_cons));
        let start = self.out_cons.wrapping_add(skip) & (self.size() - 1);
        let (first, second) = into.split_at_mut(len.min(self.size() - start) as usize);
        self.data.read((self.size() + start) as usize, first);
        self.data.read(self.size() as usize, second);
    }

    /// Copies bytes into the free part of `in`.
    ///
    /// # Panics
    /// If there is not as much room.
    #[expect(clippy::cast_possible_truncation, reason = "rings are small")]
    pub fn copy_in(&self, from: &[u8]) {
        let len = from.len() as u32;
        assert!(len <= self.size() - self.in_prod.wrapping_sub(self.in_cons));
        let start = self.in_prod & (self.size() - 1);
        let (first, second) = from.split_at(len.min(self.size() - start) as usize);
        self.data.write(start as usize, first);
        self.data.write(0, second);
    }

    /// So many bytes of `out` were sent: the frontend may write there. Whether it wants to know.
    #[must_use]
    pub fn sent(&mut self, len: u32) -> bool {
        let old = self.out_cons;
        self.out_cons = old.wrapping_add(len);
        self.intf.store(intf::OUT_CONS, self.out_cons);
        self.wanted(intf::OUT_CONS_EVENT, old, self.out_cons)
    }

    /// So many bytes were put into `in`. Whether the frontend wants to know.
    #[must_use]
    pub fn received(&mut self, len: u32) -> bool {
        let old = self.in_prod;
        self.in_prod = old.wrapping_add(len);
        self.intf.store(intf::IN_PROD, self.in_prod);
        self.wanted(intf::IN_PROD_EVENT, old, self.in_prod)
    }

    fn wanted(&self, word: usize, old: u32, new: u32) -> bool {
        if !self.event_idx {
            return true;
        }
        full_barrier();
        new.wrapping_sub(self.intf.load(word)) < new.wrapping_sub(old)
    }

    /// Wishes to be told when more is written. Without `feature-event-idx` frontends always tell.
    pub fn wait_for_out(&self) {
        if self.event_idx {
            self.intf
                .store(intf::OUT_PROD_EVENT, self.out_prod.wrapping_add(1));
            full_barrier();
        }
    }

    /// Wishes to be told when there is room that is worth an event: a frontend that wants more
    /// bytes reads at least that much of a full ring, and all of one that is not full.
    pub fn wait_for_in(&self) {
        if self.event_idx {
            let unread = self.in_prod.wrapping_sub(self.in_cons);
            let wish = unread.min(self.size() / 2).max(1);
            self.intf
                .store(intf::IN_CONS_EVENT, self.in_cons.wrapping_add(wish));
            full_barrier();
        }
    }

    /// Says what became of the way in: after the bytes it comes after.
    pub fn set_in_error(&self, ret: i32) {
        self.intf.store(intf::IN_ERROR, ret.cast_unsigned());
    }

    /// Says what became of the way out.
    pub fn set_out_error(&self, ret: i32) {
        self.intf.store(intf::OUT_ERROR, ret.cast_unsigned());
    }
}

/// The grants of the data pages, as the frontend wrote them.
fn read_refs<M: Mapped>(intf: &Shared<M>, max_order: u8) -> Result<Box<[u32]>, MapError> {
    let order = intf.load(intf::RING_ORDER);
    if order == 0 || order > u32::from(max_order.min(MAX_ORDER)) {
        return Err(MapError::Order(order));
    }
    let mut bytes = vec![0; 4 << order];
    intf.read(intf::REFS, &mut bytes);
    let words = bytes.chunks_exact(4);
    Ok(words
        .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
        .collect())
}
