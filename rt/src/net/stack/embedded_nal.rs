//! embedded-nal 0.9, the generation that polls with `nb`.
//!
//! A call that would wait lets other threads run before it says so: a loop of them keeps the
//! processor busy, but nobody out.

use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::task::{Poll, Waker};

use embedded_nal::{AddrType, Dns, TcpClientStack, TcpError, TcpErrorKind, TcpFullStack, nb};
use kernel::thread;

use super::{Family, Stack, best, no_reverse_lookup};
use crate::io::{self, ErrorKind};
use crate::net::socket::{Opening, Socket};
use crate::net::{Options, ToSocketAddrs};

/// A socket that is made first and told later what it is for.
#[derive(Debug)]
pub struct TcpSocket(State);

#[derive(Debug)]
enum State {
    New,
    Connecting(Opening),
    Bound(u16),
    Open(Arc<Socket>),
}

impl TcpSocket {
    fn open(&self) -> io::Result<&Arc<Socket>> {
        match &self.0 {
            State::Open(socket) => Ok(socket),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }
}

/// Tries, and once more when the others had their turn.
fn attempt<T>(mut poll: impl FnMut(&Waker) -> Poll<io::Result<T>>) -> nb::Result<T, io::Error> {
    let mut result = poll(Waker::noop());
    if result.is_pending() {
        thread::yield_now();
        result = poll(Waker::noop());
    }
    match result {
        Poll::Ready(result) => result.map_err(nb::Error::Other),
        Poll::Pending => Err(nb::Error::WouldBlock),
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, what)
}

impl TcpClientStack for Stack {
    type TcpSocket = TcpSocket;
    type Error = io::Error;

    fn socket(&mut self) -> io::Result<TcpSocket> {
        Ok(TcpSocket(State::New))
    }

    /// To be called until it no longer says `WouldBlock`. After an error the socket is new again.
    fn connect(&mut self, socket: &mut TcpSocket, remote: SocketAddr) -> nb::Result<(), io::Error> {
        let State::Connecting(opening) = &mut socket.0 else {
            if !matches!(socket.0, State::New) {
                return Err(nb::Error::Other(invalid("the socket is in use")));
            }
            let opening = Opening::connect(remote, &Options::new());
            socket.0 = State::Connecting(opening);
            return self.connect(socket, remote);
        };
        let result = attempt(|waker| opening.poll(waker));
        match result {
            Ok(open) => socket.0 = State::Open(open),
            Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
            Err(error) => {
                socket.0 = State::New;
                return Err(error);
            }
        }
        Ok(())
    }

    fn send(&mut self, socket: &mut TcpSocket, bytes: &[u8]) -> nb::Result<usize, io::Error> {
        let socket = socket.open()?;
        attempt(|waker| socket.poll_write(waker, bytes))
    }

    /// The end of the stream is an error of kind [`ErrorKind::UnexpectedEof`], which is
    /// `PipeClosed` here.
    fn receive(
        &mut self,
        socket: &mut TcpSocket,
        bytes: &mut [u8],
    ) -> nb::Result<usize, io::Error> {
        let socket = socket.open()?;
        match attempt(|waker| socket.poll_read(waker, bytes))? {
            0 if !bytes.is_empty() => Err(nb::Error::Other(ErrorKind::UnexpectedEof.into())),
            count => Ok(count),
        }
    }

    fn close(&mut self, socket: TcpSocket) -> io::Result<()> {
        drop(socket);
        Ok(())
    }
}

impl TcpFullStack for Stack {
    fn bind(&mut self, socket: &mut TcpSocket, port: u16) -> io::Result<()> {
        match socket.0 {
            State::New => {
                socket.0 = State::Bound(port);
                Ok(())
            }
            _ => Err(invalid("the socket is in use")),
        }
    }

    /// Waits until the host listens: at every address of its own.
    fn listen(&mut self, socket: &mut TcpSocket) -> io::Result<()> {
        let State::Bound(port) = socket.0 else {
            return Err(invalid("the socket is not bound"));
        };
        let at = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        let mut opening = Opening::listen(at, &Options::new());
        let opened = thread::wait(None, |waker| opening.poll(waker));
        socket.0 = State::Open(opened.expect("a wait without deadline ends with a result")?);
        Ok(())
    }

    /// The peer's address is 0.0.0.0:0 where the host does not tell it.
    fn accept(&mut self, socket: &mut TcpSocket) -> nb::Result<(TcpSocket, SocketAddr), io::Error> {
        let listener = socket.open()?;
        let (accepted, peer) = attempt(|waker| listener.poll_accept(waker))?;
        let peer = peer.unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        Ok((TcpSocket(State::Open(Arc::new(accepted))), peer))
    }
}

impl TcpError for io::Error {
    fn kind(&self) -> TcpErrorKind {
        match self.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => TcpErrorKind::PipeClosed,
            _ => TcpErrorKind::Other,
        }
    }
}

impl Dns for Stack {
    type Error = io::Error;

    /// Waits for the answer rather than say `WouldBlock`.
    fn get_host_by_name(&mut self, host: &str, family: AddrType) -> nb::Result<IpAddr, io::Error> {
        let family = match family {
            AddrType::IPv4 => Family::V4,
            AddrType::IPv6 => Family::V6,
            AddrType::Either => Family::Either,
        };
        Ok(best((host, 0).to_socket_addrs()?, family)?)
    }

    /// Always [`ErrorKind::Unsupported`].
    fn get_host_by_address(&mut self, _: IpAddr, _: &mut [u8]) -> nb::Result<usize, io::Error> {
        Ok(no_reverse_lookup()?)
    }
}
