//! Deadlines of a worker, in order. A deadline that has lost its meaning is not taken out: who it
//! is for looks whether it still holds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::tokens::SocketKey;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A session may take commands again.
    Commands(usize),
    /// A port may be raised again.
    Unmask(u32),
    /// A released socket has had its time.
    Orphan(usize),
    /// A released socket whose ring is still mapped has had its time.
    Release(DueSocket),
}

/// [`SocketKey`], ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DueSocket(usize, usize, u32);

impl From<SocketKey> for DueSocket {
    fn from(key: SocketKey) -> Self {
        Self(key.session, key.socket, key.generation)
    }
}

impl From<DueSocket> for SocketKey {
    fn from(DueSocket(session, socket, generation): DueSocket) -> Self {
        Self {
            session,
            socket,
            generation,
        }
    }
}

/// The deadlines.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Instant, Due)>>);

impl Timers {
    /// Adds one.
    pub(crate) fn add(&mut self, at: Instant, due: Due) {
        self.0.push(Reverse((at, due)));
    }

    /// The next one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one that is due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, due))| due)
    }
}
