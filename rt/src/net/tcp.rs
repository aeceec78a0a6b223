//! TCP connections.

use core::fmt;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Poll, Waker};
use core::time::Duration;

use kernel::thread;
use kernel::time::FOREVER_NS;
use pvcalls_front::{ConnectOptions, Frontend, Interest, SocketId, TryError};

use super::ToSocketAddrs;
use super::driver::{self, Xen, unsupported};
use crate::io::{self, ErrorKind, ErrorType, Read, Write};
use crate::time::deadline_ns;

/// Which directions [`TcpStream::shutdown`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    Both,
}

/// A TCP connection whose socket is the host's.
///
/// Dropping it sends what was written and closes the connection, in the background; the end
/// of `main` waits for that.
pub struct TcpStream {
    id: SocketId,
    peer: SocketAddr,
    read_timeout: Timeout,
    write_timeout: Timeout,
}

/// An optional time-out in ns.
struct Timeout(AtomicU64);

impl Timeout {
    const fn none() -> Timeout {
        Timeout(AtomicU64::new(FOREVER_NS))
    }

    fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            FOREVER_NS => None,
            ns => Some(Duration::from_nanos(ns)),
        }
    }

    fn set(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        let ns = timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok());
        self.0.store(ns.unwrap_or(FOREVER_NS), Ordering::Relaxed);
        Ok(())
    }

    fn deadline_ns(&self) -> Option<u64> {
        self.get().map(deadline_ns)
    }
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// The kinds that std gives, and [`ErrorKind::Unsupported`] for IPv6, which version 1 of
    /// the protocol does not carry, and for names. [`ErrorKind::NetworkDown`] if the host's
    /// backend was in use, went away, and is not back after ten seconds.
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let mut last = None;
        for address in address.to_socket_addrs()? {
            match Self::connect_by(address, None) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            io::Error::new(
                ErrorKind::InvalidInput,
                "could not resolve to any addresses",
            )
        }))
    }

    /// Connects, or fails with [`ErrorKind::TimedOut`] after that time.
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "cannot set a 0 duration timeout",
            ));
        }
        Self::connect_by(*address, Some(deadline_ns(timeout)))
    }

    fn connect_by(peer: SocketAddr, deadline_ns: Option<u64>) -> io::Result<TcpStream> {
        let SocketAddr::V4(address) = peer else {
            return Err(unsupported("IPv6: version 1 of PV Calls carries IPv4 only"));
        };
        let options = ConnectOptions {
            deadline_ns,
            ..ConnectOptions::default()
        };
        let id = driver::with(|frontend, now| frontend.connect(address.into(), options, now))??;
        let (read_timeout, write_timeout) = (Timeout::none(), Timeout::none());
        // From here on dropping it gives the socket back.
        let stream = TcpStream {
            id,
            peer,
            read_timeout,
            write_timeout,
        };
        // The driver keeps the deadline: it knows what a connect given up still holds.
        stream.block_on(None, Interest::Connect, |frontend, _| {
            frontend.try_connect(id)
        })?;
        Ok(stream)
    }

    /// Tries until it is ready, fails, or the deadline has come.
    fn block_on<T>(
        &self,
        deadline_ns: Option<u64>,
        interest: Interest,
        mut attempt: impl FnMut(&mut Frontend<Xen>, u64) -> Result<T, TryError>,
    ) -> io::Result<T> {
        let poll = |waker: &Waker| {
            let result = driver::with(|frontend, now| match attempt(frontend, now) {
                Ok(value) => Poll::Ready(Ok(value)),
                Err(TryError::Failed(_)) if driver::is_ending() => Poll::Pending,
                Err(TryError::Failed(error)) => Poll::Ready(Err(io::Error::from(error))),
                Err(TryError::WouldBlock) => match frontend.register(self.id, interest, waker) {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(io::Error::from(error))),
                },
            });
            result.unwrap_or_else(|error| Poll::Ready(Err(error)))
        };
        // std reports a time-out of read and write as WouldBlock on Unix.
        thread::wait(deadline_ns, poll).unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))
    }

    /// Reads what is there, waiting for the first byte; 0 at the end of the stream.
    pub fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let deadline = self.read_timeout.deadline_ns();
        self.block_on(deadline, Interest::Read, |frontend, _| {
            frontend.try_read(self.id, bytes)
        })
    }

    /// As [`TcpStream::read`], leaving the bytes to be read again. Sees no more than the
    /// data ring holds.
    pub fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let deadline = self.read_timeout.deadline_ns();
        self.block_on(deadline, Interest::Read, |frontend, _| {
            frontend.peek(self.id, bytes)
        })
    }

    /// Writes what fits, waiting for room for the first byte.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let deadline = self.write_timeout.deadline_ns();
        self.block_on(deadline, Interest::Write, |frontend, now| {
            frontend.try_write(self.id, bytes, now)
        })
    }

    /// The address connected to.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    /// Unsupported: version 1 of PV Calls does not tell the local address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(unsupported(
            "local_addr: version 1 of PV Calls does not tell it",
        ))
    }

    /// Unsupported: version 1 of PV Calls can only end both directions, by dropping the
    /// stream.
    pub fn shutdown(&self, _how: Shutdown) -> io::Result<()> {
        Err(unsupported(
            "shutdown: version 1 of PV Calls has none; drop the stream",
        ))
    }

    /// How long [`TcpStream::read`] waits; `None` for ever. The error of a read that waited
    /// so long is [`ErrorKind::WouldBlock`], as on Unix.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.read_timeout.set(timeout)
    }

    /// See [`TcpStream::set_read_timeout`].
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.read_timeout.get())
    }

    /// How long [`TcpStream::write`] waits; `None` for ever. The error of a write that
    /// waited so long is [`ErrorKind::WouldBlock`], as on Unix.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.write_timeout.set(timeout)
    }

    /// See [`TcpStream::set_write_timeout`].
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.write_timeout.get())
    }

    /// Unsupported when `true`: version 1 of PV Calls carries no socket options, and the
    /// host's socket delays small segments (Nagle's algorithm).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match nodelay {
            false => Ok(()),
            true => Err(unsupported(
                "nodelay: version 1 of PV Calls carries no socket options",
            )),
        }
    }

    /// Whether small segments are sent at once: never, see [`TcpStream::set_nodelay`].
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(false)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        // The device is up, for there is a socket. That the handle is gone already would be
        // a mistake of this file; there is nobody to tell.
        let _ = driver::with(|frontend, now| frontend.close(self.id, None, now));
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl ErrorType for TcpStream {
    type Error = io::Error;
}

impl ErrorType for &TcpStream {
    type Error = io::Error;
}

impl Read for TcpStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        TcpStream::read(self, bytes)
    }
}

impl Read for &TcpStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        TcpStream::read(self, bytes)
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TcpStream::write(self, bytes)
    }

    /// Nothing is held back: what was written leaves when the thread waits next.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TcpStream::write(self, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl embedded_io::ReadReady for TcpStream {
    fn read_ready(&mut self) -> io::Result<bool> {
        use pvcalls_front::Readiness;
        let ready = driver::with(|frontend, _| frontend.readiness(self.id))??;
        Ok(ready.contains(Readiness::READABLE))
    }
}

impl embedded_io::WriteReady for TcpStream {
    fn write_ready(&mut self) -> io::Result<bool> {
        use pvcalls_front::Readiness;
        let ready = driver::with(|frontend, _| frontend.readiness(self.id))??;
        Ok(ready.contains(Readiness::WRITABLE))
    }
}
