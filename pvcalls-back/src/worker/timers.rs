//! Deadlines of a worker, in order. One that has lost its meaning is taken out: a guest could
//! otherwise fill memory with the deadlines of what is long over.

use std::collections::BTreeSet;
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
    Release(SocketKey),
}

/// The deadlines.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Due)>);

impl Timers {
    /// Adds one.
    pub(crate) fn add(&mut self, at: Instant, due: Due) {
        self.0.insert((at, due));
    }

    /// Takes one out, if it is there.
    pub(crate) fn cancel(&mut self, at: Instant, due: Due) {
        self.0.remove(&(at, due));
    }

    /// The next one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes one that is due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_due_comes_in_order_and_what_is_cancelled_does_not() {
        let mut timers = Timers::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        timers.add(at(3), Due::Orphan(3));
        timers.add(at(1), Due::Orphan(1));
        timers.add(at(2), Due::Orphan(2));
        timers.cancel(at(2), Due::Orphan(2));
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.take(start), None);
        assert_eq!(timers.take(at(3)), Some(Due::Orphan(1)));
        assert_eq!(timers.take(at(3)), Some(Due::Orphan(3)));
        assert_eq!(timers.next(), None);
    }
}
