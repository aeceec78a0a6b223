//! TCP connections.

use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::try_each;
use crate::io;
use crate::net::error::{unsupported, zero_timeout};
use crate::net::socket::{Opening, Socket};
use crate::net::{Options, ToSocketAddrs};

/// Which directions [`TcpStream::shutdown`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    Both,
}

/// A TCP connection whose socket is the host's.
///
/// Dropping it, and all its clones, sends what was written and closes the connection, in the
/// background; the end of `main` waits for that.
pub struct TcpStream {
    pub(super) socket: Arc<Socket>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// The kinds that std gives, and [`ErrorKind::Unsupported`] for IPv6, which version 1 of
    /// the protocol does not carry, and for names. [`ErrorKind::NetworkDown`] if the host's
    /// backend was in use, went away, and is not back after ten seconds.
    ///
    /// [`ErrorKind::Unsupported`]: io::ErrorKind::Unsupported
    /// [`ErrorKind::NetworkDown`]: io::ErrorKind::NetworkDown
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        TcpStream::connect_with(address, &Options::new())
    }

    /// Connects, or fails with [`TimedOut`](io::ErrorKind::TimedOut) after that time.
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(zero_timeout());
        }
        TcpStream::connect_with(address, &Options::new().timeout(timeout))
    }

    /// As [`TcpStream::connect`], with settings; not in std.
    pub fn connect_with(address: impl ToSocketAddrs, options: &Options) -> io::Result<TcpStream> {
        try_each(address, |address| {
            let opened = Opening::connect(address, options).wait();
            opened.map(TcpStream::from_socket)
        })
    }

    pub(in crate::net) fn from_socket(socket: Arc<Socket>) -> TcpStream {
        TcpStream { socket }
    }

    pub(in crate::net) fn into_socket(self) -> Arc<Socket> {
        self.socket
    }

    /// Another handle to the same connection. Time-outs and non-blocking are shared.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream {
            socket: self.socket.clone(),
        })
    }

    /// Reads what [`Read::read`](io::Read::read) would, and leaves it to be read again. Sees no
    /// more than the data ring holds.
    pub fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let timeout = &self.socket.read_timeout;
        self.socket
            .block(timeout, |waker| self.socket.poll_peek(waker, bytes))
    }

    /// The address of the other end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Unsupported: version 1 of PV Calls does not tell the local address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Ends one or both directions.
    ///
    /// # Errors
    /// Version 1 of the protocol has no half-close: [`Read`](Shutdown::Read) and
    /// [`Write`](Shutdown::Write) are [`Unsupported`](io::ErrorKind::Unsupported) then.
    /// [`Both`](Shutdown::Both) works: what was written is sent, and what had come in is lost.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    /// What went wrong with the connection, if no call has told it yet.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// How long a read waits; `None` for ever. The error of a read that waited so long is
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), as on Unix.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.read_timeout.set(timeout)
    }

    /// See [`TcpStream::set_read_timeout`].
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.read_timeout.get())
    }

    /// How long a write waits; `None` for ever. The error of a write that waited so long is
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), as on Unix.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.write_timeout.set(timeout)
    }

    /// See [`TcpStream::set_write_timeout`].
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.write_timeout.get())
    }

    /// Whether reads and writes fail with [`WouldBlock`](io::ErrorKind::WouldBlock) rather than
    /// wait. Such a failure gives other threads a turn first.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// Unsupported when `true`: version 1 of PV Calls carries no socket options, and the
    /// host's socket delays small segments (Nagle's algorithm).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match nodelay {
            false => Ok(()),
            true => Err(unsupported(
                "nodelay: version 1 of PV Calls carries no socket options",
            )),
        }
    }

    /// Whether small segments are sent at once: never, see [`TcpStream::set_nodelay`].
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(false)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("TcpStream");
        if let Ok(address) = self.local_addr() {
            text.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            text.field("peer", &peer);
        }
        text.finish_non_exhaustive()
    }
}
