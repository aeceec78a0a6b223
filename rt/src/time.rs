//! Clocks, as in std: [`Instant`] never goes back, [`SystemTime`] is the wall clock.
//!
//! Both read Xen's shared time page; no hypercall.

use core::fmt;
use core::ops::{Add, AddAssign, Sub, SubAssign};

pub use core::time::Duration;

use kernel::time;

/// A point of time of this host, for measuring.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Instant {
    ns: u64,
}

impl Instant {
    /// Now.
    pub fn now() -> Instant {
        Instant {
            ns: time::monotonic_ns(),
        }
    }

    /// Later than all times that come.
    pub(crate) const NEVER: Instant = Instant { ns: u64::MAX };

    /// Nanoseconds of the kernel's system time.
    pub(crate) fn as_ns(self) -> u64 {
        self.ns
    }

    /// In the kernel's unit.
    pub(crate) fn system_ns(self) -> u64 {
        self.ns
    }

    /// Time from `earlier` to this, or zero when `earlier` is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// Time from `earlier` to this, or `None` when `earlier` is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.ns.checked_sub(earlier.ns).map(Duration::from_nanos)
    }

    /// Time from `earlier` to this, or zero when `earlier` is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.ns.saturating_sub(earlier.ns))
    }

    /// Time since this.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// This plus a time, if there is such an instant.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let ns = u64::try_from(duration.as_nanos()).ok()?;
        Some(Instant {
            ns: self.ns.checked_add(ns)?,
        })
    }

    /// This minus a time, if there is such an instant.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let ns = u64::try_from(duration.as_nanos()).ok()?;
        Some(Instant {
            ns: self.ns.checked_sub(ns)?,
        })
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration)
            .expect("overflow when adding duration to instant")
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration)
            .expect("overflow when subtracting duration from instant")
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

/// The system time at which `timeout` from now ends: the form the kernel waits by. A
/// timeout beyond all times never ends.
pub(crate) fn deadline_ns(timeout: Duration) -> u64 {
    let ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    time::monotonic_ns().saturating_add(ns)
}

/// A point of wall-clock time. The host sets it; it may jump.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SystemTime {
    since_epoch: Duration,
}

/// 1970-01-01 00:00:00 UTC.
pub const UNIX_EPOCH: SystemTime = SystemTime {
    since_epoch: Duration::ZERO,
};

impl SystemTime {
    /// 1970-01-01 00:00:00 UTC.
    pub const UNIX_EPOCH: SystemTime = UNIX_EPOCH;

    /// Now.
    pub fn now() -> SystemTime {
        SystemTime {
            since_epoch: Duration::from_nanos(time::wall_clock_ns()),
        }
    }

    /// Time from `earlier` to this; an error that holds how much `earlier` is later.
    pub fn duration_since(&self, earlier: SystemTime) -> Result<Duration, SystemTimeError> {
        match self.since_epoch.checked_sub(earlier.since_epoch) {
            Some(duration) => Ok(duration),
            None => Err(SystemTimeError {
                later_by: earlier.since_epoch - self.since_epoch,
            }),
        }
    }

    /// Time since this; an error when the clock was set back.
    pub fn elapsed(&self) -> Result<Duration, SystemTimeError> {
        SystemTime::now().duration_since(*self)
    }
}

impl SystemTime {
    /// This plus a time, if there is such a point.
    pub fn checked_add(&self, duration: Duration) -> Option<SystemTime> {
        let since_epoch = self.since_epoch.checked_add(duration)?;
        Some(SystemTime { since_epoch })
    }

    /// This minus a time, if that is not before 1970.
    pub fn checked_sub(&self, duration: Duration) -> Option<SystemTime> {
        let since_epoch = self.since_epoch.checked_sub(duration)?;
        Some(SystemTime { since_epoch })
    }
}

impl Add<Duration> for SystemTime {
    type Output = SystemTime;

    fn add(self, duration: Duration) -> SystemTime {
        self.checked_add(duration)
            .expect("overflow when adding duration to instant")
    }
}

impl AddAssign<Duration> for SystemTime {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for SystemTime {
    type Output = SystemTime;

    fn sub(self, duration: Duration) -> SystemTime {
        self.checked_sub(duration)
            .expect("overflow when subtracting duration from instant")
    }
}

impl SubAssign<Duration> for SystemTime {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

/// The other time was later.
#[derive(Clone, Debug)]
pub struct SystemTimeError {
    later_by: Duration,
}

impl SystemTimeError {
    /// By how much it was later.
    pub fn duration(&self) -> Duration {
        self.later_by
    }
}

impl fmt::Display for SystemTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("second time provided was later than self")
    }
}

impl core::error::Error for SystemTimeError {}
