//! The clock and the alarms of embassy-time, by the kernel's timers.
//!
//! embassy's timers cannot be cancelled: a future that is polled again asks again, with the same
//! waker. So there is one entry for each waker, with the earliest time that was asked for; a waker
//! that is woken too early asks once more.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::task::Wake;
use core::task::Waker;

use embassy_time_driver::{Driver, TICK_HZ};
use kernel::thread::Timer;
use kernel::time::{NS_PER_S, monotonic_ns};
use spin::Mutex;

/// What makes wakers the same: data and functions. They stay valid as the entry keeps the waker.
type Identity = (usize, usize);

struct Queue {
    /// When to wake whom.
    entries: BTreeMap<Identity, (u64, Waker)>,
    /// The same by time, in ns.
    by_time: BTreeSet<(u64, Identity)>,
    /// The kernel's timer for the first, and its time.
    armed: Option<(u64, Timer)>,
}

struct Alarms(Mutex<Queue>);

embassy_time_driver::time_driver_impl!(static ALARMS: Alarms = Alarms(Mutex::new(Queue {
    entries: BTreeMap::new(),
    by_time: BTreeSet::new(),
    armed: None,
})));

impl Driver for Alarms {
    fn now(&self) -> u64 {
        scale(monotonic_ns(), TICK_HZ, NS_PER_S)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        // A nanosecond more, so that `now` has reached `at` then.
        let at_ns = scale(at, NS_PER_S, TICK_HZ).saturating_add(1);
        let mut queue = self.0.lock();
        let identity = (
            waker.data().addr(),
            core::ptr::from_ref(waker.vtable()).addr(),
        );
        if let Some((before_ns, _)) = queue.entries.get(&identity) {
            let before_ns = *before_ns;
            if before_ns <= at_ns {
                return;
            }
            queue.by_time.remove(&(before_ns, identity));
        }
        let before = queue.entries.insert(identity, (at_ns, waker.clone()));
        queue.by_time.insert((at_ns, identity));
        let disarmed = queue.arm();
        drop(queue);
        // Not under the lock: they may be anybody's.
        drop((before, disarmed));
    }
}

impl Queue {
    /// Sees to it that the kernel's timer is the first one's. Returns what it replaces.
    fn arm(&mut self) -> Option<(u64, Timer)> {
        let next = self.by_time.first().map(|(at_ns, _)| *at_ns);
        if self.armed.as_ref().map(|(at, _)| *at) == next {
            return None;
        }
        let timer = next.map(|at| (at, Timer::new(at, Waker::from(Arc::new(Fire)))));
        core::mem::replace(&mut self.armed, timer)
    }

    /// Takes one that is due.
    fn pop(&mut self, now_ns: u64) -> Option<Waker> {
        let (at_ns, identity) = *self.by_time.first()?;
        if at_ns > now_ns {
            return None;
        }
        self.by_time.pop_first();
        self.entries.remove(&identity).map(|(_, waker)| waker)
    }
}

/// Wakes what is due.
struct Fire;

impl Wake for Fire {
    fn wake(self: Arc<Self>) {
        let now_ns = monotonic_ns();
        loop {
            let waker = ALARMS.0.lock().pop(now_ns);
            match waker {
                Some(waker) => waker.wake(),
                None => break,
            }
        }
        let disarmed = ALARMS.0.lock().arm();
        drop(disarmed);
    }
}

/// `value * by / per`, as far as that fits.
fn scale(value: u64, by: u64, per: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(by) / u128::from(per);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}
