//! [`Barrier`].

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use spin::Mutex as Spin;

use super::wait::Waiter;

/// Lets threads go on together, when as many have come as it was made for.
pub struct Barrier {
    count: usize,
    waiting: Spin<Vec<Arc<Waiter>>>,
}

/// What [`Barrier::wait`] returns.
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this is the one thread of those that went on together that is told so: the last.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// For `count` threads; 0 is as good as 1.
    pub const fn new(count: usize) -> Barrier {
        Barrier {
            count,
            waiting: Spin::new(Vec::new()),
        }
    }

    /// Waits until as many have come. Then it can be used again.
    pub fn wait(&self) -> BarrierWaitResult {
        let waiter = {
            let mut waiting = self.waiting.lock();
            if waiting.len() + 1 >= self.count {
                let all = core::mem::take(&mut *waiting);
                drop(waiting);
                all.iter().for_each(|waiter| waiter.tell());
                return BarrierWaitResult(true);
            }
            let waiter = Waiter::new();
            waiting.push(waiter.clone());
            waiter
        };
        waiter.wait_until(None);
        BarrierWaitResult(false)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
