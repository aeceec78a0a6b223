//! The three kinds of sockets, and what hangs on each.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::task::Waker;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::wakers::{WakerSet, Wakes};

/// The handle of a socket. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub(crate) u64);

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local socket {}", self.0)
    }
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// The outcome of a connect.
    Connect,
    /// Bytes or a datagram to read, the end of the stream, or a connection to accept.
    Read,
    /// Room to write, or an error.
    Write,
}

/// What can be done with a socket right now without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A read, receive or accept returns something, if only the end or an error.
    pub readable: bool,
    /// A write or send takes something, or returns an error.
    pub writable: bool,
}

/// Settings that are kept for who asks. Only `linger_ns` changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Small segments are sent at once; there are no segments here.
    pub nodelay: bool,
    /// Hops that a packet may take, 1 to 255; it takes none.
    pub ttl: u8,
    /// How long a close goes on sending, in nanoseconds. What was written is with the receiver
    /// already, so only zero matters: a close then resets the connection.
    pub linger_ns: Option<u64>,
    /// Datagrams to all may be sent; there is nobody but the guest.
    pub broadcast: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodelay: false,
            ttl: 64,
            linger_ns: None,
            broadcast: false,
        }
    }
}

/// A socket of any kind.
#[derive(Debug)]
pub(crate) struct Socket {
    /// The name of this end, as the socket's family shows it.
    pub(crate) local: SocketAddr,
    /// It has a port of its own; the connections of a listener share that one's.
    pub(crate) claimed: bool,
    pub(crate) options: Options,
    pub(crate) kind: Kind,
    /// What [`Loopback::take_error`](crate::Loopback::take_error) and the next call report.
    pub(crate) error: Option<Error>,
    pub(crate) connecters: WakerSet,
    pub(crate) readers: WakerSet,
    pub(crate) writers: WakerSet,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Stream(Stream),
    Listener(Listener),
    Datagram(Datagram),
}

impl Socket {
    pub(crate) fn new(local: SocketAddr, claimed: bool, kind: impl Into<Kind>) -> Self {
        Self {
            local,
            claimed,
            options: Options::default(),
            kind: kind.into(),
            error: None,
            connecters: WakerSet::default(),
            readers: WakerSet::default(),
            writers: WakerSet::default(),
        }
    }

    /// Whether it is an IPv6 socket: one that sees IPv4 addresses mapped.
    pub(crate) fn is_v6(&self) -> bool {
        self.local.is_ipv6()
    }

    pub(crate) fn register(&mut self, interest: Interest, waker: &Waker, wakes: &mut Wakes) {
        match interest {
            Interest::Connect => self.connecters.register(waker, wakes),
            Interest::Read => self.readers.register(waker, wakes),
            Interest::Write => self.writers.register(waker, wakes),
        }
    }

    /// Lets everybody who waits look again.
    pub(crate) fn wake_all(&mut self, wakes: &mut Wakes) {
        self.connecters.wake(wakes);
        self.readers.wake(wakes);
        self.writers.wake(wakes);
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.connecters.len() + self.readers.len() + self.writers.len()
    }

    pub(crate) fn stream(&mut self) -> Result<&mut Stream, Error> {
        match &mut self.kind {
            Kind::Stream(stream) => Ok(stream),
            Kind::Listener(_) => Err(Error::NotConnected),
            Kind::Datagram(_) => Err(Error::WrongKind),
        }
    }

    pub(crate) fn listener(&mut self) -> Result<&mut Listener, Error> {
        match &mut self.kind {
            Kind::Listener(listener) => Ok(listener),
            _ => Err(Error::InvalidInput),
        }
    }

    pub(crate) fn datagram(&mut self) -> Result<&mut Datagram, Error> {
        match &mut self.kind {
            Kind::Datagram(datagram) => Ok(datagram),
            _ => Err(Error::WrongKind),
        }
    }
}

/// Where a stream is in its life.
///
/// ```text
///             1           3
///   (none) ─────▶ Waiting ───▶ Connected ──▶ (closed)
///      │             │ 4           ▲
///      │             ▼             │
///      │          Refused          │
///      └───────────────────────────┘
///                   2
/// ```
/// 1. `Loopback::connect` to a listener whose queue is full.
/// 2. `Loopback::connect` to another one: the other end is in the listener's queue.
/// 3. An accept made room in the queue.
/// 4. The listener was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// In the line before that listener's queue.
    Waiting(SocketId),
    /// There was nobody to talk to after all.
    Refused,
    /// There is, or was, another end.
    Connected,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) state: State,
    /// The name of the other end, as the socket's family shows it.
    pub(crate) remote: SocketAddr,
    /// The other end, unless it was closed.
    pub(crate) other: Option<SocketId>,
    /// What the other end wrote and this one has not read.
    pub(crate) received: Buffer,
    /// The other end said that it writes no more, or closed.
    pub(crate) ended: bool,
    /// The connection was broken off: nothing goes either way any more.
    pub(crate) broken: bool,
    pub(crate) reads_no_more: bool,
    pub(crate) writes_no_more: bool,
}

impl Stream {
    pub(crate) fn new(state: State, remote: SocketAddr) -> Self {
        Self {
            state,
            remote,
            other: None,
            received: Buffer::default(),
            ended: false,
            broken: false,
            reads_no_more: false,
            writes_no_more: false,
        }
    }
}

impl From<Stream> for Kind {
    fn from(stream: Stream) -> Self {
        Self::Stream(stream)
    }
}

/// A socket that connections come to.
#[derive(Debug)]
pub(crate) struct Listener {
    /// How many connections wait for an accept; the others wait before the queue.
    pub(crate) backlog: usize,
    /// The listener's ends of connections that nobody has accepted.
    pub(crate) queue: VecDeque<SocketId>,
    /// Connecting streams for which the queue has no room.
    pub(crate) line: VecDeque<SocketId>,
}

impl From<Listener> for Kind {
    fn from(listener: Listener) -> Self {
        Self::Listener(listener)
    }
}

/// A socket for datagrams.
#[derive(Debug)]
pub(crate) struct Datagram {
    /// The default peer, in canonical form.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) only_v6: bool,
    pub(crate) queue: VecDeque<Packet>,
    /// What the queue costs, in bytes.
    pub(crate) queued_bytes: usize,
}

impl From<Datagram> for Kind {
    fn from(datagram: Datagram) -> Self {
        Self::Datagram(datagram)
    }
}

/// A datagram that waits for its receiver.
#[derive(Debug)]
pub(crate) struct Packet {
    /// The sender, in canonical form.
    pub(crate) from: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}
