//! What only datagram sockets do.
//!
//! A datagram socket on all addresses has two halves, as a listener has: one in the host, one in this
//! guest, at the same port. Each datagram goes by the half that its receiver is at, and what comes is
//! taken from both in turn, until there is a default peer: then only the half it is at is heard.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU8, Ordering};
use core::task::{Poll, Waker};

use pvcalls_front::{Errno, SocketOption};

use super::{Calling, Kind, Local, Socket, errno};
use crate::io::{self, Error};
use crate::net::local;

/// Where the default peer of a datagram socket is.
#[derive(Debug, Default)]
pub(super) struct PeerSide(AtomicU8);

/// Outside of this guest. (Zero: nowhere.)
const OUTSIDE: u8 = 1;
/// In this guest.
const INSIDE: u8 = 2;

impl Socket {
    /// Takes the next datagram, or looks at it: how many of its bytes are in `into` (the rest is
    /// lost), and who sent it.
    pub(crate) fn poll_receive_from(
        &self,
        waker: &Waker,
        into: &mut [u8],
        consume: bool,
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let from_kind = |into: &mut [u8]| match &self.kind {
            Kind::Remote(remote) => remote.poll_receive_from(waker, into, consume),
            Kind::Local(local) => local.poll_receive_from(waker, into, consume),
        };
        let received = match (&self.inside, self.peer_side()) {
            (None, _) | (Some(_), OUTSIDE) => from_kind(into),
            (Some(inside), INSIDE) => inside.poll_receive_from(waker, into, consume),
            (Some(inside), _) if self.inside_first.fetch_xor(consume, Ordering::Relaxed) => {
                match inside.poll_receive_from(waker, into, consume) {
                    Poll::Pending => from_kind(into),
                    ready => ready,
                }
            }
            (Some(inside), _) => match from_kind(into) {
                Poll::Pending => inside.poll_receive_from(waker, into, consume),
                ready => ready,
            },
        };
        self.tell(received)
    }

    /// Sends a datagram to that address, or to the default peer: all of it or nothing.
    pub(crate) fn poll_send_to(
        &self,
        waker: &Waker,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Poll<io::Result<usize>> {
        let half = match to {
            Some(to) if to.port() == 0 => return Poll::Ready(Err(errno(Errno::EINVAL))),
            Some(to) => self.half_for(to),
            None => match (&self.inside, self.peer_side()) {
                (Some(inside), INSIDE) => Ok(Some(inside)),
                _ => Ok(None),
            },
        };
        let sent = match (half, &self.kind) {
            (Err(error), _) => Poll::Ready(Err(error)),
            (Ok(Some(inside)), _) => inside.poll_send_to(waker, bytes, to),
            (Ok(None), Kind::Remote(remote)) => remote.poll_send_to(waker, bytes, to),
            (Ok(None), Kind::Local(local)) => local.poll_send_to(waker, bytes, to),
        };
        self.tell(sent.map_ok(|()| bytes.len()))
    }

    /// Sets the default peer; [`note_peer`](Self::note_peer) is to be called when it succeeded.
    pub(crate) fn set_peer(&self, to: SocketAddr) -> Calling {
        if to.port() == 0 {
            return Calling::done(Err(errno(Errno::EINVAL)));
        }
        let inside = match (self.half_for(to), &self.kind) {
            (Err(error), _) => Err(error),
            (Ok(Some(inside)), _) => inside.set_peer(Some(to)),
            (Ok(None), Kind::Remote(remote)) => return remote.set_peer(to),
            (Ok(None), Kind::Local(local)) => local.set_peer(Some(to)),
        };
        Calling::done(inside.map(|()| 0))
    }

    /// The default peer is set.
    pub(crate) fn note_peer(&self, to: SocketAddr) {
        let side = match self.half_for(to) {
            Ok(Some(_)) => INSIDE,
            _ => OUTSIDE,
        };
        self.peer.0.store(side, Ordering::Relaxed);
    }

    /// The error of a datagram that was sent before, which the host keeps until it is asked for:
    /// the number of [`SocketOption::Error`]. Errors inside the guest are told by
    /// [`take_error`](Socket::take_error).
    pub(crate) fn datagram_error(&self) -> Calling {
        match &self.kind {
            Kind::Remote(remote) => remote.option(SocketOption::Error),
            Kind::Local(_) => Calling::done(Ok(0)),
        }
    }

    /// The longest datagram that goes and comes, in bytes.
    pub(crate) fn datagram_limit(&self) -> io::Result<usize> {
        match &self.kind {
            Kind::Remote(remote) => remote.datagram_limit(),
            Kind::Local(_) => Ok(loopback::DATAGRAM_BYTES),
        }
    }

    /// The half that is not [`kind`](Socket::kind), if that address is reached by it.
    fn half_for(&self, to: SocketAddr) -> io::Result<Option<&Local>> {
        match (&self.kind, &self.inside) {
            (Kind::Remote(_), inside) if local::is_own(to.ip()) => match inside {
                Some(inside) => Ok(Some(inside)),
                // As on Linux, for a socket that is bound to an address of a network. The host's
                // own loopback addresses are none of this guest's.
                None => Err(errno(Errno::EINVAL)),
            },
            _ => Ok(None),
        }
    }

    /// The half whose names are this socket's, if it is not [`kind`](Socket::kind).
    pub(super) fn half_of_peer(&self) -> Option<&Local> {
        let inside = self.inside.as_ref();
        inside.filter(|_| self.peer_side() == INSIDE)
    }

    fn peer_side(&self) -> u8 {
        self.peer.0.load(Ordering::Relaxed)
    }
}

/// From the number that [`Socket::datagram_error`] gave.
pub(crate) fn datagram_error(number: i64) -> Option<Error> {
    match i32::try_from(number) {
        Ok(0) => None,
        Ok(number) => Some(Error::from_raw_os_error(number)),
        Err(_) => Some(errno(Errno::EIO)),
    }
}
