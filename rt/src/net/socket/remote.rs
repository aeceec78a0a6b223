//! A socket whose other half is in the host: the driver's handle, polled.

use core::net::SocketAddr;
use core::task::{Poll, Waker};

use pvcalls_front::{Frontend, Interest, Readiness, SocketId, TryError};

use crate::io;
use crate::net::driver::{self, Xen};
use crate::net::error::unsupported;
use crate::net::options::Options;

/// A socket of the driver's; dropping it closes it.
#[derive(Debug)]
pub(in crate::net) struct Remote {
    id: SocketId,
    /// What a stream is connected to, if the guest knows it by itself.
    peer: Option<SocketAddr>,
}

impl Remote {
    /// Begins to connect. The device must be up.
    pub(super) fn connect(
        to: SocketAddr,
        options: &Options,
        deadline_ns: Option<u64>,
    ) -> io::Result<Remote> {
        let options = options.connect(deadline_ns);
        let id = driver::with(|frontend, now_ns| frontend.connect(to, options, now_ns))?;
        let peer = Some(to);
        Ok(Remote { id, peer })
    }

    /// Begins to listen. The device must be up.
    pub(super) fn listen(
        at: SocketAddr,
        _options: &Options,
        _deadline_ns: Option<u64>,
    ) -> io::Result<Remote> {
        Err(unsupported(alloc::format!(
            "listen at {at}: no listening sockets yet"
        )))
    }

    /// See [`Opening::poll`](super::Opening::poll).
    pub(super) fn poll_open(&self, waker: &Waker) -> Poll<io::Result<()>> {
        self.attempt(Interest::Connect, waker, |frontend, _| {
            frontend.try_connect(self.id)
        })
    }

    /// See [`Socket`](super::Socket), as for all that follow.
    pub(super) fn poll_read(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.attempt(Interest::Read, waker, |frontend, _| {
            frontend.try_read(self.id, into)
        })
    }

    pub(super) fn poll_peek(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.attempt(Interest::Read, waker, |frontend, _| {
            frontend.peek(self.id, into)
        })
    }

    pub(super) fn poll_write(&self, waker: &Waker, from: &[u8]) -> Poll<io::Result<usize>> {
        self.attempt(Interest::Write, waker, |frontend, now_ns| {
            frontend.try_write(self.id, from, now_ns)
        })
    }

    pub(super) fn poll_accept(
        &self,
        _waker: &Waker,
    ) -> Poll<io::Result<(Remote, Option<SocketAddr>)>> {
        Poll::Ready(Err(unsupported("no listening sockets yet")))
    }

    pub(super) fn poll_ready(&self, wanted: Readiness, waker: &Waker) -> Poll<io::Result<()>> {
        let interest = match wanted.contains(Readiness::READABLE) {
            true => Interest::Read,
            false => Interest::Write,
        };
        self.attempt(interest, waker, |frontend, _| {
            let now = frontend.readiness(self.id).map_err(TryError::Failed)?;
            match now.intersects(wanted) {
                true => Ok(()),
                false => Err(TryError::WouldBlock),
            }
        })
    }

    pub(super) fn readiness(&self) -> io::Result<Readiness> {
        driver::with(|frontend, _| frontend.readiness(self.id))
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(unsupported(
            "local_addr: version 1 of PV Calls does not tell it",
        ))
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer.ok_or_else(|| {
            unsupported("peer_addr: version 1 of PV Calls does not tell who connected")
        })
    }

    /// What has gone wrong with the connection.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let result = driver::with(|frontend, _| match frontend.try_connect(self.id) {
            Err(TryError::Failed(error)) => Err(error),
            Ok(()) | Err(TryError::WouldBlock) => Ok(()),
        });
        result.err()
    }

    /// Ends both directions, as dropping does.
    pub(super) fn end(&self) {
        driver::close(self.id, None);
    }

    /// Tries something, and registers the waker if it has to wait.
    fn attempt<T>(
        &self,
        interest: Interest,
        waker: &Waker,
        attempt: impl FnOnce(&mut Frontend<Xen>, u64) -> Result<T, TryError>,
    ) -> Poll<io::Result<T>> {
        let result = driver::with(|frontend, now_ns| match attempt(frontend, now_ns) {
            Ok(value) => Ok(Poll::Ready(value)),
            // The end of the domain closed it: there is nobody to tell any more.
            Err(TryError::Failed(_)) if driver::is_ending() => Ok(Poll::Pending),
            Err(TryError::Failed(error)) => Err(error),
            Err(TryError::WouldBlock) if waker.will_wake(Waker::noop()) => Ok(Poll::Pending),
            Err(TryError::WouldBlock) => frontend
                .register(self.id, interest, waker)
                .map(|()| Poll::Pending),
        });
        match result {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        driver::close(self.id, None);
    }
}
