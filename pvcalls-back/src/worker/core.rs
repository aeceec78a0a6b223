//! What all sessions of a worker share: the hypervisor, the event queue, the clock.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry};

use super::orphans::{Orphans, Usage};
use super::timers::{Due, Timers};
use super::tokens::{SocketKey, Subject};
use crate::net::HostSocket;
use crate::platform::Platform;
use crate::resolve::Resolver;
use crate::sessions::DeviceId;

/// So many events in a row may come for a port and find nothing to do, before the port is let
/// wait. Honest frontends send a few in a row: version 1 tells them to.
const IDLE_EVENTS_MAX: u16 = 256;
/// How long it waits then.
const IDLE_WAIT: Duration = Duration::from_millis(1);

/// What is told of a socket. Urgent bytes as well: a read stops short before them, which looks
/// as if there were no more.
const INTEREST: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);

/// Who is at the other end of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The command ring of a session.
    Commands(usize),
    /// The data ring of a socket.
    Socket(SocketKey),
    /// A ring that is kept for reuse.
    Nobody,
}

#[derive(Clone, Copy, Debug)]
struct PortUse {
    target: Target,
    /// Events in a row that found nothing to do.
    idle: u16,
    /// It was raised and not opened again.
    silent: bool,
}

/// What sessions share.
pub(crate) struct Core<P: Platform> {
    pub(crate) platform: P,
    pub(crate) registry: Registry,
    pub(crate) timers: Timers,
    pub(crate) orphans: Orphans,
    pub(crate) resolver: Option<Arc<Resolver>>,
    /// In this turn a connect was begun that is not decided yet.
    pub(crate) connect_begun: bool,
    /// Sessions with sockets that have work waiting, each once.
    pub(crate) ready: VecDeque<usize>,
    /// When this turn began.
    pub(crate) now: Instant,
    ports: HashMap<u32, PortUse>,
    unmask: Vec<u32>,
    usage: HashMap<DeviceId, Rc<Usage>>,
}

impl<P: Platform> Core<P> {
    pub(crate) fn new(platform: P, registry: Registry, resolver: Option<Arc<Resolver>>) -> Self {
        Self {
            platform,
            registry,
            timers: Timers::default(),
            orphans: Orphans::default(),
            connect_begun: false,
            resolver,
            ready: VecDeque::new(),
            now: Instant::now(),
            ports: HashMap::new(),
            unmask: Vec::new(),
            usage: HashMap::new(),
        }
    }

    /// Has the worker told of what happens to a socket.
    pub(crate) fn watch(&self, socket: &HostSocket, key: SocketKey) -> io::Result<()> {
        let fd = socket.as_fd().as_raw_fd();
        self.registry
            .register(&mut SourceFd(&fd), Subject::Socket(key).token(), INTEREST)
    }

    /// The same socket, under another key.
    pub(crate) fn rewatch(&self, socket: &HostSocket, key: SocketKey) -> io::Result<()> {
        let fd = socket.as_fd().as_raw_fd();
        self.registry
            .reregister(&mut SourceFd(&fd), Subject::Socket(key).token(), INTEREST)
    }

    /// Goes on with a socket that its guest has released.
    pub(crate) fn turn_orphan(&mut self, index: usize) {
        self.orphans.turn(&mut self.timers, index);
    }

    /// Says who gets the events of a port.
    pub(crate) fn direct(&mut self, port: u32, target: Target) {
        let port_use = self.ports.entry(port).or_insert(PortUse {
            target,
            idle: 0,
            silent: false,
        });
        port_use.target = target;
        // It may have been raised when it was bound, or while nobody used it.
        if target != Target::Nobody && std::mem::take(&mut port_use.silent) {
            self.unmask.push(port);
        }
    }

    /// A port was raised that nobody uses: it stays silent until somebody does.
    pub(crate) fn leave_silent(&mut self, port: u32) {
        if let Some(port_use) = self.ports.get_mut(&port) {
            port_use.silent = true;
        }
    }

    /// Closes a port.
    pub(crate) fn close_port(&mut self, port: u32) {
        self.ports.remove(&port);
        self.unmask.retain(|&one| one != port);
        self.platform.unbind(port);
    }

    /// Who is to handle a port that was raised.
    pub(crate) fn target(&self, port: u32) -> Option<Target> {
        self.ports.get(&port).map(|port_use| port_use.target)
    }

    /// A port's event has been handled, and found something to do, or not.
    pub(crate) fn handled(&mut self, port: u32, worked: bool) {
        let Some(port_use) = self.ports.get_mut(&port) else {
            return;
        };
        port_use.idle = if worked { 0 } else { port_use.idle + 1 };
        if port_use.idle >= IDLE_EVENTS_MAX {
            port_use.idle = 0;
            self.timers.add(self.now + IDLE_WAIT, Due::Unmask(port));
        } else {
            self.unmask.push(port);
        }
    }

    /// A port has waited long enough.
    pub(crate) fn unmask_later(&mut self, port: u32) {
        if self.ports.contains_key(&port) {
            self.unmask.push(port);
        }
    }

    /// Lets the ports be raised again whose events were handled.
    pub(crate) fn unmask_handled(&mut self) {
        self.platform.unmask(&self.unmask);
        self.unmask.clear();
    }

    /// All ports, for when the kernel lost count of events.
    pub(crate) fn all_ports(&self) -> Vec<u32> {
        self.ports.keys().copied().collect()
    }

    /// What a device still has in sockets that it released.
    pub(crate) fn usage(&mut self, device: DeviceId) -> Rc<Usage> {
        // Those of devices that are gone and have nothing left.
        self.usage
            .retain(|_, usage| Rc::strong_count(usage) > 1 || usage.orphans.get() > 0);
        Rc::clone(self.usage.entry(device).or_default())
    }
}
