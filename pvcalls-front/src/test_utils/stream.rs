//! The backend's end of one data ring. What it may write, it may write wrongly.

use alloc::vec;
use alloc::vec::Vec;

use crate::errno::Errno;
use crate::index::Index;
use crate::memory::{SharedPages, full_barrier};
use crate::notify::asked_for;
use crate::units::{DomainId, PAGE_SIZE, Port, RingOrder};
use crate::wire::data_intf;
use xen_front::test_utils::FakePlatform;

/// The words of the indexes page that belong to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the specification's names")]
pub enum Word {
    InProd,
    InError,
    OutCons,
    OutError,
}

impl Word {
    fn offset(self) -> usize {
        match self {
            Self::InProd => data_intf::IN_PROD,
            Self::InError => data_intf::IN_ERROR,
            Self::OutCons => data_intf::OUT_CONS,
            Self::OutError => data_intf::OUT_ERROR,
        }
    }
}

/// A connection as the backend sees it.
#[derive(Debug)]
pub struct FakeStream {
    platform: FakePlatform,
    indexes: SharedPages,
    data: Vec<SharedPages>,
    port: Port,
    array_bytes: u32,
    /// Whether each side says when it wants to be told.
    wishes: bool,
}

impl FakeStream {
    /// Maps what a CONNECT handed over.
    ///
    /// # Panics
    /// If anything in it would bring a Linux backend down: a bad grant, order or port.
    #[track_caller]
    pub(crate) fn map(
        platform: &FakePlatform,
        domain: DomainId,
        grant: u32,
        port: u32,
        wishes: bool,
    ) -> Self {
        let indexes = platform
            .map(domain, grant)
            .expect("CONNECT carries a good grant");
        let order = u8::try_from(indexes.load(data_intf::RING_ORDER)).ok();
        let order = order
            .and_then(RingOrder::new)
            .expect("the ring order is in range");
        let data = (0..order.data_pages().get())
            .map(|page| indexes.load(data_intf::REFS + 4 * page))
            .map(|grant| platform.map(domain, grant).expect("a data grant is good"))
            .collect();
        assert!(platform.port_is_open(domain, port), "the port can be bound");
        Self {
            platform: platform.clone(),
            indexes,
            data,
            port: Port::new(port).expect("not zero"),
            array_bytes: order.array_bytes(),
            wishes,
        }
    }

    /// Makes a ring that is mapped already ready for another connection: it wishes to be told of
    /// the first byte.
    pub(super) fn start(&self) {
        self.wait_for_bytes();
    }

    /// Asks to be told of the next byte, as a backend does before it sleeps.
    pub fn wait_for_bytes(&self) {
        if self.wishes {
            let prod = Index::new(self.indexes.load(data_intf::OUT_PROD));
            self.indexes
                .store(data_intf::OUT_PROD_EVENT, prod.plus(1).get());
        }
    }

    /// Asks to be told when the frontend has taken that many bytes more.
    pub fn wait_for_room(&self, bytes: u32) {
        let cons = Index::new(self.indexes.load(data_intf::IN_CONS));
        self.indexes
            .store(data_intf::IN_CONS_EVENT, cons.plus(bytes).get());
    }

    /// Writes anything into the words that say when it wants to be told.
    pub fn set_wishes(&self, word: u32) {
        self.indexes.store(data_intf::IN_CONS_EVENT, word);
        self.indexes.store(data_intf::OUT_PROD_EVENT, word);
    }

    /// Sends an event if the frontend wants one for an index that went from `old` to `new`.
    fn tell(&self, wish: usize, old: Index, new: Index) {
        full_barrier();
        let wish = Index::new(self.indexes.load(wish));
        if old != new && (!self.wishes || asked_for(wish, old, new)) {
            self.raise();
        }
    }

    /// Lets go of all pages.
    pub(super) fn unmap(self) {
        for page in core::iter::once(&self.indexes).chain(&self.data) {
            self.platform.unmap(page.grants()[0]);
        }
    }

    /// Whether this is the ring that a CONNECT names.
    pub(super) fn is_of(&self, grant: u32, port: u32) -> bool {
        self.indexes.grants()[0].get() == grant && self.port.get() == port
    }

    /// The frontend's port of this connection.
    #[must_use]
    pub fn port(&self) -> Port {
        self.port
    }

    /// Bytes that fit into one direction.
    #[must_use]
    pub fn array_bytes(&self) -> u32 {
        self.array_bytes
    }

    /// Sends an event to the frontend.
    pub fn raise(&self) {
        self.platform.raise(self.port);
    }

    /// Puts as many bytes into the in ring as fit, and sends an event if any did. Like Linux, it
    /// uses the indexes in the page, its own included.
    pub fn send(&self, bytes: &[u8]) -> usize {
        let prod = Index::new(self.indexes.load(data_intf::IN_PROD));
        let cons = Index::new(self.indexes.load(data_intf::IN_CONS));
        let queued = prod.since(cons);
        assert!(queued <= self.array_bytes, "the frontend keeps the rules");
        let count = ((self.array_bytes - queued) as usize).min(bytes.len());
        self.write_in(prod, &bytes[..count]);
        let steps = u32::try_from(count).expect("fits the array");
        self.indexes
            .store(data_intf::IN_PROD, prod.plus(steps).get());
        self.tell(data_intf::IN_PROD_EVENT, prod, prod.plus(steps));
        count
    }

    /// Writes bytes into the in ring, from that index on.
    pub(super) fn write_in(&self, from: Index, bytes: &[u8]) {
        for (n, byte) in (0..).zip(bytes) {
            let at = from.plus(n).offset(self.array_bytes) as usize;
            self.data[at / PAGE_SIZE].write(at % PAGE_SIZE, &[*byte]);
        }
    }

    /// Takes up to `max` bytes out of the out ring, and sends an event if there were any.
    #[must_use]
    pub fn receive(&self, max: usize) -> Vec<u8> {
        let bytes = self.look_out(max);
        let cons = Index::new(self.indexes.load(data_intf::OUT_CONS));
        let steps = u32::try_from(bytes.len()).expect("fits the array");
        self.indexes
            .store(data_intf::OUT_CONS, cons.plus(steps).get());
        self.tell(data_intf::OUT_CONS_EVENT, cons, cons.plus(steps));
        bytes
    }

    /// Copies up to `max` bytes of the out ring.
    pub(super) fn look_out(&self, max: usize) -> Vec<u8> {
        let cons = Index::new(self.indexes.load(data_intf::OUT_CONS));
        let count = (self.queued_out() as usize).min(max);
        let array = self.array_bytes as usize;
        let mut bytes = vec![0; count];
        for (n, byte) in (0..).zip(&mut bytes) {
            let at = array + cons.plus(n).offset(self.array_bytes) as usize;
            let mut one = [0];
            self.data[at / PAGE_SIZE].read(at % PAGE_SIZE, &mut one);
            [*byte] = one;
        }
        bytes
    }

    /// Bytes in the out ring.
    ///
    /// # Panics
    /// If the frontend put in more than fit.
    #[must_use]
    pub fn queued_out(&self) -> u32 {
        let prod = Index::new(self.indexes.load(data_intf::OUT_PROD));
        let cons = Index::new(self.indexes.load(data_intf::OUT_CONS));
        let queued = prod.since(cons);
        assert!(queued <= self.array_bytes, "the frontend keeps the rules");
        queued
    }

    /// Bytes in the in ring that the frontend has not taken.
    #[must_use]
    pub fn queued_in(&self) -> u32 {
        let prod = Index::new(self.indexes.load(data_intf::IN_PROD));
        prod.since(Index::new(self.indexes.load(data_intf::IN_CONS)))
    }

    /// The other end closed in good order.
    pub fn close(&self) {
        self.set_in_error(-Errno::ENOTCONN.number());
    }

    /// Writes `in_error` and sends an event.
    pub fn set_in_error(&self, word: i32) {
        self.indexes
            .store(data_intf::IN_ERROR, word.cast_unsigned());
        self.raise();
    }

    /// Writes `out_error` and sends an event.
    pub fn set_out_error(&self, word: i32) {
        self.indexes
            .store(data_intf::OUT_ERROR, word.cast_unsigned());
        self.raise();
    }

    /// Moves `in_prod` by that many steps, backwards too, without data, and sends an event.
    pub fn shift_in_prod(&self, steps: i32) {
        self.shift(Word::InProd, steps);
    }

    /// Moves `out_cons` likewise.
    pub fn shift_out_cons(&self, steps: i32) {
        self.shift(Word::OutCons, steps);
    }

    /// Strikes between two loads of the frontend: when it has loaded `word` the next time, these
    /// words change to these values.
    pub fn strike_after_load(&self, word: Word, changes: &[(Word, u32)]) {
        let grant = self.indexes.grants()[0];
        let changes: Vec<_> = changes
            .iter()
            .map(|(word, value)| (word.offset(), *value))
            .collect();
        self.platform.set_trap(grant, word.offset(), &changes);
    }

    /// Scribbles over everything in the pages that the frontend owns: a frontend that trusted
    /// them would now go wrong.
    pub fn scribble(&self) {
        self.indexes.store(data_intf::IN_CONS, 0x1234_5678);
        self.indexes.store(data_intf::OUT_PROD, 0x9abc_def0);
        self.indexes.store(data_intf::RING_ORDER, u32::MAX);
        for page in 0..self.data.len() {
            self.indexes.store(data_intf::REFS + 4 * page, u32::MAX);
        }
        self.raise();
    }

    fn shift(&self, word: Word, steps: i32) {
        let index = Index::new(self.indexes.load(word.offset())).plus(steps.cast_unsigned());
        self.indexes.store(word.offset(), index.get());
        self.raise();
    }
}
