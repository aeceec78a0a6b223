//! The backend's end of the command ring.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::request::{Call, FakeRequest};
use super::store::FakeStore;
use super::stream::FakeStream;
use crate::errno::Errno;
use crate::handshake::FRONTEND_DIR;
use crate::index::Index;
use crate::memory::{SharedPages, full_barrier};
use crate::platform::key;
use crate::units::{DomainId, Port};
use crate::wire::{Command, NAME_BYTES, REQUEST_BYTES, RESPONSE_BYTES, encode_name, sring};
use xen_front::test_utils::FakePlatform;

/// The domain the fake backend runs in.
const BACKEND: DomainId = DomainId(0);

/// What lies behind an answer that nothing was added to.
const GARBAGE: [u8; RESPONSE_BYTES - 24] = [0xee; RESPONSE_BYTES - 24];

/// The other end of the command ring, and of the streams it has accepted.
#[derive(Debug)]
pub struct FakeBackend {
    platform: FakePlatform,
    page: SharedPages,
    port: Port,
    req_cons: Index,
    rsp_prod: Index,
    streams: BTreeMap<u64, FakeStream>,
    /// Ids that LISTEN has succeeded for.
    listening: BTreeSet<u64>,
    /// ACCEPTs that wait for a connection.
    parked: VecDeque<FakeRequest>,
    /// Whether `feature-cancel` is in force.
    cancels: bool,
    /// Rings that stay mapped until they are used again, if it keeps any.
    kept: Option<Vec<FakeStream>>,
    /// Whether the command ring is mapped.
    bound: bool,
    /// Whether `feature-event-idx` is in force.
    wishes: bool,
    /// What lies behind the next answer.
    extra: [u8; RESPONSE_BYTES - 24],
    /// Pages of lookups that it keeps mapped.
    pages: Vec<SharedPages>,
}

impl FakeBackend {
    /// Maps what the frontend has published, and shows that it lives if both sides agreed on that.
    ///
    /// # Panics
    /// If it published nothing, or nothing usable.
    #[must_use]
    #[track_caller]
    pub fn bind(platform: &FakePlatform, store: &FakeStore) -> Self {
        let number = |name| store.number(&key(FRONTEND_DIR, name)).expect("published");
        assert_eq!(number("version"), 1);
        let page = platform.map(BACKEND, number("ring-ref"));
        let page = page.expect("ring-ref is a good grant");
        if store.number(&key(FRONTEND_DIR, "feature-alive")) == Some(1) {
            page.store(sring::ALIVE, 1);
        }
        let port = number("port");
        assert!(
            platform.port_is_open(BACKEND, port),
            "the port can be bound"
        );
        Self {
            platform: platform.clone(),
            page,
            port: Port::new(port).expect("not zero"),
            req_cons: Index::default(),
            rsp_prod: Index::default(),
            streams: BTreeMap::new(),
            listening: BTreeSet::new(),
            parked: VecDeque::new(),
            cancels: store.number(&key(FRONTEND_DIR, "feature-cancel")) == Some(1),
            kept: None,
            bound: true,
            wishes: store.number(&key(FRONTEND_DIR, "feature-event-idx")) == Some(1),
            extra: GARBAGE,
            pages: Vec::new(),
        }
    }

    /// Takes the next request.
    ///
    /// # Panics
    /// If there are more requests than slots, or if it would bring a Linux backend down: an ACCEPT
    /// at what does not listen.
    #[track_caller]
    pub fn next_request(&mut self) -> Option<FakeRequest> {
        if self.waiting() == 0 {
            let wish = self.req_cons.plus(1);
            self.page.store(sring::REQ_EVENT, wish.get());
            full_barrier();
            if self.waiting() == 0 {
                return None;
            }
        }
        let mut bytes = [0; REQUEST_BYTES];
        let slot = self.req_cons.offset(sring::SLOT_COUNT);
        self.page.read(sring::slot(slot), &mut bytes);
        self.req_cons = self.req_cons.plus(1);
        let request = FakeRequest::decode(&bytes);
        let accept = matches!(request.call, Call::Accept { .. });
        assert!(
            !accept || self.listening.contains(&request.id),
            "ACCEPT where nobody listens is fatal to Linux"
        );
        Some(request)
    }

    fn waiting(&self) -> u32 {
        let prod = Index::new(self.page.load(sring::REQ_PROD));
        let waiting = prod.since(self.req_cons);
        assert!(waiting <= sring::SLOT_COUNT, "the frontend keeps the rules");
        waiting
    }

    /// Answers a request. A CONNECT or ACCEPT that succeeds maps its ring first, a RELEASE unmaps
    /// it.
    #[track_caller]
    pub fn answer(&mut self, request: &FakeRequest, ret: i32) {
        match request.call {
            // The peer of a datagram socket that has its ring.
            Call::Connect { grant: 0, .. } => {}
            Call::Connect { grant, port, .. } | Call::Attach { grant, port } if ret == 0 => {
                self.map(request.id, grant, port);
            }
            Call::Accept { new, grant, port } if ret == 0 => self.map(new, grant, port),
            Call::Listen { .. } if ret == 0 => {
                self.listening.insert(request.id);
            }
            Call::Release { reuse } if ret == 0 => {
                self.listening.remove(&request.id);
                match (self.streams.remove(&request.id), &mut self.kept) {
                    (Some(stream), Some(kept)) if reuse == 1 => kept.push(stream),
                    (Some(stream), _) => stream.unmap(),
                    (None, _) => {}
                }
            }
            _ => {}
        }
        self.respond(request.req_id, request.cmd, ret, request.id);
    }

    #[track_caller]
    fn map(&mut self, id: u64, grant: u32, port: u32) {
        let kept = self.kept.iter_mut().flatten();
        let at = { kept }.position(|stream| stream.is_of(grant, port));
        let stream = match (at, &mut self.kept) {
            (Some(at), Some(kept)) => kept.swap_remove(at),
            _ => FakeStream::map(&self.platform, BACKEND, grant, port, self.wishes),
        };
        stream.start();
        let before = self.streams.insert(id, stream);
        assert!(before.is_none(), "the id is in use");
    }

    /// As [`answer`](Self::answer), with success and these names.
    #[track_caller]
    pub fn answer_named(
        &mut self,
        request: &FakeRequest,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) {
        let names = [encode_name(local.as_ref()), encode_name(peer.as_ref())];
        self.answer_with(request, 0, names.as_flattened());
    }

    /// As [`answer`](Self::answer), with what an extension adds to the answer from byte 24 on.
    #[track_caller]
    pub fn answer_with(&mut self, request: &FakeRequest, ret: i32, extra: &[u8]) {
        self.extra[..extra.len()].copy_from_slice(extra);
        self.answer(request, ret);
        self.extra = GARBAGE;
    }

    /// The name that a RESOLVE asks for.
    ///
    /// # Panics
    /// If it is no RESOLVE, or its page cannot be mapped.
    #[track_caller]
    pub fn host_name(&self, request: &FakeRequest) -> Vec<u8> {
        let Call::Resolve { len, .. } = request.call else {
            panic!("{request:?}");
        };
        let mut name = alloc::vec![0; len as usize];
        let page = self.map_page(request);
        page.read(0, &mut name);
        self.platform.unmap(page.grants()[0]);
        name
    }

    /// Answers a RESOLVE with addresses, and says that there are so many.
    #[track_caller]
    pub fn answer_resolve(&mut self, request: &FakeRequest, names: &[SocketAddr], count: u32) {
        let page = self.map_page(request);
        for (number, name) in names.iter().enumerate() {
            page.write(number * NAME_BYTES, &encode_name(Some(name)));
        }
        self.platform.unmap(page.grants()[0]);
        self.answer_with(request, 0, &count.to_le_bytes());
    }

    /// Maps the page of a RESOLVE, until it disconnects.
    #[track_caller]
    pub fn hold_page(&mut self, request: &FakeRequest) {
        let page = self.map_page(request);
        self.pages.push(page);
    }

    #[track_caller]
    fn map_page(&self, request: &FakeRequest) -> SharedPages {
        let Call::Resolve { grant, .. } = request.call else {
            panic!("{request:?}");
        };
        let page = self.platform.map(BACKEND, grant);
        page.expect("RESOLVE carries a good grant")
    }

    /// Lets go of a stream's ring without a word.
    pub fn unmap(&mut self, id: u64) {
        if let Some(stream) = self.streams.remove(&id) {
            stream.unmap();
        }
    }

    /// Publishes a response, of whatever kind.
    pub fn respond(&mut self, req_id: u32, cmd: u32, ret: i32, id: u64) {
        let mut bytes = [0xee; RESPONSE_BYTES];
        bytes[0..4].copy_from_slice(&req_id.to_le_bytes());
        bytes[4..8].copy_from_slice(&cmd.to_le_bytes());
        bytes[8..12].copy_from_slice(&ret.to_le_bytes());
        bytes[16..24].copy_from_slice(&id.to_le_bytes());
        bytes[24..].copy_from_slice(&self.extra);
        let slot = self.rsp_prod.offset(sring::SLOT_COUNT);
        self.page.write(sring::slot(slot), &bytes);
        self.publish(1);
    }

    /// Publishes that many slots as they are: what a backend does that counts up but fills
    /// nothing in, or that lies.
    pub fn publish(&mut self, slots: u32) {
        let old = self.rsp_prod;
        self.rsp_prod = old.plus(slots);
        self.page.store(sring::RSP_PROD, self.rsp_prod.get());
        full_barrier();
        let event = Index::new(self.page.load(sring::RSP_EVENT));
        if self.rsp_prod.since(event) < self.rsp_prod.since(old) {
            self.raise();
        }
    }

    /// Writes `req_event`, which only says when the backend wants to be told.
    pub fn set_req_event(&self, word: u32) {
        self.page.store(sring::REQ_EVENT, word);
    }

    /// Scribbles over the words of the page that the frontend owns.
    pub fn scribble(&self) {
        self.page.store(sring::REQ_PROD, 0xdead_beef);
        self.page.store(sring::RSP_EVENT, 0xdead_beef);
    }

    /// Sends an event to the frontend.
    pub fn raise(&self) {
        self.platform.raise(self.port);
    }

    /// Answers everything with success, but ACCEPTs: they wait for [`accept`](Self::accept). Those of
    /// a listener that is released are answered with -125 if both sides agreed on
    /// `feature-cancel`, else never, as by Linux.
    pub fn serve(&mut self) {
        while let Some(request) = self.next_request() {
            match request.call {
                Call::Accept { .. } => {
                    self.parked.push_back(request);
                    continue;
                }
                Call::Release { .. } => {
                    let mine = |it: &FakeRequest| it.id == request.id;
                    let ended: VecDeque<_> = { self.parked.iter().copied() }.filter(mine).collect();
                    self.parked.retain(|it| !mine(it));
                    for accept in &ended {
                        if self.cancels {
                            self.answer(accept, -Errno::ECANCELED.number());
                        }
                    }
                }
                _ => {}
            }
            self.answer(&request, 0);
        }
    }

    /// A connection is made to a listener: answers its oldest ACCEPT, if one waits, and gives the id
    /// of the stream.
    #[track_caller]
    pub fn accept(&mut self, listener: crate::SocketId) -> Option<u64> {
        self.answer_parked(listener, 0)
    }

    /// As [`accept`](Self::accept), with an error.
    #[track_caller]
    pub fn refuse(&mut self, listener: crate::SocketId, ret: i32) -> Option<u64> {
        self.answer_parked(listener, ret)
    }

    #[track_caller]
    fn answer_parked(&mut self, listener: crate::SocketId, ret: i32) -> Option<u64> {
        let mine = |request: &FakeRequest| request.id == listener.get();
        let at = self.parked.iter().position(mine)?;
        let request = self.parked.remove(at)?;
        self.answer(&request, ret);
        match request.call {
            Call::Accept { new, .. } => Some(new),
            _ => None,
        }
    }

    /// Accepts, and loses the answer.
    #[track_caller]
    pub fn accept_in_silence(&mut self, request: &FakeRequest) {
        if let Call::Accept { new, grant, port } = request.call {
            self.map(new, grant, port);
        }
    }

    /// ACCEPTs of that listener that wait in [`serve`](Self::serve)'s care.
    #[must_use]
    pub fn parked(&self, listener: crate::SocketId) -> usize {
        let mine = |request: &&FakeRequest| request.id == listener.get();
        self.parked.iter().filter(mine).count()
    }

    /// The stream of a connected or accepted socket.
    #[must_use]
    pub fn stream(&self, id: crate::SocketId) -> Option<&FakeStream> {
        self.streams.get(&id.get())
    }

    /// From now on it keeps rings mapped that are to be used again.
    pub fn keep_rings(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// Scribbles over what it keeps.
    pub fn scribble_over_kept(&self) {
        self.kept.iter().flatten().for_each(FakeStream::scribble);
    }

    /// Lets go of the streams, as when it goes down.
    pub fn disconnect(&mut self) {
        for stream in self.kept.take().into_iter().flatten() {
            stream.unmap();
        }
        while let Some((_, stream)) = self.streams.pop_first() {
            stream.unmap();
        }
        self.listening.clear();
        self.parked.clear();
        for page in self.pages.drain(..) {
            self.platform.unmap(page.grants()[0]);
        }
    }

    /// Lets go of the command ring as well.
    pub fn unbind(&mut self) {
        self.disconnect();
        if core::mem::take(&mut self.bound) {
            self.platform.unmap(self.page.grants()[0]);
        }
    }

    /// Dies by SIGKILL: its host clears the byte that shows life, and ends its mappings. The event
    /// is [`raise`](Self::raise)d by whoever tests that it comes.
    pub fn die(&mut self) {
        // The bytes beside it are nobody's business.
        self.page.store(sring::ALIVE, 0xa5a5_a500);
        self.unbind();
    }

    /// The number of RELEASE on the wire, for scripts.
    #[must_use]
    pub fn is_release(request: &FakeRequest) -> bool {
        request.cmd == Command::Release.number()
    }
}
