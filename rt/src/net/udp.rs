//! UDP, blocking, as in std.

use alloc::sync::Arc;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use pvcalls_front::{Errno, SocketOption};

use super::socket::{Opening, Socket, datagram_error};
use super::tcp::{options, try_each};
use super::{Options, ToSocketAddrs};
use crate::io::{self, Error, ErrorKind};

/// A UDP socket of the host's.
///
/// It needs a backend with `feature-udp`, as pvcallsd is; with version 1 of the protocol there are
/// datagrams inside the guest only (127.0.0.0/8 and ::1), and [`bind`](UdpSocket::bind) to any other
/// address is [`Unsupported`](ErrorKind::Unsupported).
///
/// A socket bound to 0.0.0.0 or `[::]` sends to and receives from this guest and all others. When
/// the host's backend goes away, one call fails with
/// [`ConnectionReset`](ErrorKind::ConnectionReset); sending fails with
/// [`NetworkDown`](ErrorKind::NetworkDown) until it is back, and then the socket is bound to the same
/// port again, and goes on, with the peer and the options that it had.
///
/// # What is not as on Linux
/// * What the network thinks of a datagram that was sent (that nobody listens, or that the host's
///   policy forbids it) comes by [`take_error`](UdpSocket::take_error) alone; no later call fails
///   with it.
/// * A datagram must fit into the socket's ring. [`datagram_limit`](UdpSocket::datagram_limit) is
///   65507 bytes unless memory is short or the ring was chosen smaller. Longer ones are
///   `EMSGSIZE`, or come in cut.
/// * There is no multicast: the protocol has no word for it.
pub struct UdpSocket {
    socket: Arc<Socket>,
}

impl UdpSocket {
    /// Binds to the first of the addresses that can be had. Port 0 lets the host choose.
    ///
    /// # Errors
    /// The kinds that std gives; [`Unsupported`](ErrorKind::Unsupported) with version 1 of the
    /// protocol; [`PermissionDenied`](ErrorKind::PermissionDenied) if the host's policy forbids it.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<UdpSocket> {
        UdpSocket::bind_with(address, &Options::new())
    }

    /// As [`UdpSocket::bind`], with settings ([`Options::ring_order`] and [`Options::timeout`]
    /// count); not in std.
    pub fn bind_with<A: ToSocketAddrs>(address: A, options: &Options) -> io::Result<UdpSocket> {
        try_each(address, |address| {
            let opened = Opening::datagrams(address, options).wait();
            opened.map(UdpSocket::from_socket)
        })
    }

    pub(super) fn from_socket(socket: Arc<Socket>) -> UdpSocket {
        UdpSocket { socket }
    }

    pub(super) fn into_socket(self) -> Arc<Socket> {
        self.socket
    }

    /// Receives a datagram: how many bytes were put into `bytes`, and who sent it. What is longer
    /// is cut.
    pub fn recv_from(&self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(bytes, true)
    }

    /// As [`recv_from`](UdpSocket::recv_from), and leaves the datagram to be received again.
    pub fn peek_from(&self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(bytes, false)
    }

    /// Sends a datagram to the first of the addresses. How many bytes it had.
    pub fn send_to<A: ToSocketAddrs>(&self, bytes: &[u8], address: A) -> io::Result<usize> {
        let to = address.to_socket_addrs()?.next().ok_or_else(no_addresses)?;
        self.send_datagram(bytes, Some(to))
    }

    /// The default peer.
    ///
    /// # Errors
    /// [`NotConnected`](ErrorKind::NotConnected) if there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The address of this socket, as the guest sees it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The longest datagram that this socket carries outside of the guest, in bytes; not in std.
    pub fn datagram_limit(&self) -> io::Result<usize> {
        self.socket.datagram_limit()
    }

    /// Another handle to the same socket. Time-outs and non-blocking are shared.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        Ok(UdpSocket::from_socket(self.socket.clone()))
    }

    /// How long receiving waits; `None` for ever. The error is
    /// [`WouldBlock`](ErrorKind::WouldBlock), as on Unix.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.read_timeout.set(timeout)
    }

    /// How long sending waits for room; `None` for ever.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.write_timeout.set(timeout)
    }

    /// See [`UdpSocket::set_read_timeout`].
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.read_timeout.get())
    }

    /// See [`UdpSocket::set_write_timeout`].
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.write_timeout.get())
    }

    /// Whether datagrams may go to broadcast addresses. The host's policy has its word, too.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        let call = self
            .socket
            .set_option(SocketOption::Broadcast, i64::from(broadcast));
        call.wait().map(drop)
    }

    /// See [`UdpSocket::set_broadcast`].
    pub fn broadcast(&self) -> io::Result<bool> {
        let value = self.socket.option(SocketOption::Broadcast).wait()?;
        Ok(value != 0)
    }

    /// Unsupported: there is no multicast.
    pub fn set_multicast_loop_v4(&self, _: bool) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn set_multicast_ttl_v4(&self, _: u32) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn set_multicast_loop_v6(&self, _: bool) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn join_multicast_v4(&self, _: &Ipv4Addr, _: &Ipv4Addr) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn join_multicast_v6(&self, _: &Ipv6Addr, _: u32) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn leave_multicast_v4(&self, _: &Ipv4Addr, _: &Ipv4Addr) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Unsupported: there is no multicast.
    pub fn leave_multicast_v6(&self, _: &Ipv6Addr, _: u32) -> io::Result<()> {
        Err(no_multicast())
    }

    /// How many hops a packet may take, 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        options::set_ttl(&self.socket, ttl)
    }

    /// See [`UdpSocket::set_ttl`].
    pub fn ttl(&self) -> io::Result<u32> {
        options::ttl(&self.socket)
    }

    /// What went wrong with the socket, or with the last datagram that could not be sent or
    /// delivered, and forgets it. Asks the host.
    pub fn take_error(&self) -> io::Result<Option<Error>> {
        if let Some(error) = self.socket.take_error()? {
            return Ok(Some(error));
        }
        self.socket.datagram_error().wait().map(datagram_error)
    }

    /// Makes the first of the addresses that can be had the default peer: datagrams without a
    /// receiver go there, and nobody else's come in.
    pub fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        try_each(address, |to| {
            self.socket.set_peer(to).wait()?;
            self.socket.note_peer(to);
            Ok(())
        })
    }

    /// Sends a datagram to the default peer. How many bytes it had.
    ///
    /// # Errors
    /// `EDESTADDRREQ` without one.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_datagram(bytes, None)
    }

    /// Receives a datagram, as [`recv_from`](UdpSocket::recv_from) does.
    pub fn recv(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.receive(bytes, true).map(|(count, _)| count)
    }

    /// As [`recv`](UdpSocket::recv), and leaves the datagram to be received again.
    pub fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.receive(bytes, false).map(|(count, _)| count)
    }

    /// Whether calls fail with [`WouldBlock`](ErrorKind::WouldBlock) rather than wait. Such a failure
    /// gives other threads a turn first.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    fn receive(&self, bytes: &mut [u8], consume: bool) -> io::Result<(usize, SocketAddr)> {
        self.socket.block(&self.socket.read_timeout, |waker| {
            self.socket.poll_receive_from(waker, bytes, consume)
        })
    }

    fn send_datagram(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        self.socket.block(&self.socket.write_timeout, |waker| {
            self.socket.poll_send_to(waker, bytes, to)
        })
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

/// An address that means nobody, in std's words.
pub(super) fn no_addresses() -> Error {
    Error::new(ErrorKind::InvalidInput, "no addresses to send data to")
}

fn no_multicast() -> Error {
    let text = "PV Calls has no multicast: neither version 1 nor pvcallsd's extensions";
    Error::from_os(Errno::EOPNOTSUPP.number(), text)
}
