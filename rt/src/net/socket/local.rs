//! A socket whose other half is in this guest: see `net/local.rs`.

use core::net::SocketAddr;
use core::task::{Poll, Waker};

use loopback::{How, Interest, ListenOptions, SocketId, TryError};
use pvcalls_front::Readiness;

use crate::io;
use crate::net::{Shutdown, local};

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
    pub(super) fn listen(at: SocketAddr) -> io::Result<Local> {
        let id = local::with(|sockets| sockets.listen(at, ListenOptions::default()))?;
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

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let error = local::with(|sockets| sockets.take_error(self.id))?;
        Ok(error.map(io::Error::from))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        local::close(self.id);
    }
}
