//! edge-nal 0.7: datagrams.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::{
    MulticastV4, MulticastV6, Readable, UdpBind, UdpConnect, UdpReceive, UdpSend, UdpSplit,
    UdpSplitMulticast,
};
use embedded_io_async::ErrorType;

use super::Stack;
use crate::io;
use crate::net::aio::UdpSocket;

impl UdpBind for Stack {
    type Error = io::Error;
    type Socket<'a> = UdpSocket;

    async fn bind(&self, local: SocketAddr) -> io::Result<UdpSocket> {
        UdpSocket::bind(local).await
    }
}

impl UdpConnect for Stack {
    type Error = io::Error;
    type Socket<'a> = UdpSocket;

    async fn connect(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind(local).await?;
        socket.connect(remote).await?;
        Ok(socket)
    }
}

fn no_groups() -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "PV Calls knows no multicast groups",
    ))
}

/// The same for sockets and references to them.
macro_rules! datagrams {
    ($($type:ty),*) => { $(
        impl ErrorType for $type {
            type Error = io::Error;
        }

        impl Readable for $type {
            async fn readable(&mut self) -> io::Result<()> {
                UdpSocket::readable(self).await
            }
        }

        impl UdpReceive for $type {
            async fn receive(&mut self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
                self.recv_from(bytes).await
            }
        }

        impl UdpSend for $type {
            async fn send(&mut self, remote: SocketAddr, data: &[u8]) -> io::Result<()> {
                match self.peer_addr() {
                    Ok(_) => UdpSocket::send(self, data).await?,
                    Err(_) => self.send_to(data, remote).await?,
                };
                Ok(())
            }
        }

        /// Always [`io::ErrorKind::Unsupported`].
        impl MulticastV4 for $type {
            async fn join_v4(&mut self, _: Ipv4Addr, _: Ipv4Addr) -> io::Result<()> {
                no_groups()
            }

            async fn leave_v4(&mut self, _: Ipv4Addr, _: Ipv4Addr) -> io::Result<()> {
                no_groups()
            }
        }

        /// Always [`io::ErrorKind::Unsupported`].
        impl MulticastV6 for $type {
            async fn join_v6(&mut self, _: Ipv6Addr, _: u32) -> io::Result<()> {
                no_groups()
            }

            async fn leave_v6(&mut self, _: Ipv6Addr, _: u32) -> io::Result<()> {
                no_groups()
            }
        }
    )* };
}

datagrams!(UdpSocket, &UdpSocket);

impl UdpSplit for UdpSocket {
    type Receive<'a> = &'a UdpSocket;
    type Send<'a> = &'a UdpSocket;

    fn split(&mut self) -> (&UdpSocket, &UdpSocket) {
        (self, self)
    }
}

impl UdpSplitMulticast for UdpSocket {
    type MulticastV4<'a> = &'a UdpSocket;
    type MulticastV6<'a> = &'a UdpSocket;

    fn split_multicast(&mut self) -> (&UdpSocket, &UdpSocket, &UdpSocket, &UdpSocket) {
        (self, self, self, self)
    }
}
