//! TCP connections.

use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use pvcalls_front::SocketOption;

use super::{options, try_each};
use crate::io;
use crate::net::error::zero_timeout;
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
    /// The kinds that std gives, of the last address that was tried. Also:
    /// * [`Unsupported`](io::ErrorKind::Unsupported): IPv6, with version 1 of the protocol;
    /// * [`PermissionDenied`](io::ErrorKind::PermissionDenied): the host's policy forbids it;
    /// * [`NetworkDown`](io::ErrorKind::NetworkDown): the host's backend was in use, went away, and
    ///   is not back after ten seconds; [`NotFound`](io::ErrorKind::NotFound): the domain has no
    ///   PV Calls device; [`TimedOut`](io::ErrorKind::TimedOut): nobody serves it, or nobody
    ///   answers at the address;
    /// * [`OutOfMemory`](io::ErrorKind::OutOfMemory), or one with the number of `ENOBUFS` or
    ///   `EMFILE`: no memory, grants or ports for another socket, here or in the host.
    pub fn connect<A: ToSocketAddrs>(address: A) -> io::Result<TcpStream> {
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
    pub fn connect_with<A: ToSocketAddrs>(address: A, options: &Options) -> io::Result<TcpStream> {
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

    /// The address of the other end. Unsupported for a stream that was accepted, if the backend
    /// knows version 1 of the protocol only.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The address of this end, the host's. Unsupported with version 1 of the protocol.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Ends one or both directions. What was written before is sent; what has come in can be read.
    ///
    /// # Errors
    /// Version 1 of the protocol has no half-close: [`Write`](Shutdown::Write) alone is
    /// [`Unsupported`](io::ErrorKind::Unsupported) then.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how).wait().map(drop)
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

    /// Whether small segments are sent at once, instead of waiting for more (Nagle's algorithm).
    /// With version 1 of the protocol they always wait, and `true` is unsupported.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        options::set(&self.socket, SocketOption::NoDelay, i64::from(nodelay), 0)
    }

    /// See [`TcpStream::set_nodelay`].
    pub fn nodelay(&self) -> io::Result<bool> {
        options::get(&self.socket, SocketOption::NoDelay, Some(0)).map(|value| value != 0)
    }

    /// How long a close goes on sending what was written: `None`, as long as the host allows. Zero
    /// makes it a reset, and drops what was written. A close never blocks. With version 1 of the
    /// protocol only `None` can be had.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        options::set_linger(&self.socket, linger)
    }

    /// See [`TcpStream::set_linger`].
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        options::linger(&self.socket)
    }

    /// How many hops a packet may take, 1 to 255. Unsupported with version 1 of the protocol.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        options::set_ttl(&self.socket, ttl)
    }

    /// See [`TcpStream::set_ttl`].
    pub fn ttl(&self) -> io::Result<u32> {
        options::ttl(&self.socket)
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
