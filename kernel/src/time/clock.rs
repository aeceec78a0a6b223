//! Reading the clocks from the shared info page.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use super::NS_PER_S;
use super::pvclock::Scale;
use crate::event::shared_info;
use crate::hypercall;

fn tsc() -> u64 {
    // SAFETY: reads a counter. PV guests may, or Xen emulates it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Makes sure that Xen has published a clock: it does when it puts a vCPU on a processor,
/// but the first time may be left out (seen on 4.17), and then all fields are zero.
pub(crate) fn init() {
    while scale().tsc_to_system_mul == 0 {
        // Sleep until a moment that has passed, so that Xen puts us back on a processor.
        hypercall::poll_ports(&[], 1);
    }
}

/// Xen's system time in ns; never goes back.
///
/// What Xen publishes may, by some nanoseconds, when it corrects the clock or moves the vCPU
/// to another processor; then this stands still.
pub fn monotonic_ns() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = scale().ns(tsc());
    now.max(LAST.fetch_max(now, Ordering::Relaxed))
}

/// System time at a counter value read earlier.
pub fn ns_of_tsc(tsc: u64) -> u64 {
    scale().ns(tsc)
}

/// Nanoseconds since the Unix epoch.
pub fn wall_clock_ns() -> u64 {
    let page = shared_info();
    let boot_ns = consistent(
        // SAFETY: the page is mapped for good; Xen writes it, hence volatile.
        || unsafe { (&raw const (*page).wc_version).read_volatile() },
        || {
            // SAFETY: as above.
            let low = unsafe { (&raw const (*page).wc_sec).read_volatile() };
            // SAFETY: as above.
            let high = unsafe { (&raw const (*page).wc_sec_hi).read_volatile() };
            // SAFETY: as above.
            let ns = unsafe { (&raw const (*page).wc_nsec).read_volatile() };
            ((u64::from(high) << 32) | u64::from(low)) * NS_PER_S + u64::from(ns)
        },
    );
    boot_ns + monotonic_ns()
}

fn scale() -> Scale {
    // SAFETY: in bounds: the page has 32 of them, and there is at least one vCPU.
    let time = unsafe { &raw const (*shared_info()).vcpu_info[0].time };
    consistent(
        // SAFETY: the page is mapped for good; Xen writes it, hence volatile.
        || unsafe { (&raw const (*time).version).read_volatile() },
        || {
            // SAFETY: as above; a torn value is thrown away by `consistent`.
            let time = unsafe { time.read_volatile() };
            Scale {
                tsc_timestamp: time.tsc_timestamp,
                system_time: time.system_time,
                tsc_to_system_mul: time.tsc_to_system_mul,
                tsc_shift: time.tsc_shift,
            }
        },
    )
}

/// Reads what Xen changes under a version number: odd while it writes, another one after.
fn consistent<T>(version: impl Fn() -> u32, read: impl Fn() -> T) -> T {
    loop {
        let before = version();
        fence(Ordering::Acquire);
        let value = read();
        fence(Ordering::Acquire);
        if before.is_multiple_of(2) && version() == before {
            return value;
        }
        core::hint::spin_loop();
    }
}
