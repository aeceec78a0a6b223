//! A socket whose other half is in this guest: see `net/local.rs`.

use core::net::SocketAddr;
use core::task::{Poll, Waker};

use loopback::{How, Interest, SocketId, TryError};
use pvcalls_front::{Errno, Readiness, SocketOption};

use crate::io;
use crate::net::{Options, Shutdown, local};

const NS_PER_MS: u64 = 1_000_000;

/// A socket of the guest's own table; dropping it closes it.
#[derive(Debug)]
pub(in crate::net) struct Local {
    id: SocketId,
}

impl Local {
    /// Begins to connect.
    pub(super) fn connect(to: SocketAddr) -> io::Result<Local> {
        let id = local::with(|sockets| sockets.connect(to))?;
        Ok(Local { id })
    }

    /// Listens.
    pub(super) fn listen(at: SocketAddr, options: &Options) -> io::Result<Local> {
        let id = local::with(|sockets| sockets.listen(at, options.listen_inside()))?;
        Ok(Local { id })
    }

    /// Binds a datagram socket.
    pub(super) fn bind_datagram(at: SocketAddr) -> io::Result<Local> {
        let id = local::with(|sockets| sockets.bind_datagram(at, false))?;
        Ok(Local { id })
    }

    /// See [`Opening::poll`](super::Opening::poll).
    pub(super) fn poll_open(&self, waker: &Waker) -> Poll<io::Result<()>> {
        local::poll(self.id, Interest::Connect, waker, |sockets| {
            sockets.try_connect(self.id)
        })
    }

    /// See [`Socket`](super::Socket), as for all that follow.
    pub(super) fn poll_read(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        local::poll(self.id, Interest::Read, waker, |sockets| {
            sockets.try_read(self.id, into)
        })
    }

    pub(super) fn poll_peek(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        local::poll(self.id, Interest::Read, waker, |sockets| {
            sockets.peek(self.id, into)
        })
    }

    pub(super) fn poll_write(&self, waker: &Waker, from: &[u8]) -> Poll<io::Result<usize>> {
        local::poll(self.id, Interest::Write, waker, |sockets| {
            sockets.try_write(self.id, from)
        })
    }

    pub(super) fn poll_accept(
        &self,
        waker: &Waker,
    ) -> Poll<io::Result<(Local, Option<SocketAddr>)>> {
        local::poll(self.id, Interest::Read, waker, |sockets| {
            let id = sockets.try_accept(self.id)?;
            Ok((Local { id }, sockets.peer_addr(id).ok()))
        })
    }

    pub(super) fn poll_receive_from(
        &self,
        waker: &Waker,
        into: &mut [u8],
        consume: bool,
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        local::poll(self.id, Interest::Read, waker, |sockets| {
            let received = sockets.try_receive_from(self.id, into, consume)?;
            Ok((received.bytes, received.from))
        })
    }

    pub(super) fn poll_send_to(
        &self,
        waker: &Waker,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Poll<io::Result<()>> {
        local::poll(self.id, Interest::Write, waker, |sockets| {
            sockets.try_send_to(self.id, bytes, to)
        })
    }

    pub(super) fn set_peer(&self, to: Option<SocketAddr>) -> io::Result<()> {
        Ok(local::with(|sockets| sockets.set_peer(self.id, to))?)
    }

    pub(super) fn poll_ready(&self, wanted: Readiness, waker: &Waker) -> Poll<io::Result<()>> {
        let interest = match wanted.contains(Readiness::READABLE) {
            true => Interest::Read,
            false => Interest::Write,
        };
        local::poll(self.id, interest, waker, |sockets| {
            let now = local::as_readiness(sockets.readiness(self.id)?);
            match now.intersects(wanted) {
                true => Ok(()),
                false => Err(TryError::WouldBlock),
            }
        })
    }

    pub(super) fn readiness(&self) -> io::Result<Readiness> {
        let ready = local::with(|sockets| sockets.readiness(self.id))?;
        Ok(local::as_readiness(ready))
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(local::with(|sockets| sockets.local_addr(self.id))?)
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(local::with(|sockets| sockets.peer_addr(self.id))?)
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => How::Read,
            Shutdown::Write => How::Write,
            Shutdown::Both => How::Both,
        };
        Ok(local::with(|sockets| sockets.shutdown(self.id, how))?)
    }

    pub(super) fn set_option(&self, option: SocketOption, value: i64) -> io::Result<()> {
        let invalid = || io::Error::from_raw_os_error(Errno::EINVAL.number());
        local::with(|sockets| {
            let options = sockets.options(self.id)?;
            match (option, value) {
                (SocketOption::NoDelay, 0 | 1) => options.nodelay = value == 1,
                (SocketOption::Broadcast, 0 | 1) => options.broadcast = value == 1,
                (SocketOption::Ttl, 1..=255) => {
                    options.ttl = u8::try_from(value).map_err(|_| invalid())?;
                }
                (SocketOption::Linger, -1) => options.linger_ns = None,
                (SocketOption::Linger, ms) => {
                    let ms = u64::try_from(ms).map_err(|_| invalid())?;
                    options.linger_ns = Some(ms.saturating_mul(NS_PER_MS));
                }
                (SocketOption::NoDelay | SocketOption::Broadcast | SocketOption::Ttl, _) => {
                    return Err(invalid());
                }
                _ => return Err(no_such_option()),
            }
            Ok(())
        })
    }

    pub(super) fn option(&self, option: SocketOption) -> io::Result<i64> {
        local::with(|sockets| {
            let options = sockets.options(self.id)?;
            Ok(match option {
                SocketOption::NoDelay => i64::from(options.nodelay),
                SocketOption::Broadcast => i64::from(options.broadcast),
                SocketOption::Ttl => i64::from(options.ttl),
                SocketOption::Linger => match options.linger_ns {
                    None => -1,
                    Some(ns) => i64::try_from(ns / NS_PER_MS).unwrap_or(i64::MAX),
                },
                _ => return Err(no_such_option()),
            })
        })
    }

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let error = local::with(|sockets| sockets.take_error(self.id))?;
        Ok(error.map(io::Error::from))
    }
}

/// An option that sockets inside the guest have not.
fn no_such_option() -> io::Error {
    io::Error::from_raw_os_error(Errno::ENOPROTOOPT.number())
}

impl Drop for Local {
    fn drop(&mut self) {
        local::close(self.id);
    }
}
