//! Time: Xen's system clock, the wall clock, and one-shot timers.
//!
//! System time counts nanoseconds since the host booted, is the same on all vCPUs and never
//! goes back; [`pvclock`] computes it from the time-stamp counter without a hypercall.

pub mod pvclock;

#[cfg(guest)]
mod clock;
#[cfg(guest)]
pub(crate) use clock::init;
#[cfg(guest)]
pub use clock::{monotonic_ns, ns_of_tsc, wall_clock_ns};

/// Nanoseconds of a second.
pub const NS_PER_S: u64 = 1_000_000_000;
/// Nanoseconds of a millisecond.
pub const NS_PER_MS: u64 = 1_000_000;
/// A deadline that is never reached.
pub const FOREVER_NS: u64 = u64::MAX;
