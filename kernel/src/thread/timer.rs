//! Timers: wakers to be woken at a point of Xen's system time.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Waker;

use spin::Mutex;
use xen_sys as xen;

use crate::{event, hypercall, time};

/// By deadline; the second number makes equal deadlines distinct.
static TIMERS: Mutex<BTreeMap<(u64, u64), Waker>> = Mutex::new(BTreeMap::new());

/// A waker that is woken at a deadline, unless this is dropped before.
#[derive(Debug)]
pub struct Timer {
    key: (u64, u64),
}

impl Timer {
    /// Wakes `waker` at system time `deadline_ns`, see [`time::monotonic_ns`].
    pub fn new(deadline_ns: u64, waker: Waker) -> Timer {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let key = (deadline_ns, NEXT.fetch_add(1, Ordering::Relaxed));
        TIMERS.lock().insert(key, waker);
        Timer { key }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let waker = TIMERS.lock().remove(&self.key);
        // Not under the lock: it may be anybody's, and drop a timer.
        drop(waker);
    }
}

/// The deadline that Xen knows; 0 is none.
static ARMED: AtomicU64 = AtomicU64::new(0);

/// Binds the timer interrupt. That it ends the blocking is all, the scheduler looks at the
/// clock itself; but what Xen knew is used up, and must be told again if our clock, read on
/// another processor, says that the deadline is still some nanoseconds away.
pub(super) fn init() {
    let used_up = Arc::new(|_| ARMED.store(0, Ordering::Relaxed));
    hypercall::stop_periodic_timer();
    event::bind_virq(xen::VIRQ_TIMER, used_up).expect("bind the timer interrupt");
}

/// Wakes what is due.
pub(super) fn fire() {
    if TIMERS.lock().is_empty() {
        return;
    }
    let now = time::monotonic_ns();
    loop {
        let waker = {
            let mut timers = TIMERS.lock();
            match timers.first_entry() {
                Some(first) if first.key().0 <= now => first.remove(),
                _ => return,
            }
        };
        waker.wake();
    }
}

/// Asks Xen for an interrupt at the next deadline, if it has not been asked yet.
pub(super) fn arm() {
    // Xen takes a time more than 2^50 ns away for a mistake and interrupts ten times a second
    // instead. So at most half of that, in steps, so that it is asked for once and not at
    // each blocking; the next look at the clock asks for the rest.
    const STEP_NS: u64 = 1 << 48;
    let far = time::monotonic_ns().saturating_add(2 * STEP_NS) / STEP_NS * STEP_NS;
    let next = TIMERS
        .lock()
        .first_key_value()
        .map_or(0, |(key, _)| key.0.min(far));
    if ARMED.swap(next, Ordering::Relaxed) != next {
        hypercall::set_timer(next);
    }
}
