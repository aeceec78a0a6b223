//! One socket: its state and what hangs on it.
//!
//! ```text
//!            1             2           3           4
//!   (none) ────▶ Creating ───▶ Opening ───▶ Open ───▶ Draining
//!                   │             │          │            │
//!                   │ 5           │ 6        │ 7          │ 8
//!                   ▼             ▼          ▼            ▼
//!                Closed ◀─────────────── Releasing ◀──────┘
//!                              9
//! ```
//! A listener has a step more, and comes back where a stream would end:
//! ```text
//!            1             10           2            3           4
//!   (none) ────▶ Creating ───▶ Binding ───▶ Opening ───▶ Open ───▶ Draining
//!                 ▲   ▲           │            │          │ 7         │ 8
//!                 │   │ 11        └─────6──────┤          ▼           │
//!                 │   └────────────────────────┴────── Releasing ◀────┘
//!                 └─ 12: from anywhere                    │ 9
//!                                                         ▼
//!                                                       Closed
//! ```
//! A stream that was accepted begins in Opening (13). A datagram socket goes the way of a listener (2 is
//! BIND's success, 3 that of ATTACH), ends like a stream, and survives like a listener (12).
//!
//! 1. `Frontend::connect`: the data ring is allocated, SOCKET waits for a slot or is sent. While the
//!    device is out of use there is no ring yet, and the socket waits for the device.
//! 2. SOCKET succeeded: CONNECT waits for a slot or is sent. A backend that can cancel was sent it
//!    right behind SOCKET.
//! 3. CONNECT succeeded, and somebody still wants it.
//! 4. `Frontend::close`: bytes in the out ring are still to go. Of a listener: an ACCEPT is with a
//!    backend that is not to be sent RELEASE too soon after it.
//! 5. SOCKET failed, or was never sent when the caller gave up: the backend knows nothing.
//! 6. CONNECT failed, or succeeded when nobody wanted it any more; or nobody wants it any more, and
//!    the backend can cancel it: RELEASE waits or is sent.
//! 7. The backend reported an error for `out`, or broke the rules of the ring; or the caller
//!    closed with a linger time of zero.
//! 8. The out ring is empty, reports an error, or stood still for the linger time. Of a listener: it
//!    is late enough, or ACCEPT was answered.
//! 9. RELEASE was answered: the ring goes into the pool, or its port is closed and its pages are given
//!    back (or quarantined).
//! 10. SOCKET succeeded: options and BIND are next, again and again if ports are tried; then 2 is BIND's
//!     success, and 3 that of LISTEN.
//! 11. RELEASE was answered, and a listener begins again: LISTEN did not like the port that BIND did,
//!     or a port that it had before an outage is not free yet.
//! 12. The device broke: a listener that survives waits for it.
//! 13. A listener takes connections, and has a ring for one: ACCEPT waits for a slot or is sent.
//!     When it fails the ring goes into the pool, and the stream that never was leaves the table.
//!
//! A caller that gives up (its deadline passed, or it closed the handle) while SOCKET or CONNECT is
//! with the backend changes nothing in the state, unless that can cancel: only the answer can say
//! whether the backend maps the ring. The caller has its error at once; the ring stays where it is until then.
//! The socket leaves the table when it is Closed and the caller has closed its handle.
//! A device that breaks moves every socket to Closed, with its pages in quarantine; what came in is
//! saved before. The ring of a CONNECT that is with the backend is not even offered back before the
//! backend is closed: until then it may be mapped at any time, and a Linux backend that fails in
//! this takes dom0 with it.

use alloc::boxed::Box;
use core::net::SocketAddr;

use bitflags::bitflags;

use crate::budget::Budget;
use crate::config::ConnectOptions;
use crate::datagram::Datagrams;
use crate::errno::Errno;
use crate::error::SocketError;
use crate::index::Index;
use crate::listener::{Listener, Listening};
pub(crate) use crate::names::Names;
use crate::options::How;
use crate::ring::DataRing;
use crate::salvage::Salvage;
use crate::units::SocketId;
use crate::wakers::WakerSet;
use crate::wire::{Request, RingRef, SocketType, family};

/// Where a socket is in its life; the diagram is in the module's prologue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// SOCKET is on its way.
    Creating,
    /// BIND is on its way, or an option that must be set before it. Listeners and datagram sockets.
    Binding,
    /// The command that opens it is on its way: CONNECT, LISTEN, ATTACH, or the ACCEPT that makes it.
    Opening,
    /// Bytes flow. A listener takes connections.
    Open,
    /// The caller is done; the out ring, or an ACCEPT, is not.
    Draining,
    /// RELEASE is on its way.
    Releasing,
    /// The backend has let go of it.
    Closed,
}

/// Where the command of the present state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// There is none.
    None,
    /// It waits for room in the command ring.
    Queued,
    /// The backend has it.
    Sent,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// The outcome of a connect, or of a listen.
    Connect,
    /// Bytes to read, or the end of them. A connection to take, of a listener.
    Read,
    /// Room to write, or an error.
    Write,
}

/// What a socket is for, with what only such sockets have.
#[derive(Debug)]
pub(crate) enum Role {
    /// A stream that this side opens, to an address.
    Connect(SocketAddr),
    /// Connections are made to it.
    Listener(Box<Listener>),
    /// A stream that the other side opens, through this listener. It begins in Opening.
    Accepted {
        listener: SocketId,
        /// Where the listener is bound, perhaps to all interfaces.
        at: SocketAddr,
    },
    /// Datagrams go to and come from anybody.
    Datagrams(Datagrams),
}

/// What a socket can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Stream,
    Datagram,
    Listener,
}

impl Role {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Connect(_) | Self::Accepted { .. } => Kind::Stream,
            Self::Listener(_) => Kind::Listener,
            Self::Datagrams(_) => Kind::Datagram,
        }
    }

    /// The number of the family of its addresses.
    pub(crate) fn family(&self) -> u16 {
        match self {
            Self::Connect(to) => family(to),
            Self::Listener(listener) => family(&listener.at()),
            Self::Accepted { at, .. } => family(at),
            Self::Datagrams(datagrams) => family(&datagrams.at),
        }
    }

    /// The local address and the peer's, as far as this side knows them of itself.
    pub(crate) fn known_names(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        match self {
            Self::Connect(to) => (None, Some(*to)),
            Self::Listener(listener) => (Some(listener.at()).filter(|at| at.port() != 0), None),
            Self::Accepted { at, .. } => (
                Some(*at).filter(|at| at.port() != 0 && !at.ip().is_unspecified()),
                None,
            ),
            Self::Datagrams(datagrams) => {
                let at = Some(datagrams.at).filter(|at| at.port() != 0);
                (at, datagrams.peer)
            }
        }
    }

    /// What SOCKET is to make.
    fn socket_request(&self, id: SocketId) -> Option<Request> {
        if matches!(self, Self::Accepted { .. }) {
            return None;
        }
        Some(Request::Socket {
            id,
            family: self.family(),
            kind: match self.kind() {
                Kind::Stream | Kind::Listener => SocketType::Stream,
                Kind::Datagram => SocketType::Datagram,
            },
        })
    }

    pub(crate) fn is_datagram(&self) -> bool {
        matches!(self, Self::Datagrams(_))
    }
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) id: SocketId,
    pub(crate) role: Role,
    /// Both addresses, as far as the backend told them.
    pub(crate) names: Names,
    pub(crate) options: ConnectOptions,
    state: State,
    pub(crate) slot: Slot,
    /// The caller still has its handle.
    pub(crate) owned: bool,
    /// The first thing that went wrong.
    pub(crate) failure: Option<SocketError>,
    pub(crate) data: Option<DataRing>,
    pub(crate) shut: Shut,
    /// It was Open once.
    pub(crate) was_open: bool,
    pub(crate) salvage: Salvage,
    /// Creating, Connecting: when the caller's patience ends. Draining: when the linger time does.
    pub(crate) deadline_ns: u64,
    /// Draining: how long the out ring may stand still.
    pub(crate) linger_ns: u64,
    /// The backend has a CONNECT, ACCEPT or ATTACH of it, and may map its ring at any time.
    pub(crate) connect_out: bool,
    /// Its ring goes into the pool when RELEASE succeeds.
    pub(crate) keeps_ring: bool,
    /// On the list of those with something to announce.
    pub(crate) dirty: bool,
    pub(crate) budget: Budget,
    /// How far the backend had come at the last event.
    pub(crate) marks: Option<(Index, Index)>,
    connect_wakers: WakerSet,
    read_wakers: WakerSet,
    write_wakers: WakerSet,
}

impl Socket {
    /// A socket in Creating: with its data ring, or waiting for the device.
    pub(crate) fn new(
        id: SocketId,
        role: Role,
        options: ConnectOptions,
        data: Option<DataRing>,
        deadline_ns: u64,
    ) -> Self {
        log::trace!("{id}: Creating, {role:?}");
        Self {
            id,
            role,
            names: Names::default(),
            options,
            state: State::Creating,
            slot: Slot::None,
            owned: true,
            failure: None,
            data,
            shut: Shut::empty(),
            was_open: false,
            salvage: Salvage::default(),
            deadline_ns,
            linger_ns: 0,
            connect_out: false,
            keeps_ring: false,
            dirty: false,
            budget: Budget::default(),
            marks: None,
            connect_wakers: WakerSet::default(),
            read_wakers: WakerSet::default(),
            write_wakers: WakerSet::default(),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// The one place where the state changes: it is traced, and everybody who waits looks again.
    pub(crate) fn set_state(&mut self, state: State) {
        log::trace!("{}: {:?} => {state:?}", self.id, self.state);
        self.state = state;
        self.was_open |= state == State::Open;
        self.wake_all();
    }

    /// Notes what went wrong, unless something did before, and lets the waiters know.
    pub(crate) fn fail(&mut self, error: SocketError) {
        if self.failure.is_none() {
            log::debug!("{}: {error}", self.id);
            self.failure = Some(error);
        }
        self.wake_all();
    }

    pub(crate) fn register(&mut self, interest: Interest, waker: &core::task::Waker) {
        match interest {
            Interest::Connect => self.connect_wakers.register(waker),
            Interest::Read => self.read_wakers.register(waker),
            Interest::Write => self.write_wakers.register(waker),
        }
    }

    /// Wakes readers if there is something to read, writers if there is room.
    ///
    /// What counts is what is there, not what has changed since the last look: somebody else may
    /// have looked in between, and left bytes for those who wait.
    pub(crate) fn wake_ready(&mut self) {
        let Some(data) = &self.data else {
            return;
        };
        let (readable, writable) = (data.readable(), data.writable());
        if readable {
            self.read_wakers.wake();
        }
        if writable {
            self.wake_writers();
        }
    }

    /// The caller ends these directions.
    pub(crate) fn shut(&mut self, ends: Shut) {
        self.shut |= ends;
        self.wake_shut();
    }

    /// Wakes those who wait for what the caller has ended.
    pub(crate) fn wake_shut(&mut self) {
        if self.shut.contains(Shut::IN) {
            self.read_wakers.wake();
        }
        if self.shut.contains(Shut::OUT) {
            self.write_wakers.wake();
        }
    }

    /// Wakes who waits for a connection.
    pub(crate) fn wake_accepters(&mut self) {
        self.read_wakers.wake();
    }

    fn wake_writers(&mut self) {
        if let Some(data) = &mut self.data {
            data.output.forget_needs();
        }
        self.write_wakers.wake();
    }

    fn wake_all(&mut self) {
        self.connect_wakers.wake();
        self.read_wakers.wake();
        self.wake_writers();
    }

    /// The command that the present state is about.
    pub(crate) fn request(&self) -> Option<Request> {
        let id = self.id;
        match self.state {
            State::Creating => self.role.socket_request(id),
            State::Binding => match &self.role {
                Role::Listener(listener) => Some(listener.bind_request(id)),
                Role::Datagrams(datagrams) => Some(Request::Bind {
                    id,
                    at: datagrams.at,
                }),
                _ => None,
            },
            State::Opening => match &self.role {
                Role::Listener(listener) => Some(Request::Listen {
                    id,
                    backlog: listener.options.backlog,
                }),
                Role::Datagrams(datagrams) => self.attach_request(datagrams.peer),
                _ => self.connect_request(),
            },
            State::Releasing => Some(Request::Release {
                id,
                reuse: self.keeps_ring,
            }),
            _ => None,
        }
    }

    /// CONNECT, if it is a stream that connects, and there is a ring for that.
    pub(crate) fn connect_request(&self) -> Option<Request> {
        let ring = RingRef::of(&self.data.as_ref()?.ring);
        match self.role {
            Role::Connect(to) => Some(Request::Connect {
                id: self.id,
                to,
                ring: Some(ring),
            }),
            Role::Listener(_) | Role::Accepted { .. } | Role::Datagrams(_) => None,
        }
    }

    /// The ACCEPT that makes it.
    pub(crate) fn accept_request(&self, at: Listening) -> Option<Request> {
        let ring = RingRef::of(&self.data.as_ref()?.ring);
        Some(Request::Accept {
            at,
            new: self.id,
            ring,
        })
    }

    /// What hands over the ring of a datagram socket: ATTACH, or CONNECT if it had a peer already.
    fn attach_request(&self, peer: Option<SocketAddr>) -> Option<Request> {
        let (id, ring) = (self.id, RingRef::of(&self.data.as_ref()?.ring));
        Some(match peer {
            None => Request::Attach { id, ring },
            Some(to) => Request::Connect {
                id,
                to,
                ring: Some(ring),
            },
        })
    }

    /// Nobody waits for the outcome of SOCKET or CONNECT any more.
    pub(crate) fn abandoned(&self) -> bool {
        !self.owned || self.failure.is_some()
    }

    /// Whether it waits for the device to come up. (Or, a listener, for the end of a pause.)
    pub(crate) fn waits_for_device(&self) -> bool {
        self.state == State::Creating && self.slot == Slot::None
    }

    /// Moves what the backend delivered so far into private memory, because the ring is about to
    /// go: a server that answers and resets must not cost the caller its answer.
    pub(crate) fn rescue(&mut self) {
        let Some(data) = &mut self.data else {
            return;
        };
        // Once only: after that the ring holds nothing that was not saved.
        let flowing = self.state == State::Open && !self.role.is_datagram();
        if flowing && self.owned && data.input.refresh(&data.ring).is_ok() {
            self.salvage.fill(data);
        }
    }

    /// The error a reader gets when the data has run out.
    pub(crate) fn read_failure(&self) -> SocketError {
        match self.failure.unwrap_or(SocketError::NotConnected) {
            // "Broken pipe" is a writer's word for it.
            SocketError::Remote(Errno::EPIPE) => SocketError::Remote(Errno::ECONNRESET),
            other => other,
        }
    }
}

bitflags! {
    /// The directions that the caller has ended.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Shut: u8 {
        /// Nothing more is wanted.
        const IN = 1;
        /// Nothing more is written.
        const OUT = 2;
    }
}

impl From<How> for Shut {
    fn from(how: How) -> Self {
        let mut shut = Self::empty();
        shut.set(Self::IN, how.reading());
        shut.set(Self::OUT, how.writing());
        shut
    }
}
