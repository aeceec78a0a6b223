//! A socket of the host's with the face of smoltcp's.

mod settings;
mod work;

use alloc::sync::Arc;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::task::Waker;

use smoltcp::socket::tcp::{ConnectError, ListenError, RecvError, SendError, SocketBuffer, State};
use smoltcp::time::Duration;
use smoltcp::wire::{IpEndpoint, IpListenEndpoint};

use super::iface::Context;
use super::listeners::{self, Listener};
use crate::net::Options;
use crate::net::socket::{Calling, Opening, Socket as HostSocket};

/// A TCP socket; see [the module](super) for what it promises, and smoltcp's documentation for the
/// methods, which mean the same.
#[derive(Debug)]
pub struct Socket<'a> {
    state: State,
    rx: SocketBuffer<'a>,
    tx: SocketBuffer<'a>,
    /// The end of what the peer sends was seen.
    finished: bool,
    /// The last poll did all that could be done, and there has been no new work since.
    stalled: bool,
    /// Something was received since the last poll: there is room, or more in the buffer, or the end.
    /// None of that comes with news, so the user's loop has to turn once more.
    received: bool,
    link: Link,
    /// The host ends a direction.
    ending: Option<Calling>,
    /// Kept for the next [`Socket::listen`], so that connections can wait meanwhile.
    listener: Option<(IpListenEndpoint, Arc<Listener>)>,
    remote: Option<IpEndpoint>,
    settings: Settings,
    receiver: Option<Waker>,
    sender: Option<Waker>,
}

/// What the host has of it.
#[derive(Debug)]
enum Link {
    Nothing,
    Connecting(Opening),
    Open(Arc<HostSocket>),
}

#[derive(Debug, Default)]
struct Settings {
    timeout: Option<Duration>,
    keep_alive: Option<Duration>,
    ack_delay: Option<Duration>,
    no_nagle: bool,
    hop_limit: Option<u8>,
}

impl<'a> Socket<'a> {
    /// A closed socket with these buffers.
    pub fn new<T: Into<SocketBuffer<'a>>>(rx_buffer: T, tx_buffer: T) -> Socket<'a> {
        Socket {
            state: State::Closed,
            rx: rx_buffer.into(),
            tx: tx_buffer.into(),
            finished: false,
            stalled: false,
            received: false,
            link: Link::Nothing,
            ending: None,
            listener: None,
            remote: None,
            settings: Settings::default(),
            receiver: None,
            sender: None,
        }
    }

    fn reset(&mut self) {
        self.state = State::Closed;
        self.rx.clear();
        self.tx.clear();
        self.finished = false;
        self.stalled = false;
        self.received = false;
        self.link = Link::Nothing;
        self.ending = None;
        self.remote = None;
    }

    /// Begins to connect. The local endpoint is checked as smoltcp does and then left to the host.
    ///
    /// # Errors
    /// smoltcp's.
    pub fn connect<T: Into<IpEndpoint>, U: Into<IpListenEndpoint>>(
        &mut self,
        _context: &mut Context,
        remote_endpoint: T,
        local_endpoint: U,
    ) -> Result<(), ConnectError> {
        let (remote, local) = (remote_endpoint.into(), local_endpoint.into());
        if self.is_open() {
            return Err(ConnectError::InvalidState);
        }
        let other_version = local
            .addr
            .is_some_and(|addr| addr.is_unspecified() || addr.version() != remote.addr.version());
        if remote.port == 0 || remote.addr.is_unspecified() || local.port == 0 || other_version {
            return Err(ConnectError::Unaddressable);
        }
        self.reset();
        let mut options = Options::new();
        if let Some(timeout) = self.settings.timeout {
            options = options.timeout(timeout.into());
        }
        self.link = Link::Connecting(Opening::connect(remote.into(), &options));
        self.remote = Some(remote);
        self.state = State::SynSent;
        Ok(())
    }

    /// Begins to listen, for one connection. A port that the host refuses closes the socket at the
    /// next poll.
    ///
    /// # Errors
    /// smoltcp's.
    pub fn listen<T: Into<IpListenEndpoint>>(&mut self, local: T) -> Result<(), ListenError> {
        let local = local.into();
        if local.port == 0 {
            return Err(ListenError::Unaddressable);
        }
        if self.is_open() {
            return match (self.state, &self.listener) {
                (State::Listen, Some((at, _))) if *at == local => Ok(()),
                _ => Err(ListenError::InvalidState),
            };
        }
        self.reset();
        let ip = local
            .addr
            .map_or(Ipv4Addr::UNSPECIFIED.into(), IpAddr::from);
        // The old one is given up last, or a listener at the same place would go and come back.
        let listener = listeners::at(SocketAddr::new(ip, local.port));
        self.listener = Some((local, listener));
        self.state = State::Listen;
        Ok(())
    }

    /// Ends this direction when all is sent.
    pub fn close(&mut self) {
        self.state = match self.state {
            State::Listen | State::SynSent => {
                self.link = Link::Nothing;
                State::Closed
            }
            State::SynReceived | State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            other => other,
        };
        self.stalled = false;
    }

    /// Ends both directions at once. What was not given to the host yet is forgotten; the host's
    /// socket is closed, not reset.
    pub fn abort(&mut self) {
        self.link = Link::Nothing;
        self.tx.clear();
        self.state = State::Closed;
        self.wake();
    }

    /// As smoltcp: see [`State`].
    pub fn state(&self) -> State {
        self.state
    }

    /// Waits for a connection.
    pub fn is_listening(&self) -> bool {
        self.state == State::Listen
    }

    /// Neither closed nor in TIME-WAIT.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed | State::TimeWait)
    }

    /// Open and not listening.
    pub fn is_active(&self) -> bool {
        self.is_open() && !self.is_listening()
    }

    /// The direction to the peer is open.
    pub fn may_send(&self) -> bool {
        matches!(self.state, State::Established | State::CloseWait)
    }

    /// The direction from the peer is open, or something is left to be received.
    pub fn may_recv(&self) -> bool {
        let open = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        open || self.can_recv()
    }

    /// There is room in the buffer.
    pub fn can_send(&self) -> bool {
        self.may_send() && !self.tx.is_full()
    }

    /// There is something in the buffer.
    pub fn can_recv(&self) -> bool {
        !self.rx.is_empty()
    }

    /// Size of the buffer.
    pub fn send_capacity(&self) -> usize {
        self.tx.capacity()
    }

    /// Size of the buffer.
    pub fn recv_capacity(&self) -> usize {
        self.rx.capacity()
    }

    /// Bytes that the host has not taken yet.
    pub fn send_queue(&self) -> usize {
        self.tx.len()
    }

    /// Bytes that can be received.
    pub fn recv_queue(&self) -> usize {
        self.rx.len()
    }

    /// Gives `f` a piece of the buffer to fill; it returns how much it filled, and a result.
    ///
    /// # Errors
    /// [`SendError::InvalidState`] when the direction is not open.
    pub fn send<'b, F, R>(&'b mut self, f: F) -> Result<R, SendError>
    where
        F: FnOnce(&'b mut [u8]) -> (usize, R),
    {
        if !self.may_send() {
            return Err(SendError::InvalidState);
        }
        let was_empty = self.tx.is_empty();
        let (count, result) = self.tx.enqueue_many_with(f);
        self.stalled &= !(was_empty && count > 0);
        Ok(result)
    }

    /// Puts as much as fits into the buffer.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub fn send_slice(&mut self, data: &[u8]) -> Result<usize, SendError> {
        if !self.may_send() {
            return Err(SendError::InvalidState);
        }
        let was_empty = self.tx.is_empty();
        let count = self.tx.enqueue_slice(data);
        self.stalled &= !(was_empty && count > 0);
        Ok(count)
    }

    fn check_recv(&self) -> Result<(), RecvError> {
        match (self.may_recv(), self.finished) {
            (true, _) => Ok(()),
            (false, true) => Err(RecvError::Finished),
            (false, false) => Err(RecvError::InvalidState),
        }
    }

    /// Gives `f` a piece of what came; it returns how much it used up, and a result.
    ///
    /// # Errors
    /// [`RecvError::Finished`] when the peer has ended the direction and all is received,
    /// [`RecvError::InvalidState`] when it is not open.
    pub fn recv<'b, F, R>(&'b mut self, f: F) -> Result<R, RecvError>
    where
        F: FnOnce(&'b mut [u8]) -> (usize, R),
    {
        self.check_recv()?;
        let (count, result) = self.rx.dequeue_many_with(f);
        self.received |= count > 0;
        Ok(result)
    }

    /// Takes what fits into `data`.
    ///
    /// # Errors
    /// As [`Socket::recv`].
    pub fn recv_slice(&mut self, data: &mut [u8]) -> Result<usize, RecvError> {
        self.check_recv()?;
        let count = self.rx.dequeue_slice(data);
        self.received |= count > 0;
        Ok(count)
    }

    /// Looks at what came.
    ///
    /// # Errors
    /// As [`Socket::recv`].
    pub fn peek(&mut self, size: usize) -> Result<&[u8], RecvError> {
        self.check_recv()?;
        Ok(self.rx.get_allocated(0, size))
    }

    /// Copies what came, and leaves it.
    ///
    /// # Errors
    /// None today.
    pub fn peek_slice(&mut self, data: &mut [u8]) -> Result<usize, RecvError> {
        Ok(self.rx.read_allocated(0, data))
    }

    /// Where it listens, or listened last.
    pub fn listen_endpoint(&self) -> IpListenEndpoint {
        self.listener
            .as_ref()
            .map(|(local, _)| *local)
            .unwrap_or_default()
    }

    /// This end of the connection, where the host tells.
    pub fn local_endpoint(&self) -> Option<IpEndpoint> {
        match &self.link {
            Link::Open(socket) => socket.local_addr().ok().map(IpEndpoint::from),
            _ => None,
        }
    }

    /// The other end of the connection, where it is known.
    pub fn remote_endpoint(&self) -> Option<IpEndpoint> {
        self.remote
    }

    /// Has the waker woken, once, when there may be more to receive, or the state has changed. That
    /// is noticed by [`Interface::poll`](super::iface::Interface::poll), as in smoltcp.
    pub fn register_recv_waker(&mut self, waker: &Waker) {
        self.receiver = Some(waker.clone());
    }

    /// Likewise for room to send.
    pub fn register_send_waker(&mut self, waker: &Waker) {
        self.sender = Some(waker.clone());
    }

    fn wake(&mut self) {
        for waker in [self.receiver.take(), self.sender.take()] {
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl fmt::Write for Socket<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self.send_slice(text.as_bytes()) {
            Ok(count) if count == text.len() => Ok(()),
            _ => Err(fmt::Error),
        }
    }
}
