//! A device with both halves: our frontend's driver over the local machine, served by our pool.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pvcalls_back::counters::Counters;
use pvcalls_back::features::{Feature, Features};
use pvcalls_back::platform::local::{LocalDomain, LocalHost, LocalPages};
use pvcalls_back::pool::{Enter, Layout, Pool};
use pvcalls_back::sessions::{Connection, DeviceId, Ending, SessionEvent, Sessions};
use pvcalls_back::testbed::open_settings;
use pvcalls_front::test_utils::{CountingWaker, FakeStore};
use pvcalls_front::{
    Config, ConnectOptions, DomainId, FRONTEND_DIR, Frontend, GrantRef, Handshake, Interest,
    NoPort, PageCount, Platform, Port, RingOrder, ShareError, SharedPages, SocketId, Step,
    StillMapped, TryError, XenbusState,
};

use crate::PATIENCE;

/// The guest's side of the machine.
pub(crate) struct Guest {
    domain: Arc<LocalDomain>,
    pages: BTreeMap<usize, LocalPages>,
    masked: BTreeSet<u32>,
    /// Events that came while their port was masked, and those to be delivered after it.
    held: BTreeSet<u32>,
    again: VecDeque<u32>,
}

impl Platform for Guest {
    fn share(&mut self, _: DomainId, pages: PageCount) -> Result<SharedPages, ShareError> {
        let pages = self.domain.share(pages.get());
        let pages = pages.map_err(|_| ShareError::OutOfMemory)?;
        let refs = pages.refs().iter();
        let grants = refs.map(|&one| GrantRef::new(one).expect("they begin at 1"));
        let base = pages.base();
        // SAFETY: the pages are mapped until `unshare` drops them, are page-aligned, and nothing
        // else of this process touches them but the backend, by its own mapping.
        let shared = unsafe { SharedPages::new(base, grants.collect()) };
        self.pages.insert(base.addr().get(), pages);
        Ok(shared)
    }

    fn unshare(&mut self, shared: SharedPages) -> Result<(), StillMapped> {
        let key = shared.base().addr().get();
        let pages = self.pages.remove(&key).expect("shared before");
        self.domain.revoke(pages).map_err(|pages| {
            self.pages.insert(key, pages);
            StillMapped(shared)
        })
    }

    fn random(&mut self) -> u64 {
        std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0)
    }

    fn open_port(&mut self, _: DomainId) -> Result<Port, NoPort> {
        Port::new(self.domain.open_port()).ok_or(NoPort)
    }

    fn close_port(&mut self, port: Port) {
        self.masked.remove(&port.get());
        self.held.remove(&port.get());
        self.again.retain(|&one| one != port.get());
        self.domain.close_port(port.get());
    }

    fn notify(&mut self, port: Port) {
        self.domain.notify(port.get());
    }

    fn mask_port(&mut self, port: Port) {
        self.masked.insert(port.get());
    }

    fn unmask_port(&mut self, port: Port) {
        self.masked.remove(&port.get());
        if self.held.remove(&port.get()) {
            self.again.push_back(port.get());
        }
    }
}

/// Shared with the test, which delivers the events.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<Guest>>);

impl Platform for Shared {
    fn share(&mut self, domain: DomainId, pages: PageCount) -> Result<SharedPages, ShareError> {
        self.0.borrow_mut().share(domain, pages)
    }
    fn unshare(&mut self, pages: SharedPages) -> Result<(), StillMapped> {
        self.0.borrow_mut().unshare(pages)
    }
    fn random(&mut self) -> u64 {
        self.0.borrow_mut().random()
    }
    fn open_port(&mut self, domain: DomainId) -> Result<Port, NoPort> {
        self.0.borrow_mut().open_port(domain)
    }
    fn close_port(&mut self, port: Port) {
        self.0.borrow_mut().close_port(port);
    }
    fn notify(&mut self, port: Port) {
        self.0.borrow_mut().notify(port);
    }
    fn mask_port(&mut self, port: Port) {
        self.0.borrow_mut().mask_port(port);
    }
    fn unmask_port(&mut self, port: Port) {
        self.0.borrow_mut().unmask_port(port);
    }
}

/// A connected device, both halves.
pub(crate) struct Meeting {
    host: LocalHost,
    pool: Pool,
    bell: Receiver<()>,
    counters: Arc<Counters>,
    device: DeviceId,
    guest: Shared,
    pub(crate) frontend: Frontend<Shared>,
    pub(crate) extended: bool,
    /// Ports that a frontend without names tried for port 0, and others of this machine had.
    pub(crate) ports_in_use: u64,
    start: Instant,
}

impl Meeting {
    pub(crate) fn new(extended: bool) -> Self {
        let host = LocalHost::new();
        let counters = Arc::new(Counters::default());
        let (ring, bell) = channel();
        let mut pool = Pool::start(
            &Layout {
                workers: 2,
                namespaces: Vec::new(),
            },
            || host.platform(),
            &(Arc::new(|_| Ok(())) as Enter),
            Arc::new(move || {
                let _ = ring.send(());
            }),
            &counters,
        )
        .unwrap();
        let device = DeviceId {
            domain: 7,
            device: 0,
        };
        let guest = Shared(Rc::new(RefCell::new(Guest {
            domain: Arc::new(host.domain(7).unwrap()),
            pages: BTreeMap::new(),
            masked: BTreeSet::new(),
            held: BTreeSet::new(),
            again: VecDeque::new(),
        })));
        let mut store = match extended {
            true => FakeStore::with_features(),
            false => FakeStore::with_backend(),
        };
        store.set("/local/domain/0/backend/pvcalls/7/0/max-page-order", "9");
        let mut handshake = Handshake::new(guest.clone(), Config::default());
        let frontend = loop {
            match handshake.step(&mut store, 0) {
                Step::Connected(frontend) => break frontend,
                Step::Failed { error, .. } => panic!("{error}"),
                Step::WaitForBackend {
                    handshake: same, ..
                } => handshake = same,
            }
            let number = |store: &FakeStore, name| store.number(&format!("{FRONTEND_DIR}/{name}"));
            if store.backend_state() == XenbusState::InitWait
                && let Some(ring_ref) = number(&store, "ring-ref")
            {
                // Offered are those that the frontend knows, as far as any are.
                let accepted = |one: &Feature| number(&store, one.key()) == Some(1);
                let features: Features = Feature::ALL.into_iter().filter(accepted).collect();
                let connection = Connection {
                    ring_ref,
                    port: number(&store, "port").unwrap(),
                    features,
                    settings: Arc::new(open_settings()),
                };
                pool.open(device, connection);
                bell.recv_timeout(PATIENCE).unwrap();
                assert_eq!(pool.next_event(), Some(SessionEvent::Opened(device)));
            }
            assert!(store.react());
        };
        Self {
            host,
            pool,
            bell,
            counters,
            device,
            guest,
            frontend,
            extended,
            ports_in_use: 0,
            start: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap()
    }

    /// What a runtime does when nobody has anything to do: announces, sleeps, hands events over.
    pub(crate) fn idle(&mut self, patience: Duration) {
        let now = self.now();
        self.frontend.flush(now);
        let domain = Arc::clone(&self.guest.0.borrow().domain);
        if self.guest.0.borrow().again.is_empty() {
            let mut fds = [rustix::event::PollFd::from_borrowed_fd(
                domain.as_fd(),
                rustix::event::PollFlags::IN,
            )];
            let timeout = rustix::event::Timespec::try_from(patience).unwrap();
            rustix::event::poll(&mut fds, Some(&timeout)).unwrap();
        }
        let mut ports = domain.take_events();
        ports.extend(self.guest.0.borrow_mut().again.drain(..));
        for port in ports {
            let masked = self.guest.0.borrow().masked.contains(&port);
            if masked {
                self.guest.0.borrow_mut().held.insert(port);
            } else if let Some(port) = Port::new(port) {
                let now = self.now();
                self.frontend.on_event(port, now);
            }
        }
        let now = self.now();
        if self.frontend.next_deadline_ns().is_some_and(|at| at <= now) {
            self.frontend.poll(now);
        }
    }

    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let state = self.frontend.stats();
            assert!(Instant::now() < end, "waited in vain for {what}: {state:?}");
            self.idle(Duration::from_millis(2));
        }
    }

    pub(crate) fn register(&mut self, id: SocketId, interest: Interest) -> Arc<CountingWaker> {
        let (count, waker) = CountingWaker::pair();
        self.frontend.register(id, interest, &waker).unwrap();
        count
    }

    /// Sleeps until the next event or deadline.
    pub(crate) fn idle_until_something(&mut self) {
        let now = self.now();
        // The deadline may be one that this announcement makes.
        self.frontend.flush(now);
        let deadline = self.frontend.next_deadline_ns();
        let until = deadline.map_or(PATIENCE, |at| Duration::from_nanos(at.saturating_sub(now)));
        self.idle(until.min(PATIENCE));
    }

    /// What a thread does that can do nothing else.
    #[track_caller]
    pub(crate) fn sleep(&mut self, id: SocketId, interests: impl IntoIterator<Item = Interest>) {
        let interests = interests.into_iter();
        let wakers: Vec<_> = interests.map(|one| self.register(id, one)).collect();
        let end = Instant::now() + PATIENCE;
        while wakers.iter().all(|one| one.count() == 0) {
            assert!(Instant::now() < end, "nobody woke it");
            self.idle_until_something();
        }
    }

    pub(crate) fn begin(&mut self, to: SocketAddr, order: u8) -> SocketId {
        let options = ConnectOptions {
            ring_order: RingOrder::new(order),
            deadline_ns: None,
        };
        let now = self.now();
        self.frontend.connect(to, options, now).unwrap()
    }

    pub(crate) fn connect(&mut self, to: SocketAddr, order: u8) -> SocketId {
        let id = self.begin(to, order);
        self.until("a connection", |meeting| {
            match meeting.frontend.try_connect(id) {
                Ok(()) => true,
                Err(TryError::WouldBlock) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
        id
    }

    /// As many bytes as are taken now.
    pub(crate) fn write(&mut self, id: SocketId, bytes: &[u8]) -> usize {
        let now = self.now();
        match self.frontend.try_write(id, bytes, now) {
            Ok(count) => count,
            Err(TryError::WouldBlock) => 0,
            Err(error) => panic!("a write failed: {error:?}"),
        }
    }

    /// What is there now; `None` at the end.
    pub(crate) fn read(&mut self, id: SocketId, max: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; max];
        match self.frontend.try_read(id, &mut bytes) {
            Ok(0) => None,
            Ok(count) => {
                bytes.truncate(count);
                Some(bytes)
            }
            Err(TryError::WouldBlock) => Some(Vec::new()),
            Err(error) => panic!("a read failed: {error:?}"),
        }
    }

    pub(crate) fn close(&mut self, id: SocketId) {
        let now = self.now();
        self.frontend.close(id, None, now).unwrap();
    }

    /// Commands that were answered with an error.
    pub(crate) fn errors(&self) -> u64 {
        self.counters.device(self.device).command_errors.get()
    }

    /// Ends the session; looks that nothing is left.
    pub(crate) fn end(self) {
        self.end_after(0);
    }

    /// As [`end`](Self::end), when so many commands were answered with an error.
    pub(crate) fn end_after(mut self, errors: u64) {
        self.until("the last bytes", |meeting| {
            meeting.frontend.draining() == 0 && meeting.frontend.stats().sockets == 0
        });
        assert_eq!(self.frontend.stats().bad_responses, 0);
        assert_eq!(self.frontend.fault(), None);
        self.pool.close(self.device, Ending::Linger);
        loop {
            self.bell.recv_timeout(PATIENCE).unwrap();
            if self.pool.next_event() == Some(SessionEvent::Closed(self.device)) {
                break;
            }
        }
        assert_eq!(self.host.in_use(), (0, 0));
        let counters = self.counters.device(self.device);
        assert_eq!(counters.sockets.get(), 0);
        assert_eq!(counters.mapped_pages.get(), 0);
        let errors = errors + self.ports_in_use;
        assert_eq!(counters.command_errors.get(), errors);
        self.pool.stop();
        let end = Instant::now() + PATIENCE;
        while !self.pool.has_stopped() {
            assert!(Instant::now() < end, "the workers do not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
