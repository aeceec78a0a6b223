//! Sockets of this guest that talk to each other: 127.0.0.0/8 and ::1.
//!
//! They are in a table of the guest's own, [`Loopback`], and need no device. `loopback=host` on the
//! command line turns that off: then those addresses are the host's, as all others, and the
//! host's policy decides about them.
//!
//! Wakers are foreign code that may use sockets, so [`with`] wakes them when the table is unlocked
//! again.

use core::net::IpAddr;
use core::task::{Poll, Waker};

use loopback::{Interest, Loopback, Reach, SocketId, TryError};
use pvcalls_front::Readiness;
use spin::{Mutex, Once};

use crate::env;
use crate::io;

/// The variable of the command line that sends loopback addresses to the host.
const LOOPBACK: &str = "loopback";

/// Never locked while foreign code runs, so it is never contended.
static SOCKETS: Mutex<Loopback> = Mutex::new(Loopback::new());

/// Runs `f` on the table, and then wakes whom it woke.
pub(super) fn with<T>(f: impl FnOnce(&mut Loopback) -> T) -> T {
    let (result, wakes) = {
        let mut sockets = SOCKETS.lock();
        let result = f(&mut sockets);
        (result, sockets.take_wakes())
    };
    wakes.wake();
    result
}

/// Numbers of the sockets that talk to each other inside the guest, for tests and the curious.
pub fn loopback_stats() -> loopback::Stats {
    with(|sockets| sockets.stats())
}

/// Where the peers of a socket at that address are.
pub(super) fn reach(address: IpAddr) -> Reach {
    match is_on() {
        true => Reach::of(address),
        false => Reach::Host,
    }
}

/// Whether what is sent to that address stays in the guest.
pub(super) fn is_own(address: IpAddr) -> bool {
    is_on() && loopback::is_own(address)
}

/// Whether loopback addresses are the guest's.
fn is_on() -> bool {
    static ON: Once<bool> = Once::new();
    *ON.call_once(|| match env::var(LOOPBACK).as_deref() {
        Ok("host") => false,
        Ok("guest") | Err(_) => true,
        Ok(other) => {
            log::warn!("{LOOPBACK}={other}: neither guest nor host; it is the guest's");
            true
        }
    })
}

/// Tries something, and registers the waker if it has to wait.
pub(super) fn poll<T>(
    id: SocketId,
    interest: Interest,
    waker: &Waker,
    attempt: impl FnOnce(&mut Loopback) -> Result<T, TryError>,
) -> Poll<io::Result<T>> {
    with(|sockets| match attempt(sockets) {
        Ok(value) => Poll::Ready(Ok(value)),
        Err(TryError::Failed(error)) => Poll::Ready(Err(error.into())),
        Err(TryError::WouldBlock) if waker.will_wake(Waker::noop()) => Poll::Pending,
        Err(TryError::WouldBlock) => match sockets.register(id, interest, waker) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error.into())),
        },
    })
}

/// Gives a socket up. That the handle is gone already would be a mistake of this crate; there is
/// nobody to tell.
pub(super) fn close(id: SocketId) {
    let _ = with(|sockets| sockets.close(id));
}

/// What can be done without waiting, as the driver says it.
pub(super) fn as_readiness(ready: loopback::Readiness) -> Readiness {
    let mut readiness = Readiness::empty();
    readiness.set(Readiness::READABLE, ready.readable);
    readiness.set(Readiness::WRITABLE, ready.writable);
    readiness
}

impl From<loopback::Error> for io::Error {
    fn from(error: loopback::Error) -> io::Error {
        io::Error::from_os(error.errno(), error)
    }
}
