//! Listening sockets.

use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::net::{Ipv4Addr, SocketAddr};

use super::lookup::addresses;
use super::{TcpStream, none_worked};
use crate::io;
use crate::net::socket::{Opening, Socket};
use crate::net::{self, Options, ToSocketAddrs};

/// A TCP socket that listens, awaited: see [the module](super).
///
/// Any number of tasks may accept from it. Dropping the last clone closes it; connections that were
/// accepted stay.
pub struct TcpListener {
    socket: Arc<Socket>,
}

impl TcpListener {
    /// Listens at the first of the addresses where that works.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        TcpListener::bind_with(address, &Options::new()).await
    }

    /// As [`TcpListener::bind`], with settings.
    pub async fn bind_with(
        address: impl ToSocketAddrs,
        options: &Options,
    ) -> io::Result<TcpListener> {
        let mut last = None;
        for address in addresses(address).await? {
            let mut opening = Opening::listen(address, options);
            match poll_fn(|context| opening.poll(context.waker())).await {
                Ok(socket) => return Ok(TcpListener { socket }),
                Err(error) => last = Some(error),
            }
        }
        none_worked(last)
    }

    /// Waits for a connection, and tells where it comes from: 0.0.0.0:0 if the host cannot tell,
    /// as with version 1 of the protocol.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = poll_fn(|context| self.socket.poll_accept(context.waker())).await;
        let (socket, peer) = accepted?;
        let peer = peer.unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        Ok((TcpStream::from_socket(Arc::new(socket)), peer))
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

    /// This listener for code that waits by blocking its thread; also by `From`.
    pub fn into_blocking(self) -> net::TcpListener {
        net::TcpListener::from_socket(self.socket)
    }
}

impl From<net::TcpListener> for TcpListener {
    fn from(listener: net::TcpListener) -> TcpListener {
        TcpListener {
            socket: listener.into_socket(),
        }
    }
}

impl From<TcpListener> for net::TcpListener {
    fn from(listener: TcpListener) -> net::TcpListener {
        listener.into_blocking()
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
