//! edge-nal 0.7.

use core::net::{IpAddr, SocketAddr};

use edge_nal::{
    AddrType, Close, Dns, Readable, TcpAccept, TcpBind, TcpConnect, TcpShutdown, TcpSplit,
};
use embedded_io_async::Read as _;

use super::{Family, Stack, host_by_name, no_reverse_lookup};
use crate::io;
use crate::net::Shutdown;
use crate::net::aio::{ReadHalf, TcpListener, TcpStream, WriteHalf};

impl TcpConnect for Stack {
    type Error = io::Error;
    type Socket<'a> = TcpStream;

    async fn connect(&self, remote: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(remote).await
    }
}

impl TcpBind for Stack {
    type Error = io::Error;
    type Accept<'a> = TcpListener;

    async fn bind(&self, local: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(local).await
    }
}

impl TcpAccept for TcpListener {
    type Error = io::Error;
    type Socket<'a> = TcpStream;

    async fn accept(&self) -> io::Result<(SocketAddr, TcpStream)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        Ok((peer, stream))
    }
}

impl TcpSplit for TcpStream {
    type Read<'a> = ReadHalf<'a>;
    type Write<'a> = WriteHalf<'a>;

    fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        TcpStream::split(self)
    }
}

impl Readable for TcpStream {
    async fn readable(&mut self) -> io::Result<()> {
        TcpStream::readable(self).await
    }
}

impl Readable for ReadHalf<'_> {
    async fn readable(&mut self) -> io::Result<()> {
        TcpStream::readable(self).await
    }
}

impl TcpShutdown for TcpStream {
    /// As the trait says: writing ends with a FIN, reading when the peer has sent its own. What
    /// version 1 of PV Calls cannot do, end one direction, is an error; both end at once there.
    async fn close(&mut self, what: Close) -> io::Result<()> {
        match what {
            Close::Both => end(self, Shutdown::Both).await,
            Close::Write => end(self, Shutdown::Write).await,
            Close::Read => {
                let mut rest = [0; 256];
                while self.read(&mut rest).await? > 0 {}
                Ok(())
            }
        }
    }

    /// Ends both directions. Bytes that were written are sent all the same: the host's socket
    /// cannot be told to forget them.
    async fn abort(&mut self) -> io::Result<()> {
        end(self, Shutdown::Both).await
    }
}

/// Ends directions; what has ended already is no error.
async fn end(stream: &TcpStream, how: Shutdown) -> io::Result<()> {
    match stream.shutdown(how).await {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
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
