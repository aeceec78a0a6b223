//! Listeners: a queue of connections, and a line before it.

use alloc::collections::VecDeque;
use core::net::SocketAddr;

use crate::address::{Reach, canonical};
use crate::error::{Error, TryError};
use crate::loopback::Loopback;
use crate::ports::Claim;
use crate::socket::{Kind, Listener, Socket, SocketId, State};

/// How to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Connections that wait for an accept, at least one; more of them wait in connect.
    pub backlog: usize,
    /// `::` without IPv4. No other address changes by it.
    pub only_v6: bool,
}

impl Default for ListenOptions {
    /// std's backlog; `::` takes IPv4 as well.
    fn default() -> Self {
        Self {
            backlog: 128,
            only_v6: false,
        }
    }
}

impl Loopback {
    /// Listens at an address of the guest's, or at all of them (0.0.0.0, `::`). Port 0 asks for a
    /// free one.
    ///
    /// # Errors
    /// [`Error::AddrInUse`], also between one address and all of them;
    /// [`Error::AddrNotAvailable`] if the address is not the guest's ([`Reach::Host`]).
    pub fn listen(&mut self, at: SocketAddr, options: ListenOptions) -> Result<SocketId, Error> {
        let (id, local) = self.bind(at, options.only_v6, false)?;
        let listener = Listener {
            backlog: options.backlog.max(1),
            queue: VecDeque::new(),
            line: VecDeque::new(),
        };
        self.sockets.insert(id, Socket::new(local, true, listener));
        Ok(id)
    }

    /// Takes an address for a socket to be; gives the id and the name that it will have.
    pub(crate) fn bind(
        &mut self,
        at: SocketAddr,
        only_v6: bool,
        datagrams: bool,
    ) -> Result<(SocketId, SocketAddr), Error> {
        if Reach::of(at.ip()) == Reach::Host {
            return Err(Error::AddrNotAvailable);
        }
        let id = self.new_id();
        let claim = Claim {
            at: canonical(at),
            only_v6,
        };
        let ports = match datagrams {
            true => &mut self.udp,
            false => &mut self.tcp,
        };
        let port = ports.claim(claim, id)?.port();
        Ok((id, SocketAddr::new(at.ip(), port)))
    }

    /// Takes the oldest connection from a listener's queue.
    ///
    /// # Errors
    /// [`TryError::WouldBlock`] if there is none: [`Interest::Read`](crate::Interest::Read) waits
    /// for one. [`Error::InvalidInput`] if it is no listener.
    pub fn try_accept(&mut self, id: SocketId) -> Result<SocketId, TryError> {
        let listener = self.socket(id)?.listener()?;
        let accepted = listener.queue.pop_front().ok_or(TryError::WouldBlock)?;
        self.advance_line(id)?;
        Ok(accepted)
    }

    /// The listener that takes connections to that address.
    pub(crate) fn listener_at(&self, to: SocketAddr) -> Option<SocketId> {
        self.tcp.owners(to).find(|id| {
            let socket = self.sockets.get(id);
            socket.is_some_and(|socket| matches!(socket.kind, Kind::Listener(_)))
        })
    }

    /// Moves who stands in line into the queue, as far as that has room.
    pub(crate) fn advance_line(&mut self, id: SocketId) -> Result<(), Error> {
        loop {
            let socket = self.socket(id)?;
            let is_v6 = socket.is_v6();
            let listener = socket.listener()?;
            if listener.queue.len() >= listener.backlog {
                return Ok(());
            }
            let Some(client) = listener.line.pop_front() else {
                return Ok(());
            };
            let far = self.join(client, is_v6)?;
            self.socket(id)?.listener()?.queue.push_back(far);
            self.wake(id);
        }
    }

    /// What the end of a listener means for those who came to it.
    pub(crate) fn send_away(&mut self, listener: Listener) {
        for far in listener.queue {
            if let Some(socket) = self.sockets.remove(&far)
                && let Kind::Stream(stream) = socket.kind
                && let Some(client) = stream.other
            {
                self.lose(client, true);
            }
        }
        for client in listener.line {
            if let Ok(stream) = self.socket(client).and_then(Socket::stream) {
                stream.state = State::Refused;
                self.wake(client);
            }
        }
    }
}
