//! The backend's end of the rings.
//!
//! [`Peer::serve`] carries a server, in one of several [`Manner`]s. A test can also take requests and
//! put answers in by hand, or write anything into the words that a backend owns.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use xen_front::index::Index;
use xen_front::memory::SharedPages;
use xen_front::platform::key;
use xen_front::ring::words;
use xen_front::test_utils::{FakePlatform, Keys};
use xen_front::units::{DomainId, GrantRef, PAGE_SIZE, Port};

use crate::wire::{HEADER_LEN, Header, Kind};

/// The domain the fake backend runs in.
const BACKEND: DomainId = DomainId(0);

/// How a backend works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// All that there is, in order, whenever asked; consumed when it is read.
    Eager,
    /// As QEMU: looks at a ring when an event came or when it has answered; works on one request of a
    /// ring at a time, whose bytes stay in the ring until it is answered; gives the device up when an
    /// answer has no room.
    Qemu,
    /// As [`Eager`](Self::Eager), but an answer comes in pieces of so many bytes, one each turn.
    Pieces(usize),
    /// Takes all requests there are and answers any of them first, or none more that were flushed; the
    /// number is where the choice begins.
    Shuffled(u64),
}

/// All rings of a device, as the backend has them.
#[derive(Debug)]
pub struct Peer {
    platform: FakePlatform,
    rings: Vec<PeerRing>,
    manner: Manner,
}

/// One ring, as the backend has it.
#[derive(Debug)]
pub struct PeerRing {
    platform: FakePlatform,
    indexes: SharedPages,
    data: Vec<SharedPages>,
    port: Port,
    array: u32,
    out_cons: Index,
    in_prod: Index,
    /// Notifications that were seen.
    seen: u64,
    /// Requests that were taken and are not answered.
    taken: Vec<Vec<u8>>,
    /// Bytes of answers that did not go into the ring yet.
    unsent: VecDeque<u8>,
}

impl Peer {
    /// Maps what the frontend has published in `dir`.
    ///
    /// # Panics
    /// If it published nothing, or nothing usable.
    #[must_use]
    #[track_caller]
    pub fn bind(platform: &FakePlatform, keys: &Keys, dir: &str, manner: Manner) -> Self {
        let number = |name: &str| keys.number(&key(dir, name)).expect("published");
        assert_eq!(number("version"), 1);
        let count = number("num-rings");
        let rings = (0..count).map(|ring| {
            let grant = number(&format!("ring-ref{ring}"));
            let port = number(&format!("event-channel-{ring}"));
            PeerRing::map(platform, grant, port)
        });
        let rings = rings.collect();
        let platform = platform.clone();
        Self {
            platform,
            rings,
            manner,
        }
    }

    /// A ring.
    pub fn ring(&mut self, number: usize) -> &mut PeerRing {
        &mut self.rings[number]
    }

    /// How many rings there are.
    #[must_use]
    pub fn rings(&self) -> usize {
        self.rings.len()
    }

    /// Works in another manner from now on.
    pub fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// One turn of every ring: takes requests and puts in what `answer` makes of each; an empty
    /// answer is none. False if there was nothing to do.
    #[track_caller]
    pub fn serve(&mut self, mut answer: impl FnMut(&[u8]) -> Vec<u8>) -> bool {
        let mut busy = false;
        for number in 0..self.rings.len() {
            busy |= match &mut self.manner {
                Manner::Eager => self.rings[number].serve_all(usize::MAX, &mut answer),
                Manner::Pieces(bytes) => self.rings[number].serve_all(*bytes, &mut answer),
                Manner::Qemu => self.rings[number].serve_as_qemu(&mut answer),
                Manner::Shuffled(state) => {
                    // Knuth's multiplier; the upper bits are good enough.
                    *state = { state.wrapping_mul(6_364_136_223_846_793_005) }
                        .wrapping_add(1_442_695_040_888_963_407);
                    let choice = usize::try_from(*state >> 33).unwrap_or(0);
                    self.rings[number].serve_one_of(choice, &mut answer)
                }
            };
        }
        busy
    }

    /// Lets go of all rings.
    pub fn unbind(&mut self) {
        for ring in self.rings.drain(..) {
            for page in ring.data.iter().chain([&ring.indexes]) {
                self.platform.unmap(page.grants()[0]);
            }
        }
    }
}

impl PeerRing {
    #[track_caller]
    fn map(platform: &FakePlatform, grant: u32, port: u32) -> Self {
        let map = |grant| platform.map(BACKEND, grant).expect("a good grant");
        let indexes = map(grant);
        let order = indexes.load(words::RING_ORDER);
        assert!((1..=9).contains(&order), "order {order}");
        let refs = (0..1 << order).map(|page| indexes.load(words::REFS + 4 * page));
        let data = refs.map(map).collect();
        assert!(platform.port_is_open(BACKEND, port));
        let out_cons = Index::new(indexes.load(words::OUT_CONS));
        let in_prod = Index::new(indexes.load(words::IN_PROD));
        Self {
            platform: platform.clone(),
            indexes,
            data,
            port: Port::new(port).expect("not zero"),
            array: 1 << (order + 11),
            out_cons,
            in_prod,
            seen: 0,
            taken: Vec::new(),
            unsent: VecDeque::new(),
        }
    }

    /// Bytes of each direction.
    #[must_use]
    pub fn array(&self) -> u32 {
        self.array
    }

    /// Its port, as the frontend knows it.
    #[must_use]
    pub fn port(&self) -> Port {
        self.port
    }

    /// The grant of its indexes page.
    #[must_use]
    pub fn grant(&self) -> GrantRef {
        self.indexes.grants()[0]
    }

    /// Events that the frontend sent.
    #[must_use]
    pub fn notifications(&self) -> u64 {
        self.platform.notifications(self.port)
    }

    /// Bytes of requests that wait.
    #[must_use]
    #[track_caller]
    pub fn queued(&self) -> u32 {
        let prod = Index::new(self.indexes.load(words::OUT_PROD));
        let queued = prod.since(self.out_cons);
        assert!(queued <= self.array, "the frontend keeps the rules");
        queued
    }

    /// Copies the next request without consuming it.
    ///
    /// # Panics
    /// If a part of one was published: QEMU would never look at that again.
    #[must_use]
    #[track_caller]
    pub fn peek(&self) -> Option<Vec<u8>> {
        let queued = self.queued();
        if queued == 0 {
            return None;
        }
        assert!(queued >= 7, "a part of a header was published");
        let mut head = [0; HEADER_LEN];
        self.copy_out(self.out_cons, &mut head);
        let header = Header::read(head);
        assert!(header.size >= 7 && header.size <= queued, "{header:?}");
        assert!(header.size <= self.array / 2, "{header:?}");
        let mut message = vec![0; header.size as usize];
        self.copy_out(self.out_cons, &mut message);
        Some(message)
    }

    /// Takes the next request.
    #[track_caller]
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let message = self.peek()?;
        self.consume(message.len());
        Some(message)
    }

    /// Moves `out_cons`.
    pub fn consume(&mut self, bytes: usize) {
        self.out_cons = self.out_cons.plus(steps(bytes));
        self.indexes.store(words::OUT_CONS, self.out_cons.get());
    }

    /// Room in the in array.
    #[must_use]
    #[track_caller]
    pub fn room(&self) -> u32 {
        let cons = Index::new(self.indexes.load(words::IN_CONS));
        let used = self.in_prod.since(cons);
        assert!(used <= self.array, "the frontend keeps the rules");
        self.array - used
    }

    /// Puts bytes in and sends an event.
    ///
    /// # Panics
    /// If there is no room for them and one more: QEMU takes a full array for an empty one.
    #[track_caller]
    pub fn put(&mut self, bytes: &[u8]) {
        assert!(steps(bytes.len()) < self.room(), "the answer has no room");
        self.write(bytes);
        self.raise();
    }

    /// Puts bytes in, room or not, and sends no event.
    pub fn write(&mut self, bytes: &[u8]) {
        for (number, byte) in (0..).zip(bytes) {
            let at = self.in_prod.plus(number).offset(self.array) as usize;
            self.data[at / PAGE_SIZE].write(at % PAGE_SIZE, &[*byte]);
        }
        self.in_prod = self.in_prod.plus(steps(bytes.len()));
        self.indexes.store(words::IN_PROD, self.in_prod.get());
    }

    /// Sends an event.
    pub fn raise(&self) {
        self.platform.raise(self.port);
    }

    /// Writes a word of the indexes page.
    pub fn set_word(&self, offset: usize, value: u32) {
        self.indexes.store(offset, value);
    }

    /// Reads a word of the indexes page.
    #[must_use]
    pub fn word(&self, offset: usize) -> u32 {
        self.indexes.load(offset)
    }

    /// Where the backend is: `in_prod` and `out_cons`.
    #[must_use]
    pub fn marks(&self) -> (u32, u32) {
        (self.in_prod.get(), self.out_cons.get())
    }

    #[track_caller]
    fn serve_all(&mut self, piece: usize, answer: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> bool {
        while let Some(message) = self.take() {
            self.unsent.extend(answer(&message));
        }
        let count = { piece.min(self.unsent.len()) }.min(self.room() as usize - 1);
        let bytes: Vec<u8> = self.unsent.drain(..count).collect();
        if count > 0 {
            self.put(&bytes);
        }
        count > 0
    }

    #[track_caller]
    fn serve_one_of(&mut self, choice: usize, answer: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> bool {
        while let Some(message) = self.take() {
            self.taken.push(message);
        }
        if self.taken.is_empty() {
            return false;
        }
        let message = self.taken.remove(choice % self.taken.len());
        if message[4] == Kind::Flush.number() {
            self.taken.retain(|other| other[5..7] != message[7..9]);
        }
        let bytes = answer(&message);
        if !bytes.is_empty() {
            self.put(&bytes);
        }
        true
    }

    #[track_caller]
    fn serve_as_qemu(&mut self, answer: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> bool {
        if let Some(message) = self.taken.pop() {
            // What it was working on is done.
            let bytes = answer(&message);
            self.consume(message.len());
            if !bytes.is_empty() {
                self.put(&bytes);
            }
        } else {
            let notified = self.notifications();
            if core::mem::replace(&mut self.seen, notified) == notified {
                return false;
            }
        }
        // After an event or an answer it looks, once.
        self.taken.extend(self.peek());
        true
    }

    fn copy_out(&self, from: Index, into: &mut [u8]) {
        for (number, byte) in (0..).zip(into) {
            let at = self.array + from.plus(number).offset(self.array);
            let at = at as usize;
            let mut one = [0];
            self.data[at / PAGE_SIZE].read(at % PAGE_SIZE, &mut one);
            *byte = one[0];
        }
    }
}

fn steps(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
