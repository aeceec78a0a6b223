//! A socket whose other half is in the host: the driver's handle, polled.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Poll, Waker};
use core::time::Duration;

use kernel::time::FOREVER_NS;
use pvcalls_front::{Call, Frontend, How, Interest, Readiness, SocketId, SocketOption, TryError};

use super::Calling;
use crate::io;
use crate::net::Shutdown;
use crate::net::driver::{self, Xen};
use crate::net::options::Options;

/// A socket of the driver's; dropping it closes it.
#[derive(Debug)]
pub(in crate::net) struct Remote {
    id: SocketId,
    /// How long bytes may stand still when it is closed; [`FOREVER_NS`]: what the driver thinks
    /// right.
    linger_ns: AtomicU64,
}

impl Remote {
    fn new(id: SocketId) -> Remote {
        Remote {
            id,
            linger_ns: AtomicU64::new(FOREVER_NS),
        }
    }

    /// Begins to connect. The device must be up.
    pub(super) fn connect(
        to: SocketAddr,
        options: &Options,
        deadline_ns: Option<u64>,
    ) -> io::Result<Remote> {
        let options = options.connect(deadline_ns);
        let id = driver::with(|frontend, now_ns| frontend.connect(to, options, now_ns))?;
        Ok(Remote::new(id))
    }

    /// Begins to listen. The device must be up.
    pub(super) fn listen(
        at: SocketAddr,
        options: &Options,
        deadline_ns: Option<u64>,
    ) -> io::Result<Remote> {
        let options = options.listen(deadline_ns);
        let id = driver::with(|frontend, now_ns| frontend.listen(at, options, now_ns))?;
        Ok(Remote::new(id))
    }

    /// Begins to bind a datagram socket. The device must be up.
    pub(super) fn bind_datagram(
        at: SocketAddr,
        options: &Options,
        deadline_ns: Option<u64>,
    ) -> io::Result<Remote> {
        let options = options.connect(deadline_ns);
        let id = driver::with(|frontend, now_ns| frontend.bind_datagram(at, options, now_ns))?;
        Ok(Remote::new(id))
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
        waker: &Waker,
    ) -> Poll<io::Result<(Remote, Option<SocketAddr>)>> {
        self.attempt(Interest::Read, waker, |frontend, now_ns| {
            let id = frontend.try_accept(self.id, now_ns)?;
            Ok((Remote::new(id), frontend.peer_addr(id).ok()))
        })
    }

    pub(super) fn poll_receive_from(
        &self,
        waker: &Waker,
        into: &mut [u8],
        consume: bool,
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.attempt(Interest::Read, waker, |frontend, _| {
            let received = frontend.try_receive_from(self.id, into, consume)?;
            Ok((received.bytes, received.from))
        })
    }

    pub(super) fn poll_send_to(
        &self,
        waker: &Waker,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Poll<io::Result<()>> {
        self.attempt(Interest::Write, waker, |frontend, now_ns| {
            frontend.try_send_to(self.id, bytes, to, now_ns)
        })
    }

    pub(super) fn datagram_limit(&self) -> io::Result<usize> {
        driver::with(|frontend, _| frontend.datagram_limit(self.id))
    }

    pub(super) fn set_peer(&self, to: SocketAddr) -> Calling {
        Calling::remote(self.id, Call::SetPeer(to))
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
        driver::with(|frontend, _| frontend.local_addr(self.id))
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        driver::with(|frontend, _| frontend.peer_addr(self.id))
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> Calling {
        let how = match how {
            Shutdown::Read => How::Read,
            Shutdown::Write => How::Write,
            Shutdown::Both => How::Both,
        };
        Calling::remote(self.id, Call::Shutdown(how))
    }

    pub(super) fn set_option(&self, option: SocketOption, value: i64) -> Calling {
        Calling::remote(self.id, Call::SetOption(option, value))
    }

    pub(super) fn option(&self, option: SocketOption) -> Calling {
        Calling::remote(self.id, Call::GetOption(option))
    }

    pub(super) fn note_linger(&self, linger: Option<Duration>) {
        let ns = linger.map_or(FOREVER_NS, |linger| {
            u64::try_from(linger.as_nanos()).unwrap_or(FOREVER_NS)
        });
        self.linger_ns.store(ns, Ordering::Relaxed);
    }

    /// What has gone wrong with the connection.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let result = driver::with(|frontend, _| match frontend.try_connect(self.id) {
            Err(TryError::Failed(error)) => Err(error),
            Ok(()) | Err(TryError::WouldBlock) => Ok(()),
        });
        result.err()
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
        let linger_ns = match self.linger_ns.load(Ordering::Relaxed) {
            FOREVER_NS => None,
            ns => Some(ns),
        };
        driver::close(self.id, linger_ns);
    }
}
