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
//! | file | what |
//! |---|---|
//! | `mod.rs` | the calls on an open socket |
//! | `remote.rs`, `local.rs` | a socket of the host's, one of the guest's own |
//! | `datagram.rs` | what only datagram sockets do |
//! | `calling.rs` | half-close and options, which the host answers |
//! | `opening.rs` | from an address to an open socket |
//! | `timeout.rs` | time-outs |
//!
//! [`Kind`] says where the other half of the socket is. Each method has one `match` on it.

mod calling;
mod datagram;
mod local;
mod opening;
mod remote;
mod timeout;

pub(crate) use calling::Calling;
use datagram::PeerSide;
pub(crate) use datagram::datagram_error;
use local::Local;
pub(crate) use opening::Opening;
use remote::Remote;
use timeout::Timeout;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Poll, Waker};

use core::time::Duration;

use kernel::thread;
use pvcalls_front::{Errno, Readiness, SocketOption};

use super::Shutdown;
use crate::io::{self, Error, IoSlice, IoSliceMut};

/// Where the other half of a socket is.
#[derive(Debug)]
pub(super) enum Kind {
    /// In the host.
    Remote(Remote),
    /// In this guest.
    Local(Local),
}

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket {
    kind: Kind,
    /// The half of a listener or datagram socket on all addresses that is for this guest; `kind` is
    /// the other, for what is outside.
    inside: Option<Local>,
    /// Whether that one is asked first, the next time: neither must keep the other waiting.
    inside_first: AtomicBool,
    /// Where the default peer is.
    peer: PeerSide,
    nonblocking: AtomicBool,
    pub(super) read_timeout: Timeout,
    pub(super) write_timeout: Timeout,
    /// [`take_error`](Self::take_error) or another call has told of the failure.
    told: AtomicBool,
}

impl Socket {
    fn new(kind: Kind) -> Socket {
        Socket {
            kind,
            inside: None,
            inside_first: AtomicBool::new(false),
            peer: PeerSide::default(),
            nonblocking: AtomicBool::new(false),
            read_timeout: Timeout::none(),
            write_timeout: Timeout::none(),
            told: AtomicBool::new(false),
        }
    }

    /// Ready once the socket is open, or has failed to become so.
    fn poll_open(&self, waker: &Waker) -> Poll<io::Result<()>> {
        match &self.kind {
            Kind::Remote(remote) => remote.poll_open(waker),
            Kind::Local(local) => local.poll_open(waker),
        }
    }

    /// Reads what is there: 0 at the end of the stream, or for no room.
    pub(crate) fn poll_read(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.tell(match &self.kind {
            Kind::Remote(remote) => remote.poll_read(waker, into),
            Kind::Local(local) => local.poll_read(waker, into),
        })
    }

    /// As [`poll_read`](Self::poll_read), but the bytes stay. Sees no further than the data ring.
    pub(crate) fn poll_peek(&self, waker: &Waker, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.tell(match &self.kind {
            Kind::Remote(remote) => remote.poll_peek(waker, into),
            Kind::Local(local) => local.poll_peek(waker, into),
        })
    }

    /// Writes what there is room for, at least a byte unless `from` is empty.
    pub(crate) fn poll_write(&self, waker: &Waker, from: &[u8]) -> Poll<io::Result<usize>> {
        self.tell(match &self.kind {
            Kind::Remote(remote) => remote.poll_write(waker, from),
            Kind::Local(local) => local.poll_write(waker, from),
        })
    }

    /// As [`poll_read`](Self::poll_read), into several buffers, one after the other.
    pub(crate) fn poll_read_vectored(
        &self,
        waker: &Waker,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let bufs = bufs.iter_mut().filter(|buf| !buf.is_empty());
        one_by_one(waker, bufs, |waker, buf| {
            (buf.len(), self.poll_read(waker, buf))
        })
    }

    /// As [`poll_write`](Self::poll_write), from several buffers, one after the other.
    pub(crate) fn poll_write_vectored(
        &self,
        waker: &Waker,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bufs = bufs.iter().filter(|buf| !buf.is_empty());
        one_by_one(waker, bufs, |waker, buf| {
            (buf.len(), self.poll_write(waker, buf))
        })
    }

    /// Ready when reading would not wait: there are bytes, the end of the stream, or an error.
    pub(crate) fn poll_readable(&self, waker: &Waker) -> Poll<io::Result<()>> {
        self.poll_ready(Readiness::READABLE, waker)
    }

    /// Ready when writing would not wait: there is room, or an error.
    pub(crate) fn poll_writable(&self, waker: &Waker) -> Poll<io::Result<()>> {
        self.poll_ready(Readiness::WRITABLE, waker)
    }

    fn poll_ready(&self, wanted: Readiness, waker: &Waker) -> Poll<io::Result<()>> {
        // Inside, sending never waits.
        if let Some(inside) = &self.inside
            && wanted.contains(Readiness::READABLE)
            && let ready @ Poll::Ready(_) = inside.poll_ready(wanted, waker)
        {
            return ready;
        }
        match &self.kind {
            Kind::Remote(remote) => remote.poll_ready(wanted, waker),
            Kind::Local(local) => local.poll_ready(wanted, waker),
        }
    }

    /// Takes a connection of a listener, and tells where it comes from, if that is known.
    pub(crate) fn poll_accept(
        &self,
        waker: &Waker,
    ) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        let outside = || match &self.kind {
            Kind::Remote(remote) => remote.poll_accept(waker).map_ok(|(remote, peer)| {
                let accepted = Socket::new(Kind::Remote(remote));
                (accepted, peer)
            }),
            Kind::Local(local) => accept_inside(local, waker),
        };
        self.tell(match &self.inside {
            None => outside(),
            Some(inside) if self.inside_first.fetch_xor(true, Ordering::Relaxed) => {
                either(accept_inside(inside, waker), outside)
            }
            Some(inside) => either(outside(), || accept_inside(inside, waker)),
        })
    }

    /// What can be done without waiting.
    pub(crate) fn readiness(&self) -> io::Result<Readiness> {
        let inside = match &self.inside {
            Some(inside) => inside.readiness()?,
            None => Readiness::empty(),
        };
        match &self.kind {
            Kind::Remote(remote) => Ok(remote.readiness()? | inside),
            Kind::Local(local) => local.readiness(),
        }
    }

    /// The address of this end.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        if let Some(inside) = self.half_of_peer() {
            return inside.local_addr();
        }
        match &self.kind {
            Kind::Remote(remote) => remote.local_addr(),
            Kind::Local(local) => local.local_addr(),
        }
    }

    /// The address of the other end.
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        if let Some(inside) = self.half_of_peer() {
            return inside.peer_addr();
        }
        match &self.kind {
            Kind::Remote(remote) => remote.peer_addr(),
            Kind::Local(local) => local.peer_addr(),
        }
    }

    /// Ends one or both directions of a stream.
    pub(crate) fn shutdown(&self, how: Shutdown) -> Calling {
        match &self.kind {
            Kind::Remote(remote) => remote.shutdown(how),
            Kind::Local(local) => Calling::done(local.shutdown(how).map(|()| 0)),
        }
    }

    /// Sets an option.
    pub(crate) fn set_option(&self, option: SocketOption, value: i64) -> Calling {
        match &self.kind {
            Kind::Remote(remote) => remote.set_option(option, value),
            Kind::Local(local) => Calling::done(local.set_option(option, value).map(|()| 0)),
        }
    }

    /// Asks for an option.
    pub(crate) fn option(&self, option: SocketOption) -> Calling {
        match &self.kind {
            Kind::Remote(remote) => remote.option(option),
            Kind::Local(local) => Calling::done(local.option(option)),
        }
    }

    /// For how long a close goes on sending, as [`SocketOption::Linger`] has told the host.
    pub(crate) fn note_linger(&self, linger: Option<Duration>) {
        if let Kind::Remote(remote) = &self.kind {
            remote.note_linger(linger);
        }
    }

    /// What went wrong, if no call has told it yet.
    pub(crate) fn take_error(&self) -> io::Result<Option<Error>> {
        if let Some(inside) = self.half_of_peer() {
            return inside.take_error();
        }
        match &self.kind {
            Kind::Remote(remote) => {
                let failure = remote.failure();
                let news = failure.is_some() && !self.told.swap(true, Ordering::Relaxed);
                Ok(failure.filter(|_| news))
            }
            Kind::Local(local) => local.take_error(),
        }
    }

    /// Makes calls of the blocking types fail with [`WouldBlock`](io::ErrorKind::WouldBlock)
    /// instead of waiting.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// Notes that a failure was told.
    fn tell<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(_)) = result {
            self.told.store(true, Ordering::Relaxed);
        }
        result
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
        result.unwrap_or_else(|| Err(errno(Errno::EAGAIN)))
    }
}

/// Takes a connection from this guest.
fn accept_inside(
    listener: &Local,
    waker: &Waker,
) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
    let accepted = listener.poll_accept(waker);
    accepted.map_ok(|(local, peer)| (Socket::new(Kind::Local(local)), peer))
}

/// What is ready, or else the other.
fn either<T>(first: Poll<T>, second: impl FnOnce() -> Poll<T>) -> Poll<T> {
    match first {
        Poll::Ready(_) => first,
        Poll::Pending => second(),
    }
}

/// Goes through buffers that are not empty as long as each is used up. What goes wrong after the
/// first bytes is left for the next call.
fn one_by_one<T>(
    waker: &Waker,
    bufs: impl Iterator<Item = T>,
    mut poll: impl FnMut(&Waker, T) -> (usize, Poll<io::Result<usize>>),
) -> Poll<io::Result<usize>> {
    let mut total = 0;
    for buf in bufs {
        match poll(if total == 0 { waker } else { Waker::noop() }, buf) {
            (len, Poll::Ready(Ok(count))) => {
                total += count;
                if count < len {
                    break;
                }
            }
            _ if total > 0 => break,
            (_, result) => return result,
        }
    }
    Poll::Ready(Ok(total))
}

/// The error of that number.
fn errno(errno: Errno) -> Error {
    Error::from_raw_os_error(errno.number())
}
