//! embedded-nal-async 0.9.

use core::net::{IpAddr, SocketAddr};

use embedded_nal_async::{AddrType, ConnectedUdp, Dns, TcpConnect, UdpStack, UnconnectedUdp};

use super::{Family, Stack, host_by_name, no_reverse_lookup};
use crate::io;
use crate::net::aio::{TcpStream, UdpSocket};

impl TcpConnect for Stack {
    type Error = io::Error;
    type Connection<'a> = TcpStream;

    async fn connect(&self, remote: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(remote).await
    }
}

impl Dns for Stack {
    type Error = io::Error;

    async fn get_host_by_name(&self, host: &str, family: AddrType) -> io::Result<IpAddr> {
        let family = match family {
            AddrType::IPv4 => Family::V4,
            AddrType::IPv6 => Family::V6,
            AddrType::Either => Family::Either,
        };
        host_by_name(host, family).await
    }

    /// Always [`io::ErrorKind::Unsupported`].
    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> io::Result<usize> {
        no_reverse_lookup()
    }
}

impl UdpStack for Stack {
    type Error = io::Error;
    type Connected = UdpSocket;
    type UniquelyBound = UdpSocket;
    type MultiplyBound = UdpSocket;

    async fn connect_from(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> io::Result<(SocketAddr, UdpSocket)> {
        let socket = UdpSocket::bind(local).await?;
        socket.connect(remote).await?;
        Ok((socket.local_addr()?, socket))
    }

    async fn bind_single(&self, local: SocketAddr) -> io::Result<(SocketAddr, UdpSocket)> {
        let socket = UdpSocket::bind(local).await?;
        Ok((socket.local_addr()?, socket))
    }

    /// Always [`io::ErrorKind::Unsupported`]: nobody tells which of the host's addresses a datagram
    /// came to.
    async fn bind_multiple(&self, _: SocketAddr) -> io::Result<UdpSocket> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "PV Calls does not tell which address a datagram came to",
        ))
    }
}

impl ConnectedUdp for UdpSocket {
    type Error = io::Error;

    async fn send(&mut self, data: &[u8]) -> io::Result<()> {
        UdpSocket::send(self, data).await.map(drop)
    }

    async fn receive_into(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.recv(bytes).await
    }
}

/// The local address is the socket's.
impl UnconnectedUdp for UdpSocket {
    type Error = io::Error;

    async fn send(&mut self, _: SocketAddr, remote: SocketAddr, data: &[u8]) -> io::Result<()> {
        self.send_to(data, remote).await.map(drop)
    }

    async fn receive_into(
        &mut self,
        bytes: &mut [u8],
    ) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        let (count, remote) = self.recv_from(bytes).await?;
        Ok((count, self.local_addr()?, remote))
    }
}
