//! A connected frontend, its fake backend and a clock.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::backend::FakeBackend;
use super::store::FakeStore;
use crate::config::{Config, ConnectOptions};
use crate::frontend::Frontend;
use crate::handshake::{Handshake, Step};
use crate::units::{RingOrder, SocketId};
use xen_front::test_utils::FakePlatform;

/// A connected frontend and all that a test needs around it.
#[derive(Debug)]
pub struct Rig {
    /// The driver.
    pub frontend: Frontend<FakePlatform>,
    /// The other end.
    pub backend: FakeBackend,
    /// A handle to the pages and ports.
    pub platform: FakePlatform,
    /// The keys of the device.
    pub store: FakeStore,
    /// What brings the device up again, between [`reconnect`](Self::reconnect) and the end of
    /// [`step`](Self::step)s.
    pub handshake: Option<Handshake<FakePlatform>>,
    /// The clock, in nanoseconds.
    pub now_ns: u64,
}

impl Rig {
    /// An address to connect to.
    pub const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 80);

    /// An address to bind to.
    pub const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), 53);

    /// A frontend that has been through the handshake.
    #[must_use]
    #[track_caller]
    pub fn new(config: Config) -> Self {
        Self::with_store(config, FakeStore::with_backend())
    }

    /// As [`new`](Self::new), with a backend that has these keys.
    #[must_use]
    #[track_caller]
    pub fn with_store(config: Config, mut store: FakeStore) -> Self {
        let platform = FakePlatform::new();
        let mut handshake = Handshake::new(platform.clone(), config);
        let frontend = loop {
            match handshake.step(&mut store, 0) {
                Step::Connected(frontend) => break frontend,
                Step::Failed { error, .. } => panic!("{error}"),
                Step::WaitForBackend {
                    handshake: same, ..
                } => {
                    assert!(store.react(), "the backend has something to react to");
                    handshake = same;
                }
            }
        };
        let backend = FakeBackend::bind(&platform, &store);
        Self {
            frontend,
            backend,
            platform,
            store,
            handshake: None,
            now_ns: 0,
        }
    }

    /// The device broke: begins to bring it up again.
    #[track_caller]
    pub fn reconnect(&mut self) {
        let handshake = self.frontend.reconnect(self.now_ns);
        self.handshake = Some(handshake.expect("it broke, and nobody reconnects it yet"));
    }

    /// A step of that. When it is through, the backend binds what was published and the frontend
    /// goes on; else the time until which to wait.
    #[track_caller]
    pub fn step(&mut self) -> Option<u64> {
        let handshake = self.handshake.take().expect("a reconnect is under way");
        match handshake.step(&mut self.store, self.now_ns) {
            Step::Connected(fresh) => {
                self.backend = FakeBackend::bind(&self.platform, &self.store);
                self.frontend.resume(fresh, self.now_ns);
                None
            }
            Step::WaitForBackend {
                handshake,
                deadline_ns,
                ..
            } => {
                assert!(deadline_ns > self.now_ns, "a wait is not over already");
                self.handshake = Some(handshake);
                Some(deadline_ns)
            }
            Step::Failed { error, .. } => panic!("it does not give up: {error}"),
        }
    }

    /// Steps until the device is up, the backend reacting like Linux's; time passes only when it
    /// has nothing to react to.
    #[track_caller]
    pub fn come_back(&mut self) {
        for _ in 0..100 {
            let Some(deadline_ns) = self.step() else {
                return;
            };
            if !self.store.react() {
                self.advance(deadline_ns - self.now_ns);
            }
        }
        panic!("it does not come back");
    }

    /// Lets time pass during an outage: steps and polls whenever that is due, the backend doing
    /// nothing. How many steps there were.
    #[track_caller]
    pub fn stay_away(&mut self, for_ns: u64) -> usize {
        let end_ns = self.now_ns + for_ns;
        let mut steps = 0;
        while let Some(deadline_ns) = self.step() {
            steps += 1;
            self.advance(deadline_ns.min(end_ns) - self.now_ns);
            if self.now_ns >= end_ns {
                return steps;
            }
        }
        panic!("there is no backend to connect to");
    }

    /// Hands every event over, until none is left.
    pub fn deliver(&mut self) {
        while let Some(port) = self.platform.next_event() {
            self.frontend.on_event(port, self.now_ns);
        }
    }

    /// What a runtime does before it blocks.
    pub fn idle(&mut self) {
        self.frontend.flush(self.now_ns);
        self.deliver();
    }

    /// Lets time pass, polling whenever the driver wants to be.
    pub fn advance(&mut self, by_ns: u64) {
        let end_ns = self.now_ns + by_ns;
        while let Some(at_ns) = self.frontend.next_deadline_ns()
            && at_ns <= end_ns
        {
            self.now_ns = self.now_ns.max(at_ns);
            self.frontend.poll(self.now_ns);
            self.deliver();
        }
        self.now_ns = end_ns;
        self.deliver();
    }

    /// Connects with a ring of that order, the backend answering everything at once.
    #[track_caller]
    pub fn connect(&mut self, order: RingOrder) -> SocketId {
        let options = ConnectOptions {
            ring_order: Some(order),
            deadline_ns: None,
        };
        let id = self
            .frontend
            .connect(Self::PEER, options, self.now_ns)
            .expect("there are resources");
        self.settle();
        assert_eq!(self.frontend.try_connect(id), Ok(()));
        id
    }

    /// Binds a datagram socket with a ring of that order, the backend answering everything at once.
    #[track_caller]
    pub fn bind(&mut self, order: RingOrder) -> SocketId {
        let options = ConnectOptions {
            ring_order: Some(order),
            deadline_ns: None,
        };
        let id = self
            .frontend
            .bind_datagram(Self::LOCAL, options, self.now_ns)
            .expect("there are resources");
        self.settle();
        assert_eq!(self.frontend.try_bound(id), Ok(()));
        id
    }

    /// Lets backend and frontend work until neither has anything left.
    pub fn settle(&mut self) {
        for _ in 0..8 {
            self.backend.serve();
            self.idle();
        }
    }
}
