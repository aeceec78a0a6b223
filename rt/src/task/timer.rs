//! Time for tasks: the kernel's timers wake them.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use kernel::thread::Timer;
use kernel::time::monotonic_ns;

use crate::io;
use crate::time::{Instant, deadline_ns};

/// Completes when its time has come; see [`sleep`].
pub struct Sleep {
    /// System time; `u64::MAX` never comes.
    deadline_ns: u64,
    /// The kernel's timer, and whom it wakes.
    timer: Option<(Timer, Waker)>,
}

impl Sleep {
    pub(crate) fn until_ns(deadline_ns: u64) -> Sleep {
        Sleep {
            deadline_ns,
            timer: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if monotonic_ns() >= self.deadline_ns {
            self.timer = None;
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !self
            .timer
            .as_ref()
            .is_some_and(|(_, old)| old.will_wake(waker))
        {
            let timer = Timer::new(self.deadline_ns, waker.clone());
            self.timer = Some((timer, waker.clone()));
        }
        Poll::Pending
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline_ns", &self.deadline_ns)
            .finish_non_exhaustive()
    }
}

/// Waits at least that long, counted from this call on.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::until_ns(deadline_ns(duration))
}

/// Waits until then.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::until_ns(deadline.as_ns())
}

/// The future's result, or [`Elapsed`] when it is not done that long after this call; it is
/// dropped then.
pub fn timeout<F: Future>(
    duration: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    limited(Sleep::until_ns(deadline_ns(duration)), future)
}

/// As [`timeout`], until a point of time.
pub fn timeout_at<F: Future>(
    deadline: Instant,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    limited(sleep_until(deadline), future)
}

async fn limited<F: Future>(sleep: Sleep, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = pin!(sleep);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| Err(Elapsed)),
    })
    .await
}

/// The time of a [`timeout`] was over before its future was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl core::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(error: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, error)
    }
}

/// Ticks in equal steps; see [`interval`].
#[derive(Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
}

/// Ticks at once and then every `period`. Ticks that nobody waited for in time come one after the
/// other, until none is due.
///
/// # Panics
/// When `period` is zero.
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval has a period");
    Interval {
        next: Instant::now(),
        period,
    }
}

impl Interval {
    /// Waits for the next tick, and tells when it was due. A call that is dropped before loses
    /// none.
    pub async fn tick(&mut self) -> Instant {
        sleep_until(self.next).await;
        let due = self.next;
        // An interval so long that there is no such time never ticks again.
        self.next = due.checked_add(self.period).unwrap_or(Instant::NEVER);
        due
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}
