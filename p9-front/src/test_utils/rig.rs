//! A connected session, the backend's end of its rings, a server and a clock.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use xen_front::test_utils::{CountingWaker, FakePlatform};

use super::peer::{Manner, Peer};
use super::server::Server;
use super::store::FakeStore;
use crate::client::{CallId, Connection};
use crate::wire::{Fid, Request, Response};
use crate::{Config, Error, Handshake, HandshakeError, Session, Step};

/// How often [`Shared::run`] polls before it says that there is no end.
const POLLS: usize = 100_000;

/// A connected session and all that a test needs around it.
#[derive(Debug)]
pub struct Rig {
    /// The driver.
    pub session: Session<FakePlatform>,
    /// The backend's end of the rings.
    pub peer: Peer,
    /// Who answers, in [`turn`](Self::turn).
    pub server: Server,
    /// A handle to the pages and ports.
    pub platform: FakePlatform,
    /// The keys of the device.
    pub store: FakeStore,
    /// The clock, in nanoseconds.
    pub now_ns: u64,
}

/// Steps until the device is up, or fails; the backend reacts like QEMU's, and time passes only
/// when it has nothing to react to. Its states are what was reached, in order.
///
/// # Errors
/// Why it is not up.
pub fn bring_up(
    mut handshake: Handshake<FakePlatform>,
    store: &mut FakeStore,
    now_ns: &mut u64,
) -> Result<Session<FakePlatform>, HandshakeError> {
    for _ in 0..1000 {
        match handshake.step(store, *now_ns) {
            Step::Connected(session) => return Ok(session),
            Step::Failed { error, .. } => return Err(error),
            Step::Closed(_) => panic!("it was to come up"),
            Step::WaitForBackend {
                handshake: same,
                deadline_ns,
                ..
            } => {
                assert!(deadline_ns > *now_ns, "a wait is not over already");
                if !store.react() {
                    *now_ns = deadline_ns;
                }
                handshake = same;
            }
        }
    }
    panic!("it does not come up");
}

impl Rig {
    /// A session with a backend of that manner, that takes so many rings of up to that order. Indexes
    /// begin at `start`.
    #[must_use]
    #[track_caller]
    pub fn new(config: Config, rings: u32, order: u32, manner: Manner, start: u32) -> Self {
        let platform = FakePlatform::new();
        let mut store = FakeStore::with_backend(rings, order);
        let handshake = Handshake::new(platform.clone(), config, FakeStore::TAG).with_start(start);
        let mut now_ns = 0;
        let session = bring_up(handshake, &mut store, &mut now_ns).expect("it comes up");
        let peer = Peer::bind(&platform, &store, &FakeStore::frontend_dir(0), manner);
        Self {
            session,
            peer,
            server: Server::new(),
            platform,
            store,
            now_ns,
        }
    }

    /// Hands every event over, until none is left.
    pub fn deliver(&mut self) {
        while let Some(port) = self.platform.next_event() {
            assert!(self.session.on_event(port, self.now_ns), "{port} is ours");
        }
    }

    /// What a runtime does before it blocks.
    pub fn idle(&mut self) {
        self.session.flush(self.now_ns);
        self.deliver();
        self.session.flush(self.now_ns);
    }

    /// The frontend goes to sleep, the backend has a turn, and its events are delivered. False if
    /// the backend had nothing to do.
    #[track_caller]
    pub fn turn(&mut self) -> bool {
        self.idle();
        let Self { peer, server, .. } = self;
        let busy = peer.serve(|message| server.answer(message));
        self.deliver();
        busy
    }

    /// Turns until the backend has nothing to do.
    #[track_caller]
    pub fn settle(&mut self) {
        for _ in 0..POLLS {
            if !self.turn() {
                return;
            }
        }
        panic!("there is no end");
    }

    /// Lets time pass, polling whenever the driver wants to be.
    pub fn advance(&mut self, by_ns: u64) {
        let end_ns = self.now_ns + by_ns;
        while let Some(at_ns) = self.session.next_deadline_ns()
            && at_ns <= end_ns
        {
            self.now_ns = self.now_ns.max(at_ns);
            self.session.poll(self.now_ns);
            self.deliver();
        }
        self.now_ns = end_ns;
        self.deliver();
    }

    /// Asks.
    ///
    /// # Errors
    /// As [`Session::submit`].
    pub fn submit(&mut self, request: &Request<'_>) -> Result<CallId, Error> {
        self.session.submit(request, self.now_ns)
    }

    /// The answer, if there is one.
    pub fn answer(&mut self, id: CallId) -> Option<Result<Response, Error>> {
        match self.session.poll_call(id, Waker::noop()) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    /// Asks, and lets both sides work until there is an answer.
    ///
    /// # Errors
    /// As the call's.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Response, Error> {
        let id = self.submit(request)?;
        for _ in 0..POLLS {
            if let Some(answer) = self.answer(id) {
                return answer;
            }
            if !self.turn() {
                break;
            }
        }
        panic!("no answer to {request:?}");
    }

    /// Agrees on the size of messages and attaches: the root of the server's files.
    #[track_caller]
    pub fn attach(&mut self) -> Fid {
        let msize = self.session.msize();
        let version = crate::wire::VERSION;
        match self.ask(&Request::Version { msize, version }) {
            Ok(Response::Version { msize, .. }) => self.session.set_msize(msize),
            other => panic!("{other:?}"),
        }
        let fid = self.session.new_fid().expect("there are numbers");
        let request = Request::Attach {
            fid,
            user: b"",
            name: b"",
            uid: 0,
        };
        self.ask(&request).expect("attached");
        fid
    }
}

/// A rig that a client can use as its connection; clones are the same one.
#[derive(Clone, Debug)]
pub struct Shared(Rc<RefCell<Rig>>);

impl Shared {
    /// From that rig.
    #[must_use]
    pub fn new(rig: Rig) -> Self {
        Self(Rc::new(RefCell::new(rig)))
    }

    /// The rig, to look at or to change. To be dropped before the connection is used.
    #[must_use]
    pub fn rig(&self) -> RefMut<'_, Rig> {
        self.0.borrow_mut()
    }

    /// Polls until there is a result, with turns of the backend between. `None` if nothing happens
    /// any more.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let (woken, waker) = CountingWaker::pair();
        let mut context = Context::from_waker(&waker);
        let mut seen = u64::MAX;
        for _ in 0..POLLS {
            if woken.count() != seen {
                seen = woken.count();
                if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                    return Some(result);
                }
            }
            let busy = self.0.borrow_mut().turn();
            if !busy && woken.count() == seen {
                return None;
            }
        }
        None
    }

    /// As [`run`](Self::run), of several at once.
    pub fn run_all<T>(&self, futures: Vec<impl Future<Output = T>>) -> Option<Vec<T>> {
        let mut futures: Vec<_> = futures.into_iter().map(alloc::boxed::Box::pin).collect();
        let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
        let all = core::future::poll_fn(|context| {
            for (future, result) in futures.iter_mut().zip(&mut results) {
                if result.is_none()
                    && let Poll::Ready(value) = future.as_mut().poll(context)
                {
                    *result = Some(value);
                }
            }
            match results.iter().all(Option::is_some) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        self.run(all)?;
        results.into_iter().collect()
    }
}

impl Connection for Shared {
    fn submit(&self, request: &Request<'_>) -> Result<CallId, Error> {
        self.0.borrow_mut().submit(request)
    }

    fn poll_call(&self, id: CallId, waker: &Waker) -> Poll<Result<Response, Error>> {
        self.0.borrow_mut().session.poll_call(id, waker)
    }

    fn drop_call(&self, id: CallId) {
        let mut rig = self.0.borrow_mut();
        let now_ns = rig.now_ns;
        rig.session.drop_call(id, now_ns);
    }

    fn new_fid(&self) -> Result<Fid, Error> {
        self.0.borrow_mut().session.new_fid()
    }

    fn forget(&self, fid: Fid) {
        let mut rig = self.0.borrow_mut();
        let now_ns = rig.now_ns;
        rig.session.forget(fid, now_ns);
    }

    fn msize(&self) -> u32 {
        self.0.borrow().session.msize()
    }

    fn set_msize(&self, msize: u32) {
        self.0.borrow_mut().session.set_msize(msize);
    }
}
