//! Time-outs of reads and writes.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use kernel::time::FOREVER_NS;

use crate::io;
use crate::net::error::zero_timeout;
use crate::time::deadline_ns;

/// An optional time-out in ns.
#[derive(Debug)]
pub(in crate::net) struct Timeout(AtomicU64);

impl Timeout {
    pub(super) const fn none() -> Timeout {
        Timeout(AtomicU64::new(FOREVER_NS))
    }

    /// What was set.
    pub(in crate::net) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            FOREVER_NS => None,
            ns => Some(Duration::from_nanos(ns)),
        }
    }

    /// Sets it; zero is refused, as in std.
    pub(in crate::net) fn set(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(zero_timeout());
        }
        let ns = timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok());
        self.0.store(ns.unwrap_or(FOREVER_NS), Ordering::Relaxed);
        Ok(())
    }

    /// When a wait that begins now must end.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        self.get().map(deadline_ns)
    }
}
