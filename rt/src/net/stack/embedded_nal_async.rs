//! embedded-nal-async 0.9.

use core::net::{IpAddr, SocketAddr};

use embedded_nal_async::{AddrType, Dns, TcpConnect};

use super::{Family, Stack, host_by_name, no_reverse_lookup};
use crate::io;
use crate::net::aio::TcpStream;

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
