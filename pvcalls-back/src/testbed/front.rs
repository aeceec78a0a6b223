//! A command ring, from the frontend's side.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::answer::RawAnswer;
use super::request::Slot;
use super::stream::RawStream;
use crate::features::{Feature, Features};
use crate::memory::Shared;
use crate::platform::local::{LocalDomain, LocalHost, LocalPages};
use crate::sessions::DeviceId;

const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 4;
const RSP_PROD: usize = 8;
const RSP_EVENT: usize = 12;
const ALIVE: usize = 16;
const SLOTS: u32 = 32;

/// Pages that are shared at a time, to save file descriptors.
const PAGES_AT_A_TIME: usize = 1536;

/// A frontend that can write anything into its command ring.
#[derive(Debug)]
pub struct RawFront {
    domain: Arc<LocalDomain>,
    page: Shared<LocalPages>,
    port: u32,
    features: Features,
    req_prod: u32,
    rsp_cons: u32,
    next_req_id: u32,
    answers: VecDeque<RawAnswer>,
    /// Events per port, as far as they were not merged.
    events: BTreeMap<u32, u64>,
    pages: Rc<Shared<LocalPages>>,
    pages_used: usize,
}

fn slot(index: u32) -> usize {
    64 + (index % SLOTS) as usize * 64
}

impl RawFront {
    pub(super) fn new(host: &LocalHost, domain: u16, features: Features) -> Self {
        let domain = Arc::new(host.domain(domain).expect("a file descriptor"));
        let page = Shared::new(domain.share(1).expect("memory"));
        page.store(REQ_EVENT, 1);
        page.store(RSP_EVENT, 1);
        let pages = Rc::new(Shared::new(domain.share(1).expect("memory")));
        Self {
            port: domain.open_port(),
            page,
            features,
            req_prod: 0,
            rsp_cons: 0,
            next_req_id: 1000,
            answers: VecDeque::new(),
            events: BTreeMap::new(),
            pages,
            pages_used: 1,
            domain,
        }
    }

    /// Its domain, and device 0 in it.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        DeviceId {
            domain: self.domain.id(),
            device: 0,
        }
    }

    /// What it can do with the machine.
    #[must_use]
    pub fn domain(&self) -> &Arc<LocalDomain> {
        &self.domain
    }

    /// The grant of the command ring.
    #[must_use]
    pub fn ring_ref(&self) -> u32 {
        self.page.mapping().refs()[0]
    }

    /// The port of the command ring.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// What it speaks.
    #[must_use]
    pub fn features(&self) -> Features {
        self.features
    }

    /// The byte of `feature-alive`.
    #[must_use]
    pub fn alive(&self) -> u8 {
        let mut byte = [0];
        self.page.read(ALIVE, &mut byte);
        byte[0]
    }

    /// Writes a word of the command ring's page, whatever it means.
    pub fn poke(&self, offset: usize, value: u32) {
        self.page.store(offset, value);
    }

    /// Starts to count at `index`. Before the session is opened.
    pub fn start_at(&mut self, index: u32) {
        (self.req_prod, self.rsp_cons) = (index, index);
        self.poke(REQ_PROD, index);
        self.poke(RSP_PROD, index);
        self.poke(REQ_EVENT, index.wrapping_add(1));
        self.poke(RSP_EVENT, index.wrapping_add(1));
    }

    /// Requests without an answer.
    pub fn outstanding(&mut self) -> u32 {
        self.collect();
        self.req_prod.wrapping_sub(self.rsp_cons)
    }

    /// Puts a request into the ring, without telling. Its number.
    pub fn put(&mut self, mut request: Slot) -> u32 {
        assert!(self.outstanding() < SLOTS, "the ring is full");
        let req_id = self.next_req_id;
        self.next_req_id += 1;
        request[0..4].copy_from_slice(&req_id.to_le_bytes());
        self.page.write(slot(self.req_prod), &request);
        self.req_prod = self.req_prod.wrapping_add(1);
        self.page.store(REQ_PROD, self.req_prod);
        req_id
    }

    /// Raises the command ring's port.
    pub fn notify(&self) {
        self.domain.notify(self.port);
    }

    /// Puts a request into the ring, and tells. Its number.
    pub fn submit(&mut self, request: Slot) -> u32 {
        let req_id = self.put(request);
        self.notify();
        req_id
    }

    /// Takes answers and events in.
    fn collect(&mut self) {
        let rsp_prod = self.page.load(RSP_PROD);
        let new = rsp_prod.wrapping_sub(self.rsp_cons);
        let waiting = self.req_prod.wrapping_sub(self.rsp_cons);
        assert!(new <= waiting, "{new} answers to {waiting} requests");
        for _ in 0..new {
            let mut bytes = [0; 64];
            self.page.read(slot(self.rsp_cons), &mut bytes);
            self.answers.push_back(RawAnswer::new(bytes));
            self.rsp_cons = self.rsp_cons.wrapping_add(1);
        }
        self.page.store(RSP_EVENT, self.rsp_cons.wrapping_add(1));
        for port in self.domain.take_events() {
            *self.events.entry(port).or_default() += 1;
        }
    }

    /// The oldest answer that nobody took.
    pub fn next_answer(&mut self) -> Option<RawAnswer> {
        self.collect();
        self.answers.pop_front()
    }

    /// The answer to a request, if it has come.
    pub fn answer_to(&mut self, req_id: u32) -> Option<RawAnswer> {
        self.collect();
        let place = self.answers.iter().position(|one| one.req_id() == req_id)?;
        self.answers.remove(place)
    }

    /// Events of a port since the last time it was asked; some may have been merged.
    pub fn take_events(&mut self, port: u32) -> u64 {
        self.collect();
        self.events.remove(&port).unwrap_or(0)
    }

    /// Shares pages, side by side: where they are.
    pub fn share(&mut self, count: usize) -> (Rc<Shared<LocalPages>>, usize) {
        if self.pages.mapping().refs().len() - self.pages_used < count {
            let pages = self.domain.share(PAGES_AT_A_TIME.max(count));
            self.pages = Rc::new(Shared::new(pages.expect("memory")));
            self.pages_used = 0;
        }
        let first = self.pages_used;
        self.pages_used += count;
        (Rc::clone(&self.pages), first)
    }

    /// A new data ring of this order.
    pub fn stream(&mut self, order: u32) -> RawStream {
        let (pages, first) = self.share(1 + (1 << order));
        let event_idx = self.features.has(Feature::EventIdx);
        RawStream::new(pages, first, order, Arc::clone(&self.domain), event_idx)
    }
}
