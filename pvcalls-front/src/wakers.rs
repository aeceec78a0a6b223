//! Sets of wakers: everyone who waits for the same thing.

use alloc::vec::Vec;
use core::task::Waker;

/// The wakers of all who wait; keeps its memory between uses.
#[derive(Debug, Default)]
pub(crate) struct WakerSet {
    wakers: Vec<Waker>,
}

impl WakerSet {
    /// Adds a waker, unless one that wakes the same task is there.
    pub(crate) fn register(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    /// Wakes and forgets all of them.
    pub(crate) fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}
