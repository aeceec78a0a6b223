//! TCP connections.

use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::net::SocketAddr;

use super::lookup::addresses;
use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, none_worked};
use crate::io;
use crate::net::socket::{Opening, Socket};
use crate::net::{self, Options, Shutdown, ToSocketAddrs};

/// A TCP connection, awaited: see [the module](super).
///
/// Dropping it, and all its clones and halves, sends what was written and closes the connection, in
/// the background.
pub struct TcpStream {
    pub(super) socket: Arc<Socket>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers; the errors are those of
    /// [`net::TcpStream::connect`].
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        TcpStream::connect_with(address, &Options::new()).await
    }

    /// As [`TcpStream::connect`], with settings.
    pub async fn connect_with(
        address: impl ToSocketAddrs,
        options: &Options,
    ) -> io::Result<TcpStream> {
        let mut last = None;
        for address in addresses(address).await? {
            let mut opening = Opening::connect(address, options);
            match poll_fn(|context| opening.poll(context.waker())).await {
                Ok(socket) => return Ok(TcpStream { socket }),
                Err(error) => last = Some(error),
            }
        }
        none_worked(last)
    }

    pub(super) fn from_socket(socket: Arc<Socket>) -> TcpStream {
        TcpStream { socket }
    }

    /// Another handle to the same connection.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream::from_socket(self.socket.clone()))
    }

    /// Reads what is there, waiting for the first byte, and leaves it to be read again. Sees no
    /// more than the data ring holds. 0 at the end of the stream.
    pub async fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        poll_fn(|context| self.socket.poll_peek(context.waker(), bytes)).await
    }

    /// Waits until a read would not wait: for bytes, the end of the stream, or an error.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.socket.poll_readable(context.waker())).await
    }

    /// Waits until a write would not wait: for room, or an error.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|context| self.socket.poll_writable(context.waker())).await
    }

    /// Ends one or both directions; see [`net::TcpStream::shutdown`].
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let mut calling = self.socket.shutdown(how);
        let answer = poll_fn(|context| calling.poll(context.waker())).await;
        answer.map(drop)
    }

    /// Two halves that borrow the stream.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf::new(self), WriteHalf::new(self))
    }

    /// Two halves that can go to different tasks. The connection closes when both are gone.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let other = TcpStream::from_socket(self.socket.clone());
        (OwnedReadHalf::new(self), OwnedWriteHalf::new(other))
    }

    /// The address of the other end; see [`net::TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The address of this end; see [`net::TcpStream::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// This connection for code that waits by blocking its thread; also by `From`.
    pub fn into_blocking(self) -> net::TcpStream {
        net::TcpStream::from_socket(self.socket)
    }
}

impl From<net::TcpStream> for TcpStream {
    fn from(stream: net::TcpStream) -> TcpStream {
        TcpStream::from_socket(stream.into_socket())
    }
}

impl From<TcpStream> for net::TcpStream {
    fn from(stream: TcpStream) -> net::TcpStream {
        stream.into_blocking()
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
