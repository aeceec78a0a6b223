//! The table of sockets, and what all kinds have in common.

use alloc::collections::BTreeMap;
use core::net::SocketAddr;
use core::task::Waker;

use crate::address::{loopback_of, shown};
use crate::error::Error;
use crate::ports::Ports;
use crate::socket::{Interest, Kind, Options, Readiness, Socket, SocketId, State};
use crate::stream::BUFFER_BYTES;
use crate::wakers::Wakes;

/// The sockets of a guest that talk to each other.
///
/// One caller at a time (`&mut self`), any number of waiters. Whoever was woken by a call waits in
/// [`take_wakes`](Self::take_wakes) until the caller has let go of everything.
#[derive(Debug)]
pub struct Loopback {
    pub(crate) sockets: BTreeMap<SocketId, Socket>,
    next_id: u64,
    pub(crate) tcp: Ports,
    pub(crate) udp: Ports,
    pub(crate) wakes: Wakes,
    pub(crate) dropped_datagrams: u64,
}

/// Numbers for tests and the curious; see [`Loopback::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sockets, those included that wait in a listener's queue.
    pub sockets: usize,
    /// Ports taken: one per address and transport.
    pub ports: usize,
    /// Bytes that nobody has read yet.
    pub unread_bytes: usize,
    /// Wakers registered.
    pub wakers: usize,
    /// Datagrams that were dropped because their receiver's queue was full, since the start.
    pub dropped_datagrams: u64,
}

impl Default for Loopback {
    fn default() -> Self {
        Self::new()
    }
}

impl Loopback {
    /// No sockets yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sockets: BTreeMap::new(),
            next_id: 0,
            tcp: Ports::new(),
            udp: Ports::new(),
            wakes: Wakes::new(),
            dropped_datagrams: 0,
        }
    }

    /// Who was woken since the last time. To be called after every other call, and the wakers to
    /// be woken where no lock is held that they could need.
    pub fn take_wakes(&mut self) -> Wakes {
        core::mem::take(&mut self.wakes)
    }

    /// Has `waker` woken once when what `interest` names may have changed.
    ///
    /// Any number of wakers can be registered; each is woken once and forgotten. A wake-up is a
    /// reason to try again, not a promise of success.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`].
    pub fn register(
        &mut self,
        id: SocketId,
        interest: Interest,
        waker: &Waker,
    ) -> Result<(), Error> {
        let socket = self.sockets.get_mut(&id).ok_or(Error::NoSuchSocket)?;
        socket.register(interest, waker, &mut self.wakes);
        Ok(())
    }

    /// Closes a socket of any kind. The handle names nothing from now on.
    ///
    /// A stream's other end reads what was written and then the end; a reset, if this end has not
    /// read all that came, or is to linger for no time. A listener's connections that nobody
    /// accepted are reset, and those that wait for a place in its queue refused.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`].
    pub fn close(&mut self, id: SocketId) -> Result<(), Error> {
        let mut socket = self.sockets.remove(&id).ok_or(Error::NoSuchSocket)?;
        socket.wake_all(&mut self.wakes);
        if socket.claimed {
            let ports = match &socket.kind {
                Kind::Datagram(_) => &mut self.udp,
                Kind::Stream(_) | Kind::Listener(_) => &mut self.tcp,
            };
            ports.release(socket.local.port(), id);
        }
        match socket.kind {
            Kind::Stream(stream) => self.hang_up(id, &stream, socket.options.linger_ns == Some(0)),
            Kind::Listener(listener) => self.send_away(listener),
            Kind::Datagram(_) => {}
        }
        Ok(())
    }

    /// The name of this end.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`].
    pub fn local_addr(&self, id: SocketId) -> Result<SocketAddr, Error> {
        let socket = self.sockets.get(&id).ok_or(Error::NoSuchSocket)?;
        let mut local = socket.local;
        if let Kind::Datagram(datagram) = &socket.kind
            && let (true, Some(peer)) = (local.ip().is_unspecified(), datagram.peer)
        {
            // A default peer decides which address packets come from.
            let source = SocketAddr::new(loopback_of(peer.ip()), local.port());
            local = shown(source, socket.is_v6());
        }
        Ok(local)
    }

    /// The name of the other end of a stream, or the default peer of a datagram socket.
    ///
    /// # Errors
    /// [`Error::NotConnected`]; [`Error::NoSuchSocket`].
    pub fn peer_addr(&self, id: SocketId) -> Result<SocketAddr, Error> {
        let socket = self.sockets.get(&id).ok_or(Error::NoSuchSocket)?;
        match &socket.kind {
            Kind::Stream(stream) if stream.state == State::Connected => Ok(stream.remote),
            Kind::Datagram(datagram) => {
                let peer = datagram.peer.ok_or(Error::NotConnected)?;
                Ok(shown(peer, socket.is_v6()))
            }
            Kind::Stream(_) | Kind::Listener(_) => Err(Error::NotConnected),
        }
    }

    /// What went wrong since the last time, and forgets it, as SO_ERROR does.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`].
    pub fn take_error(&mut self, id: SocketId) -> Result<Option<Error>, Error> {
        Ok(self.socket(id)?.error.take())
    }

    /// The settings, to read and to change.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`].
    pub fn options(&mut self, id: SocketId) -> Result<&mut Options, Error> {
        Ok(&mut self.socket(id)?.options)
    }

    /// What can be done without waiting.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`].
    pub fn readiness(&self, id: SocketId) -> Result<Readiness, Error> {
        let socket = self.sockets.get(&id).ok_or(Error::NoSuchSocket)?;
        let failed = socket.error.is_some();
        Ok(match &socket.kind {
            Kind::Stream(stream) => match stream.state {
                State::Waiting(_) => Readiness::default(),
                State::Refused => Readiness {
                    readable: true,
                    writable: true,
                },
                State::Connected => {
                    let room = self.room_at(stream.other);
                    Readiness {
                        readable: failed
                            || !stream.received.is_empty()
                            || stream.ended
                            || stream.broken
                            || stream.reads_no_more,
                        writable: failed || stream.writes_no_more || room != Some(0),
                    }
                }
            },
            Kind::Listener(listener) => Readiness {
                readable: !listener.queue.is_empty(),
                writable: false,
            },
            Kind::Datagram(datagram) => Readiness {
                readable: failed || !datagram.queue.is_empty(),
                writable: true,
            },
        })
    }

    /// Numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let unread = |socket: &Socket| match &socket.kind {
            Kind::Stream(stream) => stream.received.len(),
            Kind::Listener(_) => 0,
            Kind::Datagram(datagram) => datagram.queue.iter().map(|it| it.bytes.len()).sum(),
        };
        Stats {
            sockets: self.sockets.len(),
            ports: self.tcp.len() + self.udp.len(),
            unread_bytes: self.sockets.values().map(unread).sum(),
            wakers: self.sockets.values().map(Socket::waiting).sum(),
            dropped_datagrams: self.dropped_datagrams,
        }
    }

    /// An id for a socket that is about to be.
    pub(crate) fn new_id(&mut self) -> SocketId {
        self.next_id += 1;
        SocketId(self.next_id)
    }

    pub(crate) fn socket(&mut self, id: SocketId) -> Result<&mut Socket, Error> {
        self.sockets.get_mut(&id).ok_or(Error::NoSuchSocket)
    }

    /// How many bytes the other end still takes; `None` if there is none.
    pub(crate) fn room_at(&self, other: Option<SocketId>) -> Option<usize> {
        match &self.sockets.get(&other?)?.kind {
            Kind::Stream(stream) => Some(BUFFER_BYTES - stream.received.len()),
            Kind::Listener(_) | Kind::Datagram(_) => None,
        }
    }
}
