//! A connection to a server without rings: requests wait in a list until somebody polls.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use super::server::Server;
use crate::Error;
use crate::client::{CallId, Connection};
use crate::wire::{Expected, Fid, HEADER_LEN, Header, Request, Response, Tag};

/// In which order waiting requests are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As soon as they are made.
    AtOnce,
    /// One with each poll that finds its own not answered, the oldest first.
    Late,
    /// The same, the newest first.
    Backwards,
    /// The same, any of them: the number is where the choice begins.
    Shuffled(u64),
    /// When the test says so ([`Straight::carry_out`]), never by themselves.
    Held,
}

/// A request that was not carried out yet.
#[derive(Debug)]
struct Waiting {
    id: u64,
    fids: [Option<Fid>; 2],
    message: Vec<u8>,
}

#[derive(Debug)]
struct Call {
    expected: Expected,
    answer: Option<Vec<u8>>,
    waker: Option<Waker>,
    is_dropped: bool,
}

#[derive(Debug)]
struct Inner {
    server: Server,
    order: Order,
    msize: u32,
    next_call: u64,
    waiting: Vec<Waiting>,
    calls: BTreeMap<u64, Call>,
    next_fid: u32,
    fids: BTreeSet<Fid>,
    most_waiting: usize,
    is_gone: bool,
    budget: u64,
}

/// The connection; clones are the same one.
#[derive(Clone, Debug)]
pub struct Straight(Rc<RefCell<Inner>>);

/// How often [`Straight::run`] polls before it says that there is no end.
const POLLS: usize = 100_000;

impl Straight {
    /// To that server, with messages of at most 64 KiB.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            server,
            order: Order::AtOnce,
            msize: 64 << 10,
            next_call: 0,
            waiting: Vec::new(),
            calls: BTreeMap::new(),
            next_fid: 0,
            fids: BTreeSet::new(),
            most_waiting: 0,
            is_gone: false,
            budget: u64::MAX,
        })))
    }

    /// Requests are carried out in that order from now on.
    pub fn set_order(&self, order: Order) {
        self.0.borrow_mut().order = order;
    }

    /// A client that makes more requests than that is taken for one that does not come to an end:
    /// panics.
    pub fn set_budget(&self, requests: u64) {
        self.0.borrow_mut().budget = requests;
    }

    /// The server, to look at or to change. To be dropped before the connection is used.
    #[must_use]
    pub fn server(&self) -> RefMut<'_, Server> {
        RefMut::map(self.0.borrow_mut(), |inner| &mut inner.server)
    }

    /// The device goes: no call is answered any more.
    pub fn go(&self) {
        let mut inner = self.0.borrow_mut();
        inner.is_gone = true;
        inner.waiting.clear();
        for call in inner.calls.values_mut() {
            call.waker.take().inspect(Waker::wake_by_ref);
        }
    }

    /// File numbers that the client took and did not give back.
    #[must_use]
    pub fn fids(&self) -> Vec<Fid> {
        self.0.borrow().fids.iter().copied().collect()
    }

    /// Calls that were neither answered nor given up.
    #[must_use]
    pub fn calls(&self) -> usize {
        let inner = self.0.borrow();
        inner.calls.values().filter(|call| !call.is_dropped).count()
    }

    /// The most requests that waited at the same time.
    #[must_use]
    pub fn most_waiting(&self) -> usize {
        self.0.borrow().most_waiting
    }

    /// Requests that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.borrow().waiting.len()
    }

    /// Carries out the request that is at that place in the list of those that wait.
    ///
    /// # Panics
    /// If there is none.
    pub fn carry_out(&self, place: usize) {
        let waker = self.0.borrow_mut().carry_out(place);
        waker.inspect(Waker::wake_by_ref);
    }

    /// That nothing is left when all that a client had is dropped: no call, no file number here or
    /// on the server; and that the server was never sent what no server may be sent, whatever it
    /// said itself.
    ///
    /// # Panics
    /// If that is not so.
    pub fn assert_clean(&self) {
        assert_eq!(self.calls(), 0, "calls are left");
        assert_eq!(self.fids(), [], "file numbers are left");
        while self.waiting() > 0 {
            self.carry_out(0); // Given up, but not in time.
        }
        let server = self.server();
        let left: Vec<Fid> = server.fids().collect();
        assert_eq!(left, [], "the server has file numbers left");
        // A client that is lied to may use a number that is not there, or do things twice.
        let bad = |complaint: &&String| {
            complaint.contains("name")
                || complaint.contains("message")
                || complaint.contains("fits")
        };
        assert_eq!(server.complaints().iter().find(bad), None);
    }

    /// Polls until there is a result. `None` if there is none after 100,000 polls, or if nothing
    /// could wake the future any more.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let (woken, waker) = xen_front::test_utils::CountingWaker::pair();
        let mut context = Context::from_waker(&waker);
        let mut seen = 0;
        for _ in 0..POLLS {
            if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                return Some(result);
            }
            if woken.count() == seen {
                return None;
            }
            seen = woken.count();
        }
        None
    }
}

impl Inner {
    fn carry_out(&mut self, place: usize) -> Option<Waker> {
        let Waiting { id, message, .. } = self.waiting.remove(place);
        let answer = self.server.answer(&message);
        let call = self.calls.get_mut(&id).expect("calls wait for requests");
        if call.is_dropped {
            self.calls.remove(&id);
            return None;
        }
        call.answer = Some(answer);
        call.waker.take()
    }

    /// Which request is next, if one is.
    fn choose(&mut self) -> Option<usize> {
        let last = self.waiting.len().checked_sub(1)?;
        match &mut self.order {
            Order::AtOnce | Order::Late => Some(0),
            Order::Backwards => Some(last),
            Order::Shuffled(state) => {
                // Knuth's multiplier; the upper bits are good enough.
                *state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let among = self.waiting.len() as u64;
                usize::try_from((*state >> 33) % among).ok()
            }
            Order::Held => None,
        }
    }

    /// Sends a request that nobody waits for.
    fn send_alone(&mut self, request: &Request<'_>) {
        let mut message = Vec::new();
        if request.encode(Tag(0xfffe), &mut message).is_ok() {
            let _ = self.server.answer(&message);
        }
    }
}

/// A tag for that call; few enough to be used again and again.
fn tag(id: u64) -> Tag {
    Tag(u16::try_from(id % 0x1000).expect("12 bits"))
}

/// The file numbers that a request uses or makes.
fn fids(request: &Request<'_>) -> [Option<Fid>; 2] {
    match *request {
        Request::Version { .. } | Request::Flush { .. } => [None; 2],
        Request::Walk { fid, new_fid, .. } => [Some(fid), Some(new_fid)],
        Request::Link { directory, fid, .. } => [Some(directory), Some(fid)],
        Request::Rename { from, to, .. } => [Some(from), Some(to)],
        Request::Symlink { directory, .. }
        | Request::MakeDirectory { directory, .. }
        | Request::Unlink { directory, .. } => [Some(directory), None],
        Request::Attach { fid, .. }
        | Request::Open { fid, .. }
        | Request::Create { fid, .. }
        | Request::ReadLink { fid }
        | Request::GetAttributes { fid, .. }
        | Request::SetAttributes { fid, .. }
        | Request::ReadDirectory { fid, .. }
        | Request::Sync { fid, .. }
        | Request::Lock { fid, .. }
        | Request::Statfs { fid }
        | Request::Read { fid, .. }
        | Request::Write { fid, .. }
        | Request::Clunk { fid } => [Some(fid), None],
    }
}

impl Connection for Straight {
    fn submit(&self, request: &Request<'_>) -> Result<CallId, Error> {
        let mut inner = self.0.borrow_mut();
        if inner.is_gone {
            return Err(Error::Gone);
        }
        if request.encoded_len()? > inner.msize {
            return Err(Error::TooLarge);
        }
        let id = inner.next_call;
        assert!(id < inner.budget, "{id} requests, and no end");
        inner.next_call += 1;
        let is_version = matches!(request, Request::Version { .. });
        let tag = if is_version { Tag::NONE } else { tag(id) };
        let mut message = Vec::new();
        let data = request.encode(tag, &mut message)?;
        message.extend_from_slice(data);
        let fids = fids(request);
        inner.waiting.push(Waiting { id, fids, message });
        inner.most_waiting = inner.most_waiting.max(inner.waiting.len());
        let expected = request.expected();
        inner.calls.insert(
            id,
            Call {
                expected,
                answer: None,
                waker: None,
                is_dropped: false,
            },
        );
        if inner.order == Order::AtOnce {
            let last = inner.waiting.len() - 1;
            inner.carry_out(last);
        }
        Ok(CallId(id))
    }

    fn poll_call(&self, id: CallId, waker: &Waker) -> Poll<Result<Response, Error>> {
        let mut inner = self.0.borrow_mut();
        let id = id.0;
        let answered = |inner: &Inner| inner.calls[&id].answer.is_some();
        let mut other = None;
        if !answered(&inner)
            && !inner.is_gone
            && let Some(place) = inner.choose()
        {
            other = inner.carry_out(place);
            waker.wake_by_ref(); // The next poll finds the next one.
        }
        let result = if inner.is_gone {
            inner.calls.remove(&id);
            Poll::Ready(Err(Error::Gone))
        } else if answered(&inner) {
            let call = inner.calls.remove(&id).expect("it is there");
            Poll::Ready(decode(id, call))
        } else {
            let call = inner.calls.get_mut(&id).expect("it is there");
            call.waker = Some(waker.clone());
            Poll::Pending
        };
        drop(inner);
        other.inspect(Waker::wake_by_ref);
        result
    }

    fn drop_call(&self, id: CallId) {
        let mut inner = self.0.borrow_mut();
        let is_gone = inner.is_gone;
        let Some(call) = inner.calls.get_mut(&id.0) else {
            return;
        };
        if call.answer.is_some() || is_gone {
            inner.calls.remove(&id.0);
            return;
        }
        call.is_dropped = true;
        // Whether a flush comes in time depends: every other one does.
        if id.0.is_multiple_of(2) {
            inner.waiting.retain(|waiting| waiting.id != id.0);
            inner.calls.remove(&id.0);
        }
    }

    fn new_fid(&self) -> Result<Fid, Error> {
        let mut inner = self.0.borrow_mut();
        if inner.is_gone {
            return Err(Error::Gone);
        }
        let fid = Fid(inner.next_fid);
        inner.next_fid += 1;
        inner.fids.insert(fid);
        Ok(fid)
    }

    fn forget(&self, fid: Fid) {
        let mut inner = self.0.borrow_mut();
        assert!(inner.fids.remove(&fid), "{fid:?} is not in use");
        if inner.is_gone {
            return;
        }
        let mut wakers = Vec::new();
        while let Some(place) = inner
            .waiting
            .iter()
            .position(|waiting| waiting.fids.contains(&Some(fid)))
        {
            wakers.extend(inner.carry_out(place));
        }
        // The client need not know whether the call that was to make it did.
        if inner.server.fids().any(|there| there == fid) {
            inner.send_alone(&Request::Clunk { fid });
        }
        drop(inner);
        wakers.iter().for_each(Waker::wake_by_ref);
    }

    fn msize(&self) -> u32 {
        self.0.borrow().msize
    }

    fn set_msize(&self, msize: u32) {
        self.0.borrow_mut().msize = msize;
    }
}

fn decode(id: u64, call: Call) -> Result<Response, Error> {
    let message = call.answer.unwrap_or_default();
    let header = message.first_chunk::<HEADER_LEN>().copied();
    let answered = header.map(|header| Header::read(header).tag);
    if answered.is_some_and(|answered| answered != tag(id) && answered != Tag::NONE) {
        return Err(Error::Answer("the answer to a request that is not there"));
    }
    Response::decode(call.expected, message)?.map_err(Error::Server)
}
