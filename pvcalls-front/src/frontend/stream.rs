//! Bytes: read, peek, write, and what can be done without blocking.

use bitflags::bitflags;

use super::Frontend;
use crate::errno::Errno;
use crate::error::{SocketError, TryError};
use crate::in_ring::Consumed;
use crate::notify::Notify;
use crate::platform::Platform;
use crate::socket::{Role, Shut, Socket, State};
use crate::units::SocketId;

bitflags! {
    /// What can be done with a socket right now without blocking.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Readiness: u8 {
        /// A read returns bytes, the end or an error; an accept a connection or an error.
        const READABLE = 1;
        /// A write takes bytes or returns an error.
        const WRITABLE = 2;
        /// The other end sends no more; bytes may still be there to read.
        const PEER_CLOSED = 4;
        /// The socket has failed.
        const ERROR = 8;
    }
}

impl<P: Platform> Frontend<P> {
    /// Reads what is there. `Ok(0)` is the end of the stream, or an empty `into`.
    ///
    /// Bytes that arrived before the end or a failure are delivered before it.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if nothing is there yet; else why nothing will come.
    pub fn try_read(&mut self, id: SocketId, into: &mut [u8]) -> Result<usize, TryError> {
        self.take(id, into, true)
    }

    /// As [`try_read`](Self::try_read), but the bytes stay. Sees no further than the ring.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn peek(&mut self, id: SocketId, into: &mut [u8]) -> Result<usize, TryError> {
        self.take(id, into, false)
    }

    fn take(&mut self, id: SocketId, into: &mut [u8], consume: bool) -> Result<usize, TryError> {
        let place = id.place();
        let socket = self.socket(id)?;
        if into.is_empty() {
            return Ok(0);
        }
        let data = match (socket.state(), &mut socket.data) {
            (State::Open, Some(data)) if !socket.role.is_datagram() => data,
            (State::Creating | State::Opening, _) => {
                return Err(socket.failure.unwrap_or(SocketError::NotConnected).into());
            }
            _ => return take_salvage(socket, into, consume),
        };
        let consumed = if consume {
            data.input.read(&data.ring, into)
        } else {
            data.input.peek(&data.ring, into)
        };
        match consumed {
            Ok(Consumed::Bytes(count, notify)) => {
                let port = data.ring.port();
                match notify {
                    Notify::No => {}
                    Notify::Later => self.mark_dirty(place),
                    Notify::Now => self.platform.notify(port),
                }
                Ok(count)
            }
            Ok(Consumed::Empty) if socket.shut.contains(Shut::IN) => Ok(0),
            Ok(Consumed::Empty) => Err(TryError::WouldBlock),
            Ok(Consumed::End(end)) => end_of_stream(end),
            Err(fault) => {
                self.lose(place, SocketError::Ring(fault));
                self.pump();
                Err(SocketError::Ring(fault).into())
            }
        }
    }

    /// Writes as much as there is room for, at least one byte unless `from` is empty.
    ///
    /// The backend may not know of the bytes until [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if there is no room; else why nothing can be written any more.
    pub fn try_write(&mut self, id: SocketId, from: &[u8], now_ns: u64) -> Result<usize, TryError> {
        let place = id.place();
        let socket = self.socket(id)?;
        let data = match (socket.state(), &mut socket.data) {
            (State::Open, Some(data)) if !socket.role.is_datagram() => data,
            _ if socket.failure.is_none() && socket.shut.contains(Shut::OUT) => {
                return Err(SocketError::WriteEnded.into());
            }
            _ => return Err(socket.failure.unwrap_or(SocketError::NotConnected).into()),
        };
        if socket.shut.contains(Shut::OUT) {
            return Err(SocketError::WriteEnded.into());
        }
        if from.is_empty() {
            return Ok(0);
        }
        let looked = data.output.refresh(&data.ring);
        let error = match (looked, data.output.error()) {
            (Err(fault), _) => SocketError::Ring(fault),
            (Ok(()), Some(errno)) => SocketError::Remote(errno),
            (Ok(()), None) => {
                let (count, notify) = data.output.write(&data.ring, from);
                match notify {
                    Notify::No => {}
                    Notify::Later => self.mark_dirty(place),
                    Notify::Now => {
                        self.announce(place, now_ns);
                        self.pump();
                    }
                }
                return match count {
                    0 => Err(TryError::WouldBlock),
                    _ => Ok(count),
                };
            }
        };
        self.lose(place, error);
        self.pump();
        Err(error.into())
    }

    /// What can be done without blocking.
    ///
    /// # Errors
    /// [`SocketError::NoSuchSocket`].
    pub fn readiness(&mut self, id: SocketId) -> Result<Readiness, SocketError> {
        let place = id.place();
        let socket = self.socket(id)?;
        if let (State::Open, Some(data)) = (socket.state(), &mut socket.data)
            && let Err(fault) = data.refresh()
        {
            self.lose(place, SocketError::Ring(fault));
            self.pump();
        }
        Ok(readiness_of(self.socket(id)?))
    }

    /// Whether the other end sends no more, as far as the backend has told. Bytes may still be
    /// there to read.
    ///
    /// # Errors
    /// [`SocketError::NoSuchSocket`].
    pub fn peer_closed(&mut self, id: SocketId) -> Result<bool, SocketError> {
        Ok(self.readiness(id)?.contains(Readiness::PEER_CLOSED))
    }

    /// Sees to it that [`flush`](Self::flush) looks at this socket.
    pub(super) fn mark_dirty(&mut self, place: usize) {
        if let Some(socket) = self.sockets.at(place)
            && !core::mem::replace(&mut socket.dirty, true)
        {
            self.dirty.push(place);
        }
    }

    /// Tells the backend what it may be asleep on: see [`notify`](crate::notify).
    pub(super) fn announce(&mut self, place: usize, now_ns: u64) {
        let Some(socket) = self.sockets.at(place) else {
            return;
        };
        socket.dirty = false;
        let (State::Open | State::Draining, Some(data)) = (socket.state(), &mut socket.data) else {
            return;
        };
        let room = data.input.settle();
        match data.output.announce(&data.ring, now_ns) {
            Ok(bytes) => {
                if room || bytes {
                    self.platform.notify(data.ring.port());
                }
                self.rearm(place);
            }
            Err(fault) => self.lose(place, SocketError::Ring(fault)),
        }
    }
}

/// What the `in_error` word means to a reader who has all the data.
fn end_of_stream(end: Errno) -> Result<usize, TryError> {
    match end {
        Errno::ENOTCONN => Ok(0),
        errno => Err(SocketError::Remote(errno).into()),
    }
}

/// Reads what was saved from a ring that is gone.
fn take_salvage(socket: &mut Socket, into: &mut [u8], consume: bool) -> Result<usize, TryError> {
    let rest = socket.salvage.rest();
    let count = rest.len().min(into.len());
    if count > 0 {
        into[..count].copy_from_slice(&rest[..count]);
        if consume {
            socket.salvage.skip(count);
        }
        return Ok(count);
    }
    match socket.salvage.end {
        Some(end) => end_of_stream(end),
        None => Err(socket.read_failure().into()),
    }
}

fn readiness_of(socket: &Socket) -> Readiness {
    let mut readiness = Readiness::empty();
    let end = match (socket.state(), &socket.data) {
        (State::Open, Some(data)) => {
            readiness.set(Readiness::READABLE, data.readable());
            readiness.set(Readiness::WRITABLE, data.writable());
            data.input.end()
        }
        _ => socket.salvage.end,
    };
    if socket.shut.contains(Shut::IN) {
        readiness |= Readiness::READABLE;
    }
    if socket.shut.contains(Shut::OUT) {
        readiness |= Readiness::WRITABLE;
    }
    if let Role::Listener(listener) = &socket.role {
        readiness.set(Readiness::READABLE, !listener.ready.is_empty());
    }
    readiness.set(Readiness::PEER_CLOSED, end.is_some());
    if socket.failure.is_some() || socket.has_news() {
        readiness |= Readiness::ERROR | Readiness::READABLE | Readiness::WRITABLE;
    }
    readiness
}
