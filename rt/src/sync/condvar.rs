//! [`Condvar`].

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

use spin::Mutex as Spin;

use super::wait::{Waiter, deadline_ns};
use super::{LockResult, MutexGuard};

/// Lets threads wait for a change of what a [`Mutex`](super::Mutex) protects.
///
/// Threads are told in the order in which they began to wait, and only when they are told or their
/// time is over: there are no wake-ups without reason.
#[derive(Debug)]
pub struct Condvar {
    waiting: Spin<VecDeque<Arc<Waiter>>>,
}

/// Whether the time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over before somebody told.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// Nobody waits.
    pub const fn new() -> Condvar {
        Condvar {
            waiting: Spin::new(VecDeque::new()),
        }
    }

    /// Gives the lock up, waits until told, and has the lock again.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_by(guard, None).0
    }

    /// Waits for as long as `condition` is true.
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`Condvar::wait`], for that long at most.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.pair(self.wait_by(guard, Some(deadline_ns(timeout))))
    }

    /// As [`Condvar::wait_while`], for that long at most.
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let deadline = deadline_ns(timeout);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let told;
            (guard, told) = self.pair(self.wait_by(guard, Some(deadline)))?;
            if told.timed_out() {
                let still = condition(&mut *guard);
                return Ok((guard, WaitTimeoutResult(still)));
            }
        }
    }

    fn pair<'a, T>(
        &self,
        (guard, told): (LockResult<MutexGuard<'a, T>>, bool),
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        match guard {
            Ok(guard) => Ok((guard, WaitTimeoutResult(!told))),
            Err(poisoned) => Ok((poisoned.into_inner(), WaitTimeoutResult(!told))),
        }
    }

    fn wait_by<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline_ns: Option<u64>,
    ) -> (LockResult<MutexGuard<'a, T>>, bool) {
        let waiter = Waiter::new();
        // Before the lock is given up: whoever has it next and tells finds this one.
        self.waiting.lock().push_back(waiter.clone());
        let mutex = guard.mutex();
        drop(guard);
        let mut told = waiter.wait_until(deadline_ns);
        if !told {
            let mut waiting = self.waiting.lock();
            let place = waiting.iter().position(|other| Arc::ptr_eq(other, &waiter));
            match place {
                Some(place) => drop(waiting.remove(place)),
                // Told just now: that counts, for nobody else was.
                None => told = true,
            }
        }
        (mutex.lock(), told)
    }

    /// Tells the thread that waits longest.
    pub fn notify_one(&self) {
        let first = self.waiting.lock().pop_front();
        if let Some(first) = first {
            first.tell();
        }
    }

    /// Tells all that wait now.
    pub fn notify_all(&self) {
        let all = core::mem::take(&mut *self.waiting.lock());
        all.iter().for_each(|waiter| waiter.tell());
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}
