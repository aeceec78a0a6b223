//! How many commands a guest may have handled: a bucket that fills at a steady rate.

use std::time::{Duration, Instant};

/// The bucket.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl Rate {
    /// A full one, with room for two seconds.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self {
            per_second,
            tokens: 2.0 * per_second,
            filled: now,
        }
    }

    /// Pays for what was done.
    ///
    /// # Errors
    /// How long to wait before more is done.
    pub(super) fn take(&mut self, cost: u32, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = now;
        let filled = passed.as_secs_f64().mul_add(self.per_second, self.tokens);
        self.tokens = filled.min(2.0 * self.per_second) - f64::from(cost);
        if self.tokens >= 0.0 {
            return Ok(());
        }
        // Some at a time, so that waking up is worth it.
        let wait = -self.tokens / self.per_second;
        Err(Duration::from_secs_f64(wait.max(0.001)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_gets_its_rate_and_no_more() {
        let start = Instant::now();
        let mut rate = Rate::new(100, start);
        let mut until_told_to_wait = |now| (1..).find(|_| rate.take(1, now).is_err());
        assert_eq!(until_told_to_wait(start), Some(201));
        let later = start + Duration::from_secs(1);
        assert_eq!(until_told_to_wait(later), Some(100));
        let wait = rate.take(100, later).unwrap_err();
        assert!(rate.take(0, later + wait).is_ok());
    }
}
