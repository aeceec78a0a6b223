//! Sets of wakers: everyone who waits for the same thing.

use alloc::vec::Vec;
use core::task::Waker;

/// More than this are not kept: see [`WakerSet::register`].
const LIMIT: usize = 64;

/// The wakers of all who wait; keeps its memory between uses.
#[derive(Debug, Default)]
pub(crate) struct WakerSet {
    wakers: Vec<Waker>,
}

impl WakerSet {
    /// Adds a waker, unless one that wakes the same task is there.
    ///
    /// Nobody takes a waker back when it stops waiting, so those of tasks that have ended would
    /// pile up on a socket where nothing happens. When there are many, all are woken: a wake-up
    /// too many does no harm, and who still waits comes again.
    pub(crate) fn register(&mut self, waker: &Waker) {
        if self.wakers.iter().any(|known| known.will_wake(waker)) {
            return;
        }
        if self.wakers.len() >= LIMIT {
            self.wake();
        }
        self.wakers.push(waker.clone());
    }

    /// Wakes and forgets all of them.
    pub(crate) fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_utils::CountingWaker;

    #[test]
    fn wakers_of_tasks_long_gone_do_not_pile_up() {
        let mut set = WakerSet::default();
        let (first, waker) = CountingWaker::pair();
        set.register(&waker);
        for _ in 0..10 * LIMIT {
            set.register(&CountingWaker::pair().1);
            assert!(set.wakers.len() <= LIMIT);
        }
        assert_eq!(first.count(), 1);
    }
}
