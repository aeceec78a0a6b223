//! Listening sockets.

use alloc::sync::Arc;
use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};

use super::{TcpStream, options, try_each};
use crate::io;
use crate::net::socket::{Opening, Socket};
use crate::net::{Options, ToSocketAddrs};

/// A TCP socket that listens; the host's.
///
/// Any number of threads may accept from one listener, or from clones of it. Dropping the last
/// clone closes it; connections that were accepted stay.
pub struct TcpListener {
    socket: Arc<Socket>,
}

impl TcpListener {
    /// Listens at the first of the addresses where that works. At port 0, at one that is free:
    /// [`local_addr`](Self::local_addr) tells which.
    ///
    /// # Errors
    /// The kinds that std gives, of the last address that was tried. Also:
    /// * [`PermissionDenied`](io::ErrorKind::PermissionDenied): the host's policy forbids it, as it
    ///   does for ports below 1024 unless it says otherwise;
    /// * [`Unsupported`](io::ErrorKind::Unsupported): IPv6, with version 1 of the protocol;
    /// * one with the number of `ENOBUFS`: more than 16 listeners.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<TcpListener> {
        TcpListener::bind_with(address, &Options::new())
    }

    /// As [`TcpListener::bind`], with settings; not in std.
    pub fn bind_with<A: ToSocketAddrs>(address: A, options: &Options) -> io::Result<TcpListener> {
        try_each(address, |address| {
            let socket = Opening::listen(address, options).wait()?;
            Ok(TcpListener { socket })
        })
    }

    pub(in crate::net) fn from_socket(socket: Arc<Socket>) -> TcpListener {
        TcpListener { socket }
    }

    pub(in crate::net) fn into_socket(self) -> Arc<Socket> {
        self.socket
    }

    /// Waits for a connection, and tells where it comes from: 0.0.0.0:0 if the host cannot tell,
    /// as with version 1 of the protocol. [`TcpStream::peer_addr`] is an error then.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.socket.block(&self.socket.read_timeout, |waker| {
            self.socket.poll_accept(waker)
        });
        let (socket, peer) = accepted?;
        let peer = peer.unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        Ok((TcpStream::from_socket(Arc::new(socket)), peer))
    }

    /// An iterator over the connections, as they come. It never ends.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// As [`TcpListener::incoming`], keeping the listener.
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming { listener: self }
    }

    /// The address it listens at; the port that was chosen, if it was bound to port 0.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Another handle to the same listener; connections go to one of those who accept.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener {
            socket: self.socket.clone(),
        })
    }

    /// Whether [`TcpListener::accept`] fails with [`WouldBlock`](io::ErrorKind::WouldBlock) rather
    /// than wait. Streams that are accepted are blocking, whatever is set here.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// What went wrong with the listener, if no call has told it yet.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// How many hops a packet may take, 1 to 255. Unsupported with version 1 of the protocol.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        options::set_ttl(&self.socket, ttl)
    }

    /// See [`TcpListener::set_ttl`].
    pub fn ttl(&self) -> io::Result<u32> {
        options::ttl(&self.socket)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("TcpListener");
        if let Ok(address) = self.local_addr() {
            text.field("addr", &address);
        }
        text.finish_non_exhaustive()
    }
}

/// Iterator of [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl core::iter::FusedIterator for Incoming<'_> {}

/// Iterator of [`TcpListener::into_incoming`].
#[derive(Debug)]
pub struct IntoIncoming {
    listener: TcpListener,
}

impl Iterator for IntoIncoming {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl core::iter::FusedIterator for IntoIncoming {}
