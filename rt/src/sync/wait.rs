//! Waiting: one thread that waits for another one's word, and the lock that is made of that.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Poll, Waker};

#[cfg(guest)]
pub(super) use crate::time::deadline_ns;
#[cfg(guest)]
use kernel::thread::wait;
use spin::Mutex as Spin;

/// As `kernel::thread::wait`, on the threads of the machine that builds this.
#[cfg(not(guest))]
fn wait<T>(deadline_ns: Option<u64>, mut poll: impl FnMut(&Waker) -> Poll<T>) -> Option<T> {
    struct Unpark(std::thread::Thread);

    impl alloc::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(value) = poll(&waker) {
            return Some(value);
        }
        match deadline_ns {
            None => std::thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_sub(now_ns());
                if left == 0 {
                    return None;
                }
                std::thread::park_timeout(std::time::Duration::from_nanos(left));
            }
        }
    }
}

/// Time since some moment of the past.
#[cfg(not(guest))]
fn now_ns() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let since = START.get_or_init(std::time::Instant::now).elapsed();
    u64::try_from(since.as_nanos()).expect("584 years have not passed")
}

/// The time of [`now_ns`] at which `timeout` from now ends.
#[cfg(not(guest))]
pub(super) fn deadline_ns(timeout: core::time::Duration) -> u64 {
    now_ns().saturating_add(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX))
}

/// Somebody who waits for one word of another one.
#[derive(Debug)]
pub(super) struct Waiter {
    told: AtomicBool,
    waker: Spin<Option<Waker>>,
}

impl Waiter {
    pub(super) fn new() -> Arc<Waiter> {
        Arc::new(Waiter {
            told: AtomicBool::new(false),
            waker: Spin::new(None),
        })
    }

    /// Waits for [`Waiter::tell`]; false when the deadline came first.
    pub(super) fn wait_until(&self, deadline_ns: Option<u64>) -> bool {
        let told = wait(deadline_ns, |waker| {
            // The waker first: who tells after the look finds it.
            *self.waker.lock() = Some(waker.clone());
            match self.told.load(Ordering::Acquire) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        told.is_some()
    }

    /// Ends the wait, or the one that is to come.
    pub(super) fn tell(&self) {
        self.told.store(true, Ordering::Release);
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What one can hold at a time. Given to waiters in the order in which they came.
#[derive(Debug)]
pub(super) struct Gate(Spin<State>);

#[derive(Debug)]
struct State {
    held: bool,
    waiting: VecDeque<Arc<Waiter>>,
}

impl Gate {
    pub(super) const fn new() -> Gate {
        Gate(Spin::new(State {
            held: false,
            waiting: VecDeque::new(),
        }))
    }

    /// Holds it if nobody does.
    pub(super) fn try_enter(&self) -> Option<Held<'_>> {
        let mut state = self.0.lock();
        if state.held {
            return None;
        }
        state.held = true;
        Some(Held(self))
    }

    /// Waits until it can be held.
    pub(super) fn enter(&self) -> Held<'_> {
        let waiter = {
            let mut state = self.0.lock();
            if !state.held {
                state.held = true;
                return Held(self);
            }
            let waiter = Waiter::new();
            state.waiting.push_back(waiter.clone());
            waiter
        };
        waiter.wait_until(None);
        // It stayed held: it was handed over.
        Held(self)
    }
}

/// That it is held; dropping this hands it to the next one.
#[derive(Debug)]
pub(super) struct Held<'a>(&'a Gate);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.0.lock();
            let next = state.waiting.pop_front();
            state.held = next.is_some();
            next
        };
        if let Some(next) = next {
            next.tell();
        }
    }
}
