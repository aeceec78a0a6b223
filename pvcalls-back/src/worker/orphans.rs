//! Sockets that their guest has released and that still have something to do: bytes the guest
//! wrote before are sent, then the peer's are thrown away until it closes, too.
//!
//! Some have sent all, and the kernel holds it for a peer that does not take it: they are here so
//! that they are counted, and end in time.
//!
//! That bytes are thrown away is what makes the sending safe: closing a socket with unread bytes sends
//! a reset, and a reset may destroy bytes that the peer has received and not yet read.

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use slab::Slab;

use super::timers::{Due, Timers};
use super::tokens::Subject;
use crate::errno::Errno;
use crate::net::{HostSocket, would_block};

/// What a device has in sockets it released. It outlives the device's session, so that nobody
/// gets more by reconnecting.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Sockets.
    pub(crate) orphans: Cell<u32>,
    /// Bytes copied from their rings.
    pub(crate) bytes: Cell<usize>,
}

/// Bytes that all released sockets of one device may hold in the backend's memory. What is more
/// stays in the guest's ring, and the guest waits for it.
pub(crate) const STASH_BYTES_MAX: usize = 8 << 20;

/// Bytes of the peer's that are thrown away. A peer that sends more is answered with a reset: it
/// does not listen.
const DISCARD_BYTES_MAX: usize = 1 << 20;

#[derive(Debug)]
struct Orphan {
    host: HostSocket,
    bytes: Vec<u8>,
    sent: usize,
    /// Our end was sent.
    ended: bool,
    discarded: usize,
    deadline: Instant,
    usage: Rc<Usage>,
}

/// All of a worker.
#[derive(Debug, Default)]
pub(crate) struct Orphans(Slab<Orphan>);

impl Orphans {
    /// Takes a socket with bytes still to be sent, for at most until `deadline`.
    pub(crate) fn adopt(
        &mut self,
        registry: &Registry,
        timers: &mut Timers,
        host: HostSocket,
        bytes: Vec<u8>,
        deadline: Instant,
        usage: &Rc<Usage>,
    ) {
        usage.orphans.set(usage.orphans.get() + 1);
        usage.bytes.set(usage.bytes.get() + bytes.len());
        let fd = host.as_fd().as_raw_fd();
        let index = self.0.insert(Orphan {
            host,
            bytes,
            sent: 0,
            ended: false,
            discarded: 0,
            deadline,
            usage: Rc::clone(usage),
        });
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Subject::Orphan(index).token();
        if let Err(error) = registry.reregister(&mut SourceFd(&fd), token, interest) {
            tracing::error!(%error, "a released socket cannot be watched");
            self.0[index].host.reset_on_close();
            self.forget(index);
            return;
        }
        timers.add(deadline, Due::Orphan(index));
        self.turn(timers, index);
    }

    /// Goes on with one.
    pub(crate) fn turn(&mut self, timers: &mut Timers, index: usize) {
        let Some(orphan) = self.0.get_mut(index) else {
            return;
        };
        match orphan.turn() {
            Ok(false) => {}
            Ok(true) | Err(_) => {
                timers.cancel(orphan.deadline, Due::Orphan(index));
                self.forget(index);
            }
        }
    }

    /// Its time is over: what was not sent is lost, and the peer learns so.
    pub(crate) fn expire(&mut self, index: usize) {
        if let Some(orphan) = self.0.get(index) {
            let left = orphan.bytes.len() - orphan.sent;
            let held = orphan.host.unacknowledged();
            if left > 0 || held > 0 {
                tracing::info!(
                    left,
                    held,
                    "a released socket's peer did not take all in time"
                );
                orphan.host.reset_on_close();
            }
            self.forget(index);
        }
    }

    /// Whether there are some that the kernel could not bring to their end without us.
    pub(crate) fn need_us(&self) -> bool {
        self.0.iter().any(|(_, orphan)| !orphan.is_only_kept())
    }

    fn forget(&mut self, index: usize) {
        let orphan = self.0.remove(index);
        let usage = &orphan.usage;
        usage.orphans.set(usage.orphans.get() - 1);
        usage.bytes.set(usage.bytes.get() - orphan.bytes.len());
    }
}

impl Orphan {
    /// Whether it is done.
    fn turn(&mut self) -> Result<bool, Errno> {
        while self.sent < self.bytes.len() {
            match self.host.send(&self.bytes[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if would_block(error) => return Ok(false),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        if !self.ended {
            // Once: each time raises an event, and an event brings us here.
            self.ended = true;
            self.host.shutdown_write();
        }
        let mut scratch = [0; 4096];
        loop {
            match self.host.discard(&mut scratch) {
                // The peer may have closed its side only, and not take ours.
                Ok(0) => return Ok(self.host.unacknowledged() == 0),
                Ok(count) => self.discarded += count,
                Err(error) if would_block(error) => return Ok(self.is_acknowledged()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
            if self.discarded >= DISCARD_BYTES_MAX {
                return Ok(true);
            }
        }
    }

    /// Whether it is only here because the kernel still holds bytes: nothing is left to be sent, and
    /// the peer sent nothing that a close would answer with a reset.
    fn is_only_kept(&self) -> bool {
        self.bytes.is_empty() && self.discarded == 0
    }

    /// Whether the peer has all, its end included, so that a plain close ends it well. The kernel
    /// tells when the end is acknowledged.
    fn is_acknowledged(&self) -> bool {
        self.is_only_kept() && self.host.unacknowledged() == 0
    }
}
