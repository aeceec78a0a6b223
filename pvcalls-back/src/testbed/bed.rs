//! One worker, turned by hand.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Waker};

use super::answer::RawAnswer;
use super::front::RawFront;
use super::request::{self, Slot};
use super::stream::RawStream;
use crate::config::{DomainSettings, Limits};
use crate::counters::{Counters, DeviceCounters};
use crate::features::Features;
use crate::platform::local::{LocalHost, LocalPlatform};
use crate::policy::Policy;
use crate::resolve::{Resolver, Ticket};
use crate::sandbox::{Plan, Role, Sandbox};
use crate::sessions::{Connection, DeviceId, Ending, SessionEvent};
use crate::worker::tokens::Subject;
use crate::worker::{Message, Worker};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A worker and the machine it lives in.
pub struct Bed {
    host: LocalHost,
    worker: Worker<LocalPlatform>,
    events: Events,
    messages: Sender<Message>,
    waker: Arc<Waker>,
    news: Arc<Mutex<VecDeque<SessionEvent>>>,
    counters: Arc<Counters>,
    /// Turns in which there was something to do.
    pub busy_turns: u64,
}

impl std::fmt::Debug for Bed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bed")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Default for Bed {
    fn default() -> Self {
        Self::new()
    }
}

/// Settings that allow this machine's loopback addresses, with these limits.
#[must_use]
pub fn settings(limits: Limits) -> DomainSettings {
    let rules = ["allow 127.0.0.0/8", "allow ::1", "allow any"];
    DomainSettings {
        policy: Policy::parse(&rules, &rules).expect("rules"),
        limits,
        ..DomainSettings::default()
    }
}

/// Settings that allow this machine's loopback addresses.
#[must_use]
pub fn open_settings() -> DomainSettings {
    settings(Limits::default())
}

impl Bed {
    /// A worker without a resolver.
    #[must_use]
    pub fn new() -> Self {
        Self::build(false).expect("file descriptors")
    }

    /// A worker with a resolver, which has threads.
    #[must_use]
    pub fn with_resolver() -> Self {
        Self::build(true).expect("file descriptors and threads")
    }

    fn build(with_resolver: bool) -> io::Result<Self> {
        let host = LocalHost::new();
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), Subject::Messages.token())?);
        let (messages, inbox) = channel();
        let news = Arc::new(Mutex::new(VecDeque::new()));
        let report = Arc::clone(&news);
        let report = move |event| {
            let mut news = report.lock().unwrap_or_else(PoisonError::into_inner);
            news.push_back(event);
        };
        let resolver = if with_resolver {
            let (door, bell) = (messages.clone(), Arc::clone(&waker));
            let deliver = move |ticket: Ticket, answer| {
                if door.send(Message::Resolved(ticket, answer)).is_ok() {
                    let _ = bell.wake();
                }
            };
            let resolver = Resolver::new(Box::new(|| {}), Box::new(deliver))?;
            Some(Arc::new(resolver))
        } else {
            None
        };
        let counters = Arc::new(Counters::default());
        let worker = Worker::new(
            poll,
            host.platform()?,
            inbox,
            Box::new(report),
            Arc::clone(&counters),
            resolver,
        )?;
        // `PVCALLS_CONFINED=1 cargo test` tries the worker with what a worker of the daemon may do.
        if std::env::var_os("PVCALLS_CONFINED").is_some() {
            let plan = Plan {
                confine: true,
                ..Plan::default()
            };
            Sandbox::prepare(plan).enter(Role::Worker);
        }
        Ok(Self {
            host,
            worker,
            events: Events::with_capacity(256),
            messages,
            waker,
            news,
            counters,
            busy_turns: 0,
        })
    }

    /// The machine.
    #[must_use]
    pub fn host(&self) -> &LocalHost {
        &self.host
    }

    /// What is counted for a device.
    #[must_use]
    pub fn counters(&self, device: DeviceId) -> Arc<DeviceCounters> {
        self.counters.device(device)
    }

    /// A frontend in a domain of its own, not served yet.
    #[must_use]
    pub fn front(&self, domain: u16, features: Features) -> RawFront {
        RawFront::new(&self.host, domain, features)
    }

    /// A frontend that is served.
    #[must_use]
    pub fn serve(&mut self, domain: u16, features: Features, settings: DomainSettings) -> RawFront {
        let front = self.front(domain, features);
        let opened = self.open(&front, settings);
        assert_eq!(opened, SessionEvent::Opened(front.device()));
        front
    }

    /// Has a frontend served: what the control side hears.
    pub fn open(&mut self, front: &RawFront, settings: DomainSettings) -> SessionEvent {
        let connection = Connection {
            ring_ref: front.ring_ref(),
            port: front.port(),
            features: front.features(),
            settings: Arc::new(settings),
        };
        self.open_as(front.device(), connection);
        self.next_news()
    }

    /// Has a frontend served that published this. The news come later.
    pub fn open_as(&mut self, device: DeviceId, connection: Connection) {
        self.tell(Message::Open(device, connection));
    }

    /// Has a session ended. The news come later.
    pub fn close(&mut self, device: DeviceId, ending: Ending) {
        self.tell(Message::Close(device, ending));
    }

    /// Ends a session, and waits for it.
    pub fn close_and_wait(&mut self, device: DeviceId, ending: Ending) {
        self.close(device, ending);
        loop {
            if self.next_news() == SessionEvent::Closed(device) {
                return;
            }
        }
    }

    fn tell(&self, message: Message) {
        self.messages.send(message).expect("the worker lives");
        self.waker.wake().expect("an eventfd");
    }

    /// News for the control side, if there are any.
    pub fn news(&mut self) -> Option<SessionEvent> {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        news.pop_front()
    }

    /// Turns until there are news for the control side.
    pub fn next_news(&mut self) -> SessionEvent {
        let mut found = None;
        self.until(|bed| {
            found = bed.news();
            found.is_some()
        });
        found.expect("waited for")
    }

    /// One turn, which waits at most so long. Whether there was something to do.
    pub fn turn_for(&mut self, patience: Duration) -> bool {
        let waited = self.worker.has_work();
        let turned = self.worker.turn(&mut self.events, Some(patience));
        turned.expect("the event queue works");
        let busy = waited || !self.events.is_empty();
        self.busy_turns += u64::from(busy);
        busy
    }

    /// One turn, which does not wait.
    pub fn turn(&mut self) -> bool {
        self.turn_for(Duration::ZERO)
    }

    /// Turns until there is nothing to do.
    pub fn settle(&mut self) {
        let end = Instant::now() + PATIENCE;
        let mut quiet = 0;
        while quiet < 2 {
            assert!(Instant::now() < end, "the worker does not come to rest");
            quiet = if self.turn() { 0 } else { quiet + 1 };
        }
    }

    /// Turns until something has come true.
    #[track_caller]
    pub fn until(&mut self, mut what: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !what(self) {
            assert!(Instant::now() < end, "waited in vain");
            self.turn_for(Duration::from_millis(5));
        }
    }

    /// Turns until a request is answered.
    #[track_caller]
    pub fn answer(&mut self, front: &mut RawFront, req_id: u32) -> RawAnswer {
        let mut answer = None;
        self.until(|_| {
            answer = front.answer_to(req_id);
            answer.is_some()
        });
        answer.expect("waited for")
    }

    /// Asks for something and waits for the answer.
    #[track_caller]
    pub fn ask(&mut self, front: &mut RawFront, request: Slot) -> RawAnswer {
        let req_id = front.submit(request);
        self.answer(front, req_id)
    }

    /// Asks for something that works.
    #[track_caller]
    pub fn ok(&mut self, front: &mut RawFront, request: Slot) -> RawAnswer {
        let answer = self.ask(front, request);
        assert_eq!(answer.ret(), 0, "{answer:?}");
        answer
    }

    /// Connects a new socket through a new ring.
    #[track_caller]
    pub fn connect(
        &mut self,
        front: &mut RawFront,
        id: u64,
        to: SocketAddr,
        order: u32,
    ) -> RawStream {
        let stream = front.stream(order);
        let domain = if to.is_ipv4() { 2 } else { 10 };
        self.ok(front, request::socket_of(id, domain, 1, 0));
        let connect = request::connect(id, to, stream.indexes(), stream.port());
        self.ok(front, connect);
        stream
    }

    /// A listener on a free port of `127.0.0.1`: where.
    #[track_caller]
    pub fn listen(&mut self, front: &mut RawFront, id: u64) -> SocketAddr {
        // A port that was free a moment ago.
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = probe.local_addr().expect("an address");
        drop(probe);
        self.ok(front, request::socket(id));
        self.ok(front, request::bind(id, at));
        self.ok(front, request::listen(id, 64));
        at
    }

    /// Ends the session and looks whether anything is left.
    #[track_caller]
    pub fn end(&mut self, front: &RawFront, ending: Ending) {
        self.close_and_wait(front.device(), ending);
        self.assert_nothing_left(front.device());
    }

    /// Nothing of this device is mapped, bound or counted any more.
    #[track_caller]
    pub fn assert_nothing_left(&self, device: DeviceId) {
        assert_eq!(self.host.in_use(), (0, 0), "mapped pages, bound ports");
        let counters = self.counters.device(device);
        assert_eq!(counters.sockets.get(), 0, "sockets");
        assert_eq!(counters.connecting.get(), 0, "connecting");
        assert_eq!(counters.mapped_pages.get(), 0, "mapped pages");
        let streams = counters.streams.lock();
        let streams = streams.unwrap_or_else(PoisonError::into_inner);
        assert_eq!(streams.len(), 0, "streams");
    }
}
