//! One open socket, polled: the place where a wait is defined.
//!
//! A `poll_` method does what can be done at once, or has the waker woken when it is worth another
//! try. The blocking types (`tcp/`) wrap them in [`Socket::block`], async types in
//! `core::future::poll_fn`. [`Waker::noop`] makes a poll a mere try: nothing is registered.
//!
//! A socket is shared by [`Arc`](alloc::sync::Arc) among the clones of a stream or listener; what
//! std sets for all clones at once (time-outs, non-blocking) is in [`Socket`], so it stays when a
//! blocking stream becomes an async one and back. The last clone closes it, wherever that is
//! dropped: see [`driver::close`].
//!
//! [`Kind`] says where the other half of the socket is. Each method has one `match` on it.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Poll, Waker};
use core::time::Duration;

use kernel::thread::{self, Timer};
use kernel::time::{FOREVER_NS, monotonic_ns};
use loopback::Reach;
use pvcalls_front::{Frontend, Interest, Readiness, SocketId, TryError};

use super::driver::{self, Start, Xen};
use super::error::unsupported;
use super::local;
use super::options::Options;
use crate::io::{self, ErrorKind};
use crate::time::deadline_ns;

/// Where the other half of a socket is.
#[derive(Debug)]
pub(super) enum Kind {
    /// In the host: the driver's handle.
    Remote(SocketId),
    /// In this guest.
    Local(loopback::SocketId),
}

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket {
    kind: Kind,
    /// What a stream is connected to, if the guest knows it by itself.
    peer: Option<SocketAddr>,
    nonblocking: AtomicBool,
    pub(super) read_timeout: Timeout,
    pub(super) write_timeout: Timeout,
}

impl Socket {
    fn new(kind: Kind, peer: Option<SocketAddr>) -> Socket {
        Socket {
            kind,
            peer,
            nonblocking: AtomicBool::new(false),
            read_timeout: Timeout::none(),
            write_timeout: Timeout::none(),
        }
    }

    /// Ready once the socket is open, or has failed to become so.
    fn poll_open(&self, waker: &Waker) -> Poll<io::Result<()>> {
        match &self.kind {
            Kind::Remote(id) => remote(*id, Interest::Connect, waker, |frontend, _| {
                frontend.try_connect(*id)
            }),
            Kind::Local(id) => local::poll(*id, loopback::Interest::Connect, waker, |sockets| {
                sockets.try_connect(*id)
            }),
        }
    }

    /// Reads what is there: 0 at the end of the stream, or for no room.
    pub(crate) fn poll_read(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match &self.kind {
            Kind::Remote(id) => remote(*id, Interest::Read, waker, |frontend, _| {
                frontend.try_read(*id, into)
            }),
            Kind::Local(id) => local::poll(*id, loopback::Interest::Read, waker, |sockets| {
                sockets.try_read(*id, into)
            }),
        }
    }

    /// As [`poll_read`](Self::poll_read), but the bytes stay. Sees no further than the data ring.
    pub(crate) fn poll_peek(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match &self.kind {
            Kind::Remote(id) => remote(*id, Interest::Read, waker, |frontend, _| {
                frontend.peek(*id, into)
            }),
            Kind::Local(id) => local::poll(*id, loopback::Interest::Read, waker, |sockets| {
                sockets.peek(*id, into)
            }),
        }
    }

    /// Writes what there is room for, at least a byte unless `from` is empty.
    pub(crate) fn poll_write(&self, waker: &Waker, from: &[u8]) -> Poll<io::Result<usize>> {
        match &self.kind {
            Kind::Remote(id) => remote(*id, Interest::Write, waker, |frontend, now_ns| {
                frontend.try_write(*id, from, now_ns)
            }),
            Kind::Local(id) => local::poll(*id, loopback::Interest::Write, waker, |sockets| {
                sockets.try_write(*id, from)
            }),
        }
    }

    /// Ready when reading would not wait: there are bytes, the end of the stream, or an error.
    pub(crate) fn poll_readable(&self, waker: &Waker) -> Poll<io::Result<()>> {
        match &self.kind {
            Kind::Remote(id) => ready(*id, Interest::Read, Readiness::READABLE, waker),
            Kind::Local(id) => {
                local::poll(
                    *id,
                    loopback::Interest::Read,
                    waker,
                    |sockets| match sockets.readiness(*id)?.readable {
                        true => Ok(()),
                        false => Err(loopback::TryError::WouldBlock),
                    },
                )
            }
        }
    }

    /// Ready when writing would not wait: there is room, or an error.
    pub(crate) fn poll_writable(&self, waker: &Waker) -> Poll<io::Result<()>> {
        match &self.kind {
            Kind::Remote(id) => ready(*id, Interest::Write, Readiness::WRITABLE, waker),
            Kind::Local(id) => {
                local::poll(
                    *id,
                    loopback::Interest::Write,
                    waker,
                    |sockets| match sockets.readiness(*id)?.writable {
                        true => Ok(()),
                        false => Err(loopback::TryError::WouldBlock),
                    },
                )
            }
        }
    }

    /// Takes a connection of a listener, and tells where it comes from, if that is known.
    pub(crate) fn poll_accept(
        &self,
        waker: &Waker,
    ) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        match &self.kind {
            Kind::Remote(_) => Poll::Ready(Err(unsupported("no listening sockets yet"))),
            Kind::Local(id) => local::poll(*id, loopback::Interest::Read, waker, |sockets| {
                let accepted = sockets.try_accept(*id)?;
                let peer = sockets.peer_addr(accepted).ok();
                Ok((Socket::new(Kind::Local(accepted), peer), peer))
            }),
        }
    }

    /// What can be done without waiting.
    pub(crate) fn readiness(&self) -> io::Result<Readiness> {
        match &self.kind {
            Kind::Remote(id) => driver::with(|frontend, _| frontend.readiness(*id)),
            Kind::Local(id) => local::readiness(*id),
        }
    }

    /// The address of this end.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.kind {
            Kind::Remote(_) => Err(unsupported(
                "local_addr: version 1 of PV Calls does not tell it",
            )),
            Kind::Local(id) => Ok(local::with(|sockets| sockets.local_addr(*id))?),
        }
    }

    /// The address of the other end.
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.kind {
            Kind::Remote(_) => self.peer.ok_or_else(|| {
                unsupported("peer_addr: version 1 of PV Calls does not tell who connected")
            }),
            Kind::Local(id) => Ok(local::with(|sockets| sockets.peer_addr(*id))?),
        }
    }

    /// Makes calls of the blocking types return [`ErrorKind::WouldBlock`] instead of waiting.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// Turns a poll into a call of a blocking type: waits at most `timeout`, or not at all.
    ///
    /// A call that may not wait gives other threads and arrived events a turn before it fails, so
    /// that a program that tries again and again gets on, and others do, too.
    pub(super) fn block<T>(
        &self,
        timeout: &Timeout,
        mut poll: impl FnMut(&Waker) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let result = if self.nonblocking.load(Ordering::Relaxed) {
            let mut result = poll(Waker::noop());
            if result.is_pending() {
                thread::yield_now();
                result = poll(Waker::noop());
            }
            match result {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            }
        } else {
            thread::wait(timeout.deadline_ns(), poll)
        };
        // std reports a time-out of read and write as WouldBlock on Unix.
        result.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        match &self.kind {
            Kind::Remote(id) => driver::close(*id, None),
            Kind::Local(id) => local::close(*id),
        }
    }
}

/// Tries something with a socket of the driver's, and registers the waker if it has to wait.
fn remote<T>(
    id: SocketId,
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
            .register(id, interest, waker)
            .map(|()| Poll::Pending),
    });
    match result {
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }
}

/// Waits for what `wanted` names, without doing anything.
fn ready(
    id: SocketId,
    interest: Interest,
    wanted: Readiness,
    waker: &Waker,
) -> Poll<io::Result<()>> {
    remote(id, interest, waker, |frontend, _| {
        let now = frontend.readiness(id).map_err(TryError::Failed)?;
        match now.intersects(wanted) {
            true => Ok(()),
            false => Err(TryError::WouldBlock),
        }
    })
}

/// A socket on its way to be open: connecting, or beginning to listen. Dropping it gives up.
#[derive(Debug)]
pub(crate) struct Opening {
    what: What,
    options: Options,
    deadline_ns: Option<u64>,
    /// Ends the waiting at the deadline, where nobody else does.
    timer: Option<Timer>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Connect(SocketAddr),
    Listen(SocketAddr),
}

#[derive(Debug)]
enum Stage {
    /// Everything is in this guest.
    Here,
    /// The device must be up first.
    Device(Start),
    /// The host, or another socket of this guest, does its part.
    Open(Option<Socket>),
}

impl Opening {
    /// Connects. The time for it begins now.
    pub(crate) fn connect(to: SocketAddr, options: &Options) -> Opening {
        Opening::new(What::Connect(to), options)
    }

    /// Listens. The time for it begins now.
    pub(crate) fn listen(at: SocketAddr, options: &Options) -> Opening {
        Opening::new(What::Listen(at), options)
    }

    fn new(what: What, options: &Options) -> Opening {
        let here = match what {
            What::Connect(to) => local::is_own(to.ip()),
            What::Listen(at) => local::reach(at.ip()) == Reach::Guest,
        };
        Opening {
            what,
            options: options.clone(),
            deadline_ns: options.deadline_ns(),
            timer: None,
            stage: match here {
                true => Stage::Here,
                false => Stage::Device(Start::default()),
            },
        }
    }

    /// Ready when the socket is open, or why not. Not to be polled after that.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<io::Result<Arc<Socket>>> {
        loop {
            match &mut self.stage {
                Stage::Here => self.stage = Stage::Open(Some(self.begin_here()?)),
                Stage::Device(start) => match start.poll(waker) {
                    Poll::Ready(up) => {
                        up?;
                        self.stage = Stage::Open(Some(self.begin()?));
                    }
                    Poll::Pending => return self.wait(waker),
                },
                Stage::Open(socket) => {
                    let opened = socket.as_ref().expect("polled until it is ready");
                    let Poll::Ready(outcome) = opened.poll_open(waker) else {
                        return match opened.kind {
                            // The driver keeps the deadline: it knows what a connect given up
                            // still holds.
                            Kind::Remote(_) => Poll::Pending,
                            Kind::Local(_) => self.wait(waker),
                        };
                    };
                    let socket = socket.take().map(Arc::new);
                    outcome?;
                    return Poll::Ready(Ok(socket.expect("it was there")));
                }
            }
        }
    }

    /// Pending until the deadline.
    fn wait<T>(&mut self, waker: &Waker) -> Poll<io::Result<T>> {
        let Some(deadline_ns) = self.deadline_ns else {
            return Poll::Pending;
        };
        if monotonic_ns() >= deadline_ns {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        self.timer = Some(Timer::new(deadline_ns, waker.clone()));
        Poll::Pending
    }

    /// Begins what is in this guest alone.
    fn begin_here(&self) -> io::Result<Socket> {
        let id = local::with(|sockets| match self.what {
            What::Connect(to) => sockets.connect(to),
            What::Listen(at) => sockets.listen(at, loopback::ListenOptions::default()),
        })?;
        Ok(Socket::new(Kind::Local(id), None))
    }

    /// The device is up: begins.
    fn begin(&self) -> io::Result<Socket> {
        match self.what {
            What::Connect(to) => {
                let options = self.options.connect(self.deadline_ns);
                let id = driver::with(|frontend, now_ns| frontend.connect(to, options, now_ns))?;
                Ok(Socket::new(Kind::Remote(id), Some(to)))
            }
            What::Listen(at) => Err(unsupported(alloc::format!(
                "listen at {at}: no listening sockets yet"
            ))),
        }
    }
}

/// An optional time-out in ns.
#[derive(Debug)]
pub(super) struct Timeout(AtomicU64);

impl Timeout {
    const fn none() -> Timeout {
        Timeout(AtomicU64::new(FOREVER_NS))
    }

    /// What was set.
    pub(super) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            FOREVER_NS => None,
            ns => Some(Duration::from_nanos(ns)),
        }
    }

    /// Sets it; zero is refused, as in std.
    pub(super) fn set(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(super::error::zero_timeout());
        }
        let ns = timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok());
        self.0.store(ns.unwrap_or(FOREVER_NS), Ordering::Relaxed);
        Ok(())
    }

    /// When a wait that begins now must end.
    fn deadline_ns(&self) -> Option<u64> {
        self.get().map(deadline_ns)
    }
}
