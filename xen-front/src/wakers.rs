//! Sets of wakers: everyone who waits for the same thing.

use alloc::vec::Vec;
use core::task::Waker;

/// How many are kept before it is found out who still waits: see [`WakerSet::register`].
const LIMIT: usize = 64;

/// How many are remembered as asked. More tasks than that should not wait for one thing.
const ASKED_LIMIT: usize = 64 * LIMIT;

/// The wakers of all who wait; keeps its memory between uses.
#[derive(Debug, Default)]
pub struct WakerSet {
    wakers: Vec<Waker>,
    /// Those that were woken to find out who still waits, as far as they have not come back.
    asked: Vec<Waker>,
    /// How many of those came back.
    returned: usize,
    /// Beyond [`LIMIT`]: how many are kept, because so many do wait.
    room: usize,
}

impl WakerSet {
    /// Adds a waker, unless one that wakes the same task is there.
    ///
    /// Nobody takes a waker back when it stops waiting, so those of tasks that have ended would
    /// pile up on a socket where nothing happens. When there are many, all are woken: a wake-up
    /// too many does no harm, and who still waits comes again. If most do come again, there are
    /// that many who wait, and more room is made; or they would wake one another for ever.
    pub fn register(&mut self, waker: &Waker) {
        if self.wakers.iter().any(|known| known.will_wake(waker)) {
            return;
        }
        if let Some(at) = self.asked.iter().position(|known| known.will_wake(waker)) {
            self.asked.swap_remove(at);
            self.returned += 1;
        }
        if self.wakers.len() >= LIMIT.max(self.room) {
            if self.returned >= self.wakers.len() / 2 {
                self.room = 2 * self.wakers.len();
            } else {
                self.room = 0;
                self.ask();
            }
            self.returned = 0;
        }
        self.wakers.push(waker.clone());
    }

    /// Wakes and forgets all of them.
    pub fn wake(&mut self) {
        self.asked.clear();
        self.returned = 0;
        self.wake_all();
    }

    /// Wakes all, to see who comes again.
    fn ask(&mut self) {
        if self.asked.len() + self.wakers.len() > ASKED_LIMIT {
            self.asked.clear();
        }
        self.asked.extend_from_slice(&self.wakers);
        self.wake_all();
    }

    fn wake_all(&mut self) {
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
            assert!(set.wakers.len() <= LIMIT && set.asked.len() <= ASKED_LIMIT);
        }
        assert_eq!(first.count(), 1);
    }

    /// Tasks that come again whenever they are woken; how often they were in all until none was.
    fn wake_ups(set: &mut WakerSet, tasks: usize) -> u64 {
        let tasks: Vec<_> = (0..tasks).map(|_| CountingWaker::pair()).collect();
        let mut seen: Vec<u64> = tasks.iter().map(|_| u64::MAX).collect();
        for _ in 0..100 {
            let mut quiet = true;
            for ((counter, waker), seen) in tasks.iter().zip(&mut seen) {
                if counter.count() != *seen {
                    *seen = counter.count();
                    set.register(waker);
                    quiet = false;
                }
            }
            if quiet {
                return tasks.iter().map(|(counter, _)| counter.count()).sum();
            }
        }
        panic!("they wake one another for ever");
    }

    #[test]
    fn any_number_can_wait_without_waking_one_another_for_ever() {
        for tasks in [LIMIT, LIMIT + 1, 3 * LIMIT, 20 * LIMIT] {
            let mut set = WakerSet::default();
            let woken = wake_ups(&mut set, tasks);
            assert_eq!(set.wakers.len(), tasks);
            let many = u64::try_from(4 * tasks).expect("small");
            assert!(woken <= many, "{tasks} tasks woken {woken} times");
        }
    }

    #[test]
    fn when_many_have_waited_those_who_left_are_forgotten_again() {
        let mut set = WakerSet::default();
        wake_ups(&mut set, 10 * LIMIT);
        for _ in 0..100 * LIMIT {
            set.register(&CountingWaker::pair().1);
        }
        assert!(set.wakers.len() <= LIMIT, "{}", set.wakers.len());
    }
}
