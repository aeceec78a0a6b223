//! Streams: connect, bytes both ways, and the ends of them.

use core::net::SocketAddr;

use crate::address::{canonical, destination, is_own, loopback_of, shown};
use crate::error::{Error, TryError};
use crate::loopback::Loopback;
use crate::ports::Claim;
use crate::socket::{Kind, Socket, SocketId, State, Stream};

/// How many bytes wait in each direction before a writer has to.
pub const BUFFER_BYTES: usize = 64 * 1024;

/// Which directions a shutdown ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing is read any more, but for what came already.
    Read,
    /// Nothing is written any more; the other end reads what was, and then the end.
    Write,
    /// Both.
    Both,
}

impl Loopback {
    /// Connects. With a listener whose queue has room, the stream is connected at once; else it
    /// waits for an accept.
    ///
    /// 0.0.0.0 and `::` mean 127.0.0.1 and ::1. Packets come from 127.0.0.1 or ::1, with a port
    /// that nobody else has.
    ///
    /// # Errors
    /// [`Error::ConnectionRefused`] if nobody listens there, [`Error::InvalidInput`] if it is not
    /// an address of the guest's ([`is_own`]), [`Error::AddrNotAvailable`] if no port is left.
    pub fn connect(&mut self, to: SocketAddr) -> Result<SocketId, Error> {
        if !is_own(to.ip()) {
            return Err(Error::InvalidInput);
        }
        let target = destination(to);
        let listener = self.listener_at(target).ok_or(Error::ConnectionRefused)?;
        let id = self.new_id();
        let any_port = Claim {
            at: SocketAddr::new(loopback_of(target.ip()), 0),
            only_v6: false,
        };
        let claimed = self.tcp.claim(any_port, id);
        let local = claimed.map_err(|_| Error::AddrNotAvailable)?;
        let (local, remote) = (shown(local, to.is_ipv6()), shown(target, to.is_ipv6()));
        let stream = Stream::new(State::Waiting(listener), remote);
        self.sockets.insert(id, Socket::new(local, true, stream));
        self.socket(listener)?.listener()?.line.push_back(id);
        self.advance_line(listener)?;
        Ok(id)
    }

    /// What came of a connect. Sockets of other kinds are open as soon as they are there.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] as long as the listener's queue is full;
    /// [`Error::ConnectionRefused`] if it was closed meanwhile.
    pub fn try_connect(&mut self, id: SocketId) -> Result<(), TryError> {
        let Kind::Stream(stream) = &self.socket(id)?.kind else {
            return Ok(());
        };
        match stream.state {
            State::Waiting(_) => Err(TryError::WouldBlock),
            State::Refused => Err(Error::ConnectionRefused.into()),
            State::Connected => Ok(()),
        }
    }

    /// Makes the listener's end of a connection; gives its id. `client` is in no queue any more.
    pub(crate) fn join(
        &mut self,
        client: SocketId,
        listener_is_v6: bool,
    ) -> Result<SocketId, Error> {
        let id = self.new_id();
        let near = self.socket(client)?;
        let from = canonical(near.local);
        let stream = near.stream()?;
        let at = canonical(stream.remote);
        stream.state = State::Connected;
        stream.other = Some(id);
        let mut far = Stream::new(State::Connected, shown(from, listener_is_v6));
        far.other = Some(client);
        let local = shown(at, listener_is_v6);
        self.sockets.insert(id, Socket::new(local, false, far));
        self.wake(client);
        Ok(id)
    }

    /// Reads what is there. `Ok(0)` is the end of the stream, or an empty `into`.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if nothing is there yet; [`Error::ConnectionReset`] once, after
    /// what came before it; [`Error::NotConnected`] before the stream is connected.
    pub fn try_read(&mut self, id: SocketId, into: &mut [u8]) -> Result<usize, TryError> {
        let (count, other) = self.look(id, into, true)?;
        // Whoever waits for room has some now.
        if count > 0
            && let Some(other) = other.and_then(|other| self.sockets.get_mut(&other))
        {
            other.writers.wake(&mut self.wakes);
        }
        Ok(count)
    }

    /// As [`try_read`](Self::try_read), but the bytes stay.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn peek(&mut self, id: SocketId, into: &mut [u8]) -> Result<usize, TryError> {
        self.look(id, into, false).map(|(count, _)| count)
    }

    fn look(
        &mut self,
        id: SocketId,
        into: &mut [u8],
        consume: bool,
    ) -> Result<(usize, Option<SocketId>), TryError> {
        let socket = self.socket(id)?;
        let stream = socket.stream()?;
        if stream.state != State::Connected {
            return Err(Error::NotConnected.into());
        }
        let other = stream.other;
        if into.is_empty() {
            return Ok((0, other));
        }
        let count = match consume {
            true => stream.received.pop(into),
            false => stream.received.peek(into),
        };
        if count > 0 {
            return Ok((count, other));
        }
        let over = stream.broken || stream.reads_no_more;
        if stream.ended {
            return Ok((0, other));
        }
        match socket.error.take() {
            Some(error) => Err(error.into()),
            None if over => Ok((0, other)),
            None => Err(TryError::WouldBlock),
        }
    }

    /// Writes as much as there is room for, at least one byte unless `from` is empty.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if there is no room. [`Error::ConnectionReset`] once if the other
    /// end threw bytes away; [`Error::BrokenPipe`] after that, and if the other end was closed or
    /// shut down both ways, or this one was shut down. [`Error::NotConnected`] before the stream is connected.
    /// [`Error::OutOfMemory`].
    pub fn try_write(&mut self, id: SocketId, from: &[u8]) -> Result<usize, TryError> {
        let socket = self.socket(id)?;
        let stream = socket.stream()?;
        if stream.state != State::Connected {
            return Err(Error::NotConnected.into());
        }
        let (other, over) = (stream.other, stream.writes_no_more || stream.broken);
        if let Some(error) = socket.error.take() {
            return Err(error.into());
        }
        let other = match other {
            Some(other) if !over => other,
            _ => return Err(Error::BrokenPipe.into()),
        };
        if from.is_empty() {
            return Ok(0);
        }
        let far = self.sockets.get_mut(&other).ok_or(Error::BrokenPipe)?;
        let stream = far.stream()?;
        if stream.reads_no_more && stream.writes_no_more {
            // As good as closed: what comes now breaks the connection.
            self.lose(other, true);
            self.lose(id, true);
            self.take_error(id)?;
            return Err(Error::BrokenPipe.into());
        }
        match stream.received.push(from, BUFFER_BYTES) {
            Ok(0) => Err(TryError::WouldBlock),
            Ok(count) => {
                far.readers.wake(&mut self.wakes);
                Ok(count)
            }
            Err(_) => Err(Error::OutOfMemory.into()),
        }
    }

    /// Ends one direction or both; the stream stays.
    ///
    /// # Errors
    /// [`Error::NotConnected`] if it is not connected, or not any more.
    pub fn shutdown(&mut self, id: SocketId, how: How) -> Result<(), Error> {
        let stream = self.socket(id)?.stream()?;
        let closed_both_ways = stream.ended && stream.writes_no_more;
        if stream.state != State::Connected || stream.broken || closed_both_ways {
            return Err(Error::NotConnected);
        }
        let other = stream.other;
        if how != How::Write {
            stream.reads_no_more = true;
        }
        if how != How::Read {
            stream.writes_no_more = true;
            if let Some(other) = other {
                self.socket(other)?.stream()?.ended = true;
                self.wake(other);
            }
        }
        self.wake(id);
        Ok(())
    }

    /// What the close of `id` means for others: it is out of the table already.
    pub(crate) fn hang_up(&mut self, id: SocketId, stream: &Stream, at_once: bool) {
        if let State::Waiting(listener) = stream.state
            && let Ok(listener) = self.socket(listener).and_then(Socket::listener)
        {
            listener.line.retain(|waiting| *waiting != id);
        }
        let reset = at_once || !stream.received.is_empty();
        if let Some(other) = stream.other {
            self.lose(other, reset);
        }
    }

    /// The other end of `id` is gone: by a reset, or after all it wrote.
    pub(crate) fn lose(&mut self, id: SocketId, reset: bool) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        if let Kind::Stream(stream) = &mut socket.kind {
            stream.other = None;
            if reset {
                stream.broken = true;
                // Who has read the end is told when it writes.
                socket.error = Some(match stream.ended {
                    true => Error::BrokenPipe,
                    false => Error::ConnectionReset,
                });
            } else {
                stream.ended = true;
            }
        }
        socket.wake_all(&mut self.wakes);
    }

    /// Lets everybody who waits for something of `id` look again.
    pub(crate) fn wake(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.wake_all(&mut self.wakes);
        }
    }
}
