//! Tasks that wait for something.

use alloc::vec::Vec;
use core::task::Waker;

/// How many are kept before it is found out who still waits.
const LIMIT: usize = 64;

/// How many are remembered as asked. More tasks than that should not wait for one thing.
const ASKED_LIMIT: usize = 64 * LIMIT;

/// Wakers to be woken, outside of whatever lock protects the [`Loopback`](crate::Loopback).
#[must_use = "who is not woken waits for ever"]
#[derive(Debug, Default)]
pub struct Wakes {
    wake: Vec<Waker>,
    /// To be dropped only, which may be foreign code, too.
    spent: Vec<Waker>,
}

impl Wakes {
    pub(crate) const fn new() -> Self {
        Self {
            wake: Vec::new(),
            spent: Vec::new(),
        }
    }

    /// Wakes them. Each may be foreign code that uses sockets, so hold no lock of theirs.
    pub fn wake(self) {
        self.wake.into_iter().for_each(Waker::wake);
    }

    /// Whether there is nobody to wake.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wake.is_empty()
    }
}

/// All who wait for one thing.
#[derive(Debug, Default)]
pub(crate) struct WakerSet {
    waiting: Vec<Waker>,
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
    /// Nobody takes a waker back when it stops waiting, so those of tasks that are gone would pile
    /// up where nothing happens. When there are many, all are woken: a wake-up too many does no
    /// harm, and who still waits comes again. If most do come again, there are that many who
    /// wait, and more room is made; or they would wake one another for ever.
    ///
    /// No waker is dropped here: they all end in `wakes`.
    pub(crate) fn register(&mut self, waker: &Waker, wakes: &mut Wakes) {
        if self.waiting.iter().any(|known| known.will_wake(waker)) {
            return;
        }
        if let Some(at) = self.asked.iter().position(|known| known.will_wake(waker)) {
            wakes.spent.push(self.asked.swap_remove(at));
            self.returned += 1;
        }
        if self.waiting.len() >= LIMIT.max(self.room) {
            if self.returned >= self.waiting.len() / 2 {
                self.room = 2 * self.waiting.len();
            } else {
                self.room = 0;
                self.ask(wakes);
            }
            self.returned = 0;
        }
        self.waiting.push(waker.clone());
    }

    /// Wakes all, to see who comes again.
    fn ask(&mut self, wakes: &mut Wakes) {
        if self.asked.len() + self.waiting.len() > ASKED_LIMIT {
            wakes.spent.append(&mut self.asked);
        }
        self.asked.extend_from_slice(&self.waiting);
        wakes.wake.append(&mut self.waiting);
    }

    /// Forgets all of them, to be woken.
    pub(crate) fn wake(&mut self, wakes: &mut Wakes) {
        self.returned = 0;
        wakes.spent.append(&mut self.asked);
        wakes.wake.append(&mut self.waiting);
    }

    /// How many wait, as far as is known.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::CountingWaker;

    #[test]
    fn wakers_of_tasks_long_gone_do_not_pile_up() {
        let (mut set, mut wakes) = (WakerSet::default(), Wakes::default());
        let (first, waker) = CountingWaker::pair();
        set.register(&waker, &mut wakes);
        for _ in 0..100 * LIMIT {
            set.register(&CountingWaker::pair().1, &mut wakes);
            assert!(set.len() <= LIMIT && set.asked.len() <= ASKED_LIMIT);
        }
        wakes.wake();
        assert!(first.count() > 0, "who is forgotten has been woken");
    }

    /// Tasks that come again whenever they are woken; how often they were in all until none was.
    fn wake_ups(set: &mut WakerSet, tasks: usize) -> usize {
        let tasks: Vec<_> = (0..tasks).map(|_| CountingWaker::pair()).collect();
        let mut seen: Vec<usize> = tasks.iter().map(|_| usize::MAX).collect();
        for _ in 0..100 {
            let mut quiet = true;
            for ((counter, waker), seen) in tasks.iter().zip(&mut seen) {
                if counter.count() != *seen {
                    *seen = counter.count();
                    let mut wakes = Wakes::default();
                    set.register(waker, &mut wakes);
                    wakes.wake();
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
            assert_eq!(set.len(), tasks);
            assert!(woken <= 8 * tasks, "{tasks} tasks woken {woken} times");
        }
    }

    #[test]
    fn when_many_have_waited_those_who_left_are_forgotten_again() {
        let mut set = WakerSet::default();
        wake_ups(&mut set, 10 * LIMIT);
        let mut wakes = Wakes::default();
        for _ in 0..100 * LIMIT {
            set.register(&CountingWaker::pair().1, &mut wakes);
        }
        assert!(set.len() <= LIMIT, "{}", set.len());
    }
}
