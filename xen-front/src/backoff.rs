//! How long a device stays away after it failed.

/// A device that was up for this long, in nanoseconds, was well.
const WELL_NS: u64 = 10_000_000_000;

/// Failures in a row, and the pause that they are worth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// That of a device that was up for so long, in nanoseconds.
    #[must_use]
    pub fn after(self, lasted_ns: u64) -> Self {
        if lasted_ns >= WELL_NS {
            Self::default()
        } else {
            self.failed()
        }
    }

    /// One failure more.
    #[must_use]
    pub fn failed(self) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
        }
    }

    /// How long to wait: `first_ns` after a failure, doubled with each, at most `max_ns`.
    #[must_use]
    pub fn pause_ns(self, first_ns: u64, max_ns: u64) -> u64 {
        match self.failures.checked_sub(1) {
            None => 0,
            Some(doublings) => first_ns.saturating_mul(1 << doublings.min(32)).min(max_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_the_longest_and_end_when_the_device_was_well() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.pause_ns(3, 20), 0);
        for pause in [3, 6, 12, 20, 20] {
            backoff = backoff.after(WELL_NS - 1);
            assert_eq!(backoff.pause_ns(3, 20), pause);
        }
        for _ in 0..100 {
            backoff = backoff.failed();
        }
        assert_eq!(backoff.pause_ns(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(backoff.after(WELL_NS).pause_ns(3, 20), 0);
    }
}
