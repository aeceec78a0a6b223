//! What a poll of the interface does for a socket.

use alloc::sync::Arc;
use core::task::{Poll, Waker};

use smoltcp::socket::tcp::State;
use smoltcp::wire::IpEndpoint;

use super::{Link, Socket};
use crate::io;
use crate::net::Shutdown;
use crate::net::socket::Socket as HostSocket;

impl Socket<'_> {
    /// Whether there is something to do that does not wait for the host.
    pub(in crate::net::smoltcp) fn has_work(&self) -> bool {
        let ending = matches!(self.state, State::FinWait1 | State::LastAck) && self.tx.is_empty();
        let moving = !self.tx.is_empty() || (!self.finished && !self.rx.is_full());
        let open = matches!(self.link, Link::Open(_));
        self.received || (self.is_open() && !self.stalled && (!open || ending || moving))
    }

    /// Does what can be done. Whether anything changed.
    pub(in crate::net::smoltcp) fn poll(&mut self, waker: &Waker) -> bool {
        let before = (self.state, self.rx.len(), self.tx.len(), self.finished);
        self.stalled = true;
        self.received = false;
        let result = match self.state {
            State::SynSent => self.poll_connect(waker),
            State::Listen => self.poll_accept(waker),
            _ => Ok(()),
        };
        if result.and_then(|()| self.poll_data(waker)).is_err() {
            // What had come can still be received.
            self.link = Link::Nothing;
            self.tx.clear();
            self.state = State::Closed;
        }
        let after = (self.state, self.rx.len(), self.tx.len(), self.finished);
        if before != after {
            self.wake();
        }
        before != after
    }

    fn poll_connect(&mut self, waker: &Waker) -> io::Result<()> {
        if let Link::Connecting(opening) = &mut self.link
            && let Poll::Ready(socket) = opening.poll(waker)
        {
            self.link = Link::Open(socket?);
            self.state = State::Established;
        }
        Ok(())
    }

    fn poll_accept(&mut self, waker: &Waker) -> io::Result<()> {
        if let Some((_, listener)) = &self.listener
            && let Poll::Ready(accepted) = listener.poll_accept(waker)
        {
            let (socket, peer) = accepted.inspect_err(|error| {
                log::warn!("a smoltcp socket stops listening: {error}");
            })?;
            self.remote = peer.map(IpEndpoint::from);
            self.link = Link::Open(Arc::new(socket));
            self.state = State::Established;
        }
        Ok(())
    }

    fn poll_data(&mut self, waker: &Waker) -> io::Result<()> {
        let Link::Open(socket) = &self.link else {
            return Ok(());
        };
        let socket = socket.clone();
        while !self.tx.is_empty() {
            let (_, result) = self
                .tx
                .dequeue_many_with(|bytes| progress(socket.poll_write(waker, bytes)));
            if !result? {
                break;
            }
        }
        while !self.finished && !self.rx.is_full() {
            let (count, result) = self
                .rx
                .enqueue_many_with(|room| progress(socket.poll_read(waker, room)));
            if !result? {
                break;
            }
            self.finished = count == 0;
        }
        if self.tx.is_empty() && matches!(self.state, State::FinWait1 | State::LastAck) {
            self.poll_end(&socket, waker)?;
        }
        if self.finished {
            self.state = match self.state {
                State::Established => State::CloseWait,
                State::FinWait2 => State::Closed,
                other => other,
            };
        }
        if self.state == State::Closed {
            self.link = Link::Nothing;
        }
        Ok(())
    }

    /// All is sent: ends the direction, or both if the peer has ended the other one.
    fn poll_end(&mut self, socket: &HostSocket, waker: &Waker) -> io::Result<()> {
        let half = match self.state {
            State::LastAck => Shutdown::Both,
            _ => Shutdown::Write,
        };
        let ending = self.ending.get_or_insert_with(|| socket.shutdown(half));
        let Poll::Ready(result) = ending.poll(waker) else {
            return Ok(());
        };
        self.ending = None;
        self.state = match (result, half) {
            (Ok(_), Shutdown::Write) => State::FinWait2,
            (Err(error), _) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
            // One direction alone cannot be ended: then it is both.
            _ => State::Closed,
        };
        Ok(())
    }
}

/// What `dequeue_many_with` and its kin want: how many bytes moved, and whether any could.
fn progress(result: Poll<io::Result<usize>>) -> (usize, io::Result<bool>) {
    match result {
        Poll::Ready(Ok(count)) => (count, Ok(true)),
        Poll::Ready(Err(error)) => (0, Err(error)),
        Poll::Pending => (0, Ok(false)),
    }
}
