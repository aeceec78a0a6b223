//! UDP sockets.

use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::net::SocketAddr;

use super::lookup::addresses;
use super::none_worked;
use crate::io::{self, Error};
use crate::net::socket::{Opening, Socket, datagram_error};
use crate::net::udp::no_addresses;
use crate::net::{self, Options, ToSocketAddrs};

/// A UDP socket, awaited: see [the module](super), and [`net::UdpSocket`] for what it does and what it
/// needs.
pub struct UdpSocket {
    socket: Arc<Socket>,
}

impl UdpSocket {
    /// Binds to the first of the addresses that can be had; the errors are those of
    /// [`net::UdpSocket::bind`].
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        UdpSocket::bind_with(address, &Options::new()).await
    }

    /// As [`UdpSocket::bind`], with settings.
    pub async fn bind_with(
        address: impl ToSocketAddrs,
        options: &Options,
    ) -> io::Result<UdpSocket> {
        let mut last = None;
        for address in addresses(address).await? {
            let mut opening = Opening::datagrams(address, options);
            match poll_fn(|context| opening.poll(context.waker())).await {
                Ok(socket) => return Ok(UdpSocket { socket }),
                Err(error) => last = Some(error),
            }
        }
        none_worked(last)
    }

    /// Another handle to the same socket.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        let socket = self.socket.clone();
        Ok(UdpSocket { socket })
    }

    /// Makes the first of the addresses that can be had the default peer.
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let mut last = None;
        for to in addresses(address).await? {
            let mut call = self.socket.set_peer(to);
            match poll_fn(|context| call.poll(context.waker())).await {
                Ok(_) => {
                    self.socket.note_peer(to);
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        none_worked(last)
    }

    /// Receives a datagram: how many bytes were put into `bytes`, and who sent it.
    pub async fn recv_from(&self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|context| self.socket.poll_receive_from(context.waker(), bytes, true)).await
    }

    /// As [`recv_from`](UdpSocket::recv_from), and leaves the datagram to be received again.
    pub async fn peek_from(&self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|context| self.socket.poll_receive_from(context.waker(), bytes, false)).await
    }

    /// Receives a datagram, of which only the bytes matter.
    pub async fn recv(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let (count, _) = self.recv_from(bytes).await?;
        Ok(count)
    }

    /// Sends a datagram to the first of the addresses. How many bytes it had.
    pub async fn send_to(&self, bytes: &[u8], address: impl ToSocketAddrs) -> io::Result<usize> {
        let to = { addresses(address).await? }.into_iter().next();
        let to = to.ok_or_else(no_addresses)?;
        poll_fn(|context| self.socket.poll_send_to(context.waker(), bytes, Some(to))).await
    }

    /// Sends a datagram to the default peer. How many bytes it had.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|context| self.socket.poll_send_to(context.waker(), bytes, None)).await
    }

    /// Waits until receiving would not wait: for a datagram, or an error.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.socket.poll_readable(context.waker())).await
    }

    /// What went wrong, and forgets it: see [`net::UdpSocket::take_error`].
    pub async fn take_error(&self) -> io::Result<Option<Error>> {
        if let Some(error) = self.socket.take_error()? {
            return Ok(Some(error));
        }
        let mut call = self.socket.datagram_error();
        let number = poll_fn(|context| call.poll(context.waker())).await?;
        Ok(datagram_error(number))
    }

    /// The address of this socket, as the guest sees it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The default peer.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }
}

impl From<net::UdpSocket> for UdpSocket {
    fn from(socket: net::UdpSocket) -> UdpSocket {
        let socket = socket.into_socket();
        UdpSocket { socket }
    }
}

impl From<UdpSocket> for net::UdpSocket {
    fn from(socket: UdpSocket) -> net::UdpSocket {
        net::UdpSocket::from_socket(socket.socket)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("UdpSocket");
        if let Ok(address) = self.local_addr() {
            text.field("addr", &address);
        }
        text.finish_non_exhaustive()
    }
}
