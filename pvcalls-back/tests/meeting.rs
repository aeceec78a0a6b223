//! Our frontend's driver and our backend, with threads, in one process: pages are memory files,
//! event channels are eventfds, sockets are this machine's. Two readings of one protocol.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use pvcalls_back::counters::Counters;
use pvcalls_back::features::{Feature, Features};
use pvcalls_back::platform::local::{LocalDomain, LocalHost, LocalPages};
use pvcalls_back::pool::{Layout, Pool};
use pvcalls_back::sessions::{Connection, DeviceId, Ending, SessionEvent, Sessions};
use pvcalls_back::testbed::open_settings;
use pvcalls_front::test_utils::{CountingWaker, FakeStore};
use pvcalls_front::{
    Config, ConnectOptions, DomainId, Errno, FRONTEND_DIR, Frontend, GrantRef, Handshake, Interest,
    NoPort, PageCount, Platform, Port, RingOrder, ShareError, SharedPages, SocketError, SocketId,
    Step, StillMapped, TryError, XenbusState,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// The guest's side of the machine.
struct Guest {
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
struct Shared(std::rc::Rc<std::cell::RefCell<Guest>>);

impl Platform for Shared {
    fn share(&mut self, domain: DomainId, pages: PageCount) -> Result<SharedPages, ShareError> {
        self.0.borrow_mut().share(domain, pages)
    }
    fn unshare(&mut self, pages: SharedPages) -> Result<(), StillMapped> {
        self.0.borrow_mut().unshare(pages)
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
struct Meeting {
    host: LocalHost,
    pool: Pool,
    bell: Receiver<()>,
    counters: Arc<Counters>,
    device: DeviceId,
    guest: Shared,
    frontend: Frontend<Shared>,
    start: Instant,
}

impl Meeting {
    fn new(extended: bool) -> Self {
        let host = LocalHost::new();
        let counters = Arc::new(Counters::default());
        let (ring, bell) = channel();
        let mut pool = Pool::start(
            &Layout {
                workers: 2,
                namespaces: Vec::new(),
            },
            || host.platform(),
            &(Arc::new(|_| Ok(())) as pvcalls_back::pool::Enter),
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
        let guest = Shared(std::rc::Rc::new(std::cell::RefCell::new(Guest {
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
        let features: Features = match extended {
            true => [Feature::Alive, Feature::Cancel, Feature::EventIdx]
                .into_iter()
                .collect(),
            false => Features::NONE,
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
            start: Instant::now(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap()
    }

    /// What a runtime does when nobody has anything to do: announces, sleeps, hands events over.
    fn idle(&mut self, patience: Duration) {
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
    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let state = self.frontend.stats();
            assert!(Instant::now() < end, "waited in vain for {what}: {state:?}");
            self.idle(Duration::from_millis(2));
        }
    }

    fn register(&mut self, id: SocketId, interest: Interest) -> Arc<CountingWaker> {
        let (count, waker) = CountingWaker::pair();
        self.frontend.register(id, interest, &waker).unwrap();
        count
    }

    /// Sleeps until the next event or deadline.
    fn idle_until_something(&mut self) {
        let now = self.now();
        // The deadline may be one that this announcement makes.
        self.frontend.flush(now);
        let deadline = self.frontend.next_deadline_ns();
        let until = deadline.map_or(PATIENCE, |at| Duration::from_nanos(at.saturating_sub(now)));
        self.idle(until.min(PATIENCE));
    }

    /// What a thread does that can do nothing else.
    #[track_caller]
    fn sleep(&mut self, id: SocketId, interests: impl IntoIterator<Item = Interest>) {
        let interests = interests.into_iter();
        let wakers: Vec<_> = interests.map(|one| self.register(id, one)).collect();
        let end = Instant::now() + PATIENCE;
        while wakers.iter().all(|one| one.count() == 0) {
            assert!(Instant::now() < end, "nobody woke it");
            self.idle_until_something();
        }
    }

    fn begin(&mut self, to: SocketAddr, order: u8) -> SocketId {
        let SocketAddr::V4(to) = to else {
            panic!("an IPv4 address");
        };
        self.begin_v4(to, order)
    }

    fn begin_v4(&mut self, to: SocketAddrV4, order: u8) -> SocketId {
        let options = ConnectOptions {
            ring_order: RingOrder::new(order),
            deadline_ns: None,
        };
        let now = self.now();
        self.frontend.connect(to, options, now).unwrap()
    }

    fn connect(&mut self, to: SocketAddr, order: u8) -> SocketId {
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
    fn write(&mut self, id: SocketId, bytes: &[u8]) -> usize {
        let now = self.now();
        match self.frontend.try_write(id, bytes, now) {
            Ok(count) => count,
            Err(TryError::WouldBlock) => 0,
            Err(error) => panic!("a write failed: {error:?}"),
        }
    }

    /// What is there now; `None` at the end.
    fn read(&mut self, id: SocketId, max: usize) -> Option<Vec<u8>> {
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

    fn close(&mut self, id: SocketId) {
        let now = self.now();
        self.frontend.close(id, None, now).unwrap();
    }

    /// Ends the session; looks that nothing is left.
    fn end(mut self) {
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
        assert_eq!(counters.command_errors.get(), 0);
        self.pool.stop();
        let end = Instant::now() + PATIENCE;
        while !self.pool.has_stopped() {
            assert!(Instant::now() < end, "the workers do not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn data(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// A server that sends back what it gets, a thread per connection.
fn echo() -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for peer in server.incoming() {
            let mut peer = peer.unwrap();
            std::thread::spawn(move || {
                let mut bytes = [0; 10_000];
                while let Ok(count @ 1..) = peer.read(&mut bytes) {
                    if peer.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    at
}

fn echo_bulk(extended: bool) {
    let mut meeting = Meeting::new(extended);
    let at = echo();
    for (order, len, piece) in [
        (1, 1 << 20, 1000),
        (4, 4 << 20, 65_537),
        (9, 8 << 20, 1 << 20),
    ] {
        let id = meeting.connect(at, order);
        let all = data(order.into(), len);
        let (mut written, mut got) = (0, Vec::new());
        meeting.until("the echo", |meeting| {
            // As long as something moves there is no reason to sleep.
            for _ in 0..1000 {
                let rest = &all[written..];
                let count = meeting.write(id, &rest[..rest.len().min(piece)]);
                written += count;
                let bytes = meeting.read(id, piece).expect("no end yet");
                got.extend_from_slice(&bytes);
                if count == 0 && bytes.is_empty() {
                    break;
                }
            }
            got.len() == all.len()
        });
        assert!(got == all);
        meeting.close(id);
    }
    meeting.end();
}

#[test]
fn megabytes_come_back() {
    echo_bulk(false);
}

#[test]
fn megabytes_come_back_with_extensions() {
    echo_bulk(true);
}

/// A thread that sleeps until it is woken, as a guest's does: bulk that comes back in pieces of all
/// sizes. A wake-up that gets lost costs more than a second here, or all patience.
#[test]
fn sleepers_are_woken() {
    for order in [1, 4] {
        let mut meeting = Meeting::new(true);
        let at = echo();
        let id = meeting.connect(at, order);
        let mut slow = 0;
        for round in 0..500_u64 {
            let len = if round % 50 == 0 {
                200_000
            } else {
                round * 37 % 9000
            };
            let all = data(round, 1 + usize::try_from(len).unwrap());
            let (mut written, mut got) = (0, Vec::new());
            let start = Instant::now();
            while got.len() < all.len() {
                written += meeting.write(id, &all[written..]);
                let bytes = meeting.read(id, 5000).expect("no end yet");
                got.extend_from_slice(&bytes);
                if bytes.is_empty() {
                    let room = written < all.len();
                    let also = room.then_some(Interest::Write);
                    meeting.sleep(id, [Interest::Read].into_iter().chain(also));
                }
            }
            assert!(got == all);
            slow += u32::from(start.elapsed() > Duration::from_millis(900));
        }
        assert!(slow <= 2, "{slow} round trips took as long as a timer");
        meeting.close(id);
        meeting.end();
    }
}

/// One that only writes, and one that only reads, on the same stream: a peer that takes and gives
/// a little at a time.
#[test]
fn a_writer_and_a_reader_of_one_stream_are_woken() {
    let mut meeting = Meeting::new(true);
    let at = echo();
    for order in [1, 2, 4] {
        let id = meeting.connect(at, order);
        let all = data(9, 1 << 20);
        let (mut written, mut got) = (0, Vec::new());
        let start = Instant::now();
        let mut wakers: [Option<Arc<CountingWaker>>; 2] = [None, None];
        while got.len() < all.len() {
            let asleep = |waker: &Option<Arc<CountingWaker>>| {
                waker.as_ref().is_some_and(|waker| waker.count() == 0)
            };
            if !asleep(&wakers[0]) && written < all.len() {
                let count = meeting.write(id, &all[written..all.len().min(written + 3000)]);
                written += count;
                wakers[0] = (count == 0).then(|| meeting.register(id, Interest::Write));
            }
            if !asleep(&wakers[1]) {
                let bytes = meeting.read(id, 3000).expect("no end yet");
                got.extend_from_slice(&bytes);
                wakers[1] = bytes
                    .is_empty()
                    .then(|| meeting.register(id, Interest::Read));
            }
            let writes = written < all.len() && !asleep(&wakers[0]);
            if !writes && asleep(&wakers[1]) {
                meeting.idle_until_something();
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{written} and {} of {}",
                got.len(),
                all.len()
            );
        }
        assert!(got == all);
        meeting.close(id);
    }
    meeting.end();
}

#[test]
fn many_sockets_one_after_the_other_and_at_once() {
    for extended in [false, true] {
        let mut meeting = Meeting::new(extended);
        let at = echo();
        for round in 0..60 {
            let id = meeting.connect(at, 4);
            assert_eq!(meeting.write(id, b"hello"), 5);
            meeting.until("an answer", |meeting| {
                meeting.read(id, 10).expect("no end yet") == b"hello"
            });
            meeting.close(id);
            assert!(round < 60);
        }
        let all: Vec<_> = (0..100).map(|_| meeting.begin(at, 1)).collect();
        for &id in &all {
            meeting.until("a connection", |meeting| {
                meeting.frontend.try_connect(id).is_ok()
            });
            assert_eq!(meeting.write(id, &data(1, 3000)), 3000);
        }
        for &id in &all {
            let mut got = Vec::new();
            meeting.until("an answer", |meeting| {
                got.extend(meeting.read(id, 5000).expect("no end yet"));
                got.len() == 3000
            });
            assert!(got == data(1, 3000));
            meeting.close(id);
        }
        meeting.end();
    }
}

#[test]
fn a_refusal_has_its_reason() {
    let mut meeting = Meeting::new(true);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = closed.local_addr().unwrap();
    drop(closed);
    let id = meeting.begin(at, 1);
    let mut reason = None;
    meeting.until("a refusal", |meeting| {
        match meeting.frontend.try_connect(id) {
            Err(TryError::Failed(error)) => reason = Some(error),
            other => assert_eq!(other, Err(TryError::WouldBlock)),
        }
        reason.is_some()
    });
    let errno = reason.as_ref().map(SocketError::errno);
    assert_eq!(errno, Some(Errno::ECONNREFUSED));
    meeting.close(id);
}

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Op {
    Connect(u8),
    GuestWrites(usize, usize),
    PeerWrites(usize, usize),
    GuestReads(usize, usize),
    PeerReads(usize, usize),
    PeerEnds(usize),
    GuestCloses(usize),
    Idle,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let len = || {
        prop_oneof![
            1usize..10,
            100usize..5000,
            4096usize..4097,
            20_000usize..100_000
        ]
    };
    let op = prop_oneof![
        2 => (1u8..=5).prop_map(Op::Connect),
        6 => (0usize..8, len()).prop_map(|(at, len)| Op::GuestWrites(at, len)),
        6 => (0usize..8, len()).prop_map(|(at, len)| Op::PeerWrites(at, len)),
        5 => (0usize..8, len()).prop_map(|(at, len)| Op::GuestReads(at, len)),
        5 => (0usize..8, len()).prop_map(|(at, len)| Op::PeerReads(at, len)),
        1 => (0usize..8).prop_map(Op::PeerEnds),
        1 => (0usize..8).prop_map(Op::GuestCloses),
        2 => Just(Op::Idle),
    ];
    proptest::collection::vec(op, 1..80)
}

/// A connection, and what has gone through it so far.
struct Pair {
    id: SocketId,
    peer: TcpStream,
    /// Written by the guest, read by the peer, and the other way round.
    out: (Vec<u8>, Vec<u8>),
    back: (Vec<u8>, Vec<u8>),
    peer_ended: bool,
    closed: bool,
}

fn read_peer(pair: &mut Pair, max: usize) -> bool {
    let mut bytes = vec![0; max];
    match pair.peer.read(&mut bytes) {
        Ok(0) => return true,
        Ok(count) => pair.out.1.extend_from_slice(&bytes[..count]),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
    }
    false
}

/// Plays operations as sockets of one machine would do them: the same bytes come out at the other
/// end, then the end, and never an error.
fn play(extended: bool, ops: &[Op]) {
    let mut meeting = Meeting::new(extended);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    let mut pairs: Vec<Pair> = Vec::new();
    let mut seed = 0;
    for op in ops {
        let pick = |at: &usize, len: usize| (len > 0).then(|| at % len);
        seed += 1;
        match op {
            Op::Connect(order) => {
                if pairs.len() < 8 {
                    let id = meeting.connect(at, *order);
                    let (peer, _) = server.accept().unwrap();
                    peer.set_nonblocking(true).unwrap();
                    pairs.push(Pair {
                        id,
                        peer,
                        out: Default::default(),
                        back: Default::default(),
                        peer_ended: false,
                        closed: false,
                    });
                }
            }
            Op::GuestWrites(at, len) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].closed
                {
                    let bytes = data(seed, *len);
                    let count = meeting.write(pairs[at].id, &bytes);
                    pairs[at].out.0.extend_from_slice(&bytes[..count]);
                }
            }
            Op::PeerWrites(at, len) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].peer_ended
                    && !pairs[at].closed
                {
                    let bytes = data(seed, *len);
                    if let Ok(count) = pairs[at].peer.write(&bytes) {
                        pairs[at].back.0.extend_from_slice(&bytes[..count]);
                    }
                }
            }
            Op::GuestReads(at, len) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].closed
                {
                    let pair = &mut pairs[at];
                    match meeting.read(pair.id, *len) {
                        Some(bytes) => pair.back.1.extend(bytes),
                        None => assert!(pair.peer_ended && pair.back.0 == pair.back.1),
                    }
                }
            }
            Op::PeerReads(at, len) => {
                if let Some(at) = pick(at, pairs.len()) {
                    let ended = read_peer(&mut pairs[at], *len);
                    assert!(!ended || pairs[at].closed);
                }
            }
            Op::PeerEnds(at) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].peer_ended
                {
                    pairs[at].peer.shutdown(Shutdown::Write).unwrap();
                    pairs[at].peer_ended = true;
                }
            }
            Op::GuestCloses(at) => {
                if let Some(at) = pick(at, pairs.len())
                    && !pairs[at].closed
                    // Bytes on their way to a socket that is closed may make a reset of it, here
                    // as on any machine.
                    && pairs[at].back.0.len() == pairs[at].back.1.len()
                {
                    meeting.close(pairs[at].id);
                    pairs[at].closed = true;
                }
            }
            Op::Idle => meeting.idle(Duration::from_millis(1)),
        }
    }
    // The rest arrives, and then the ends.
    for pair in &mut pairs {
        if !pair.closed {
            if !pair.peer_ended {
                pair.peer.shutdown(Shutdown::Write).unwrap();
            }
            meeting.until("what the peer wrote", |meeting| {
                // The peer must read, or the guest's bytes keep nobody waiting but themselves.
                read_peer(pair, 100_000);
                match meeting.read(pair.id, 100_000) {
                    Some(bytes) => pair.back.1.extend(bytes),
                    None => return true,
                }
                false
            });
            assert!(pair.back.0 == pair.back.1);
            meeting.close(pair.id);
        }
        meeting.until("what the guest wrote", |_| read_peer(pair, 100_000));
        assert!(pair.out.0 == pair.out.1);
    }
    meeting.end();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_operations_are_those_of_plain_sockets(extended in any::<bool>(), ops in ops()) {
        play(extended, &ops);
    }
}
