//! Arithmetic of the shared time page (`vcpu_time_info` in xen/xen.h).

/// One consistent reading of what Xen publishes of a vCPU's clock.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Time-stamp counter when Xen wrote this.
    pub tsc_timestamp: u64,
    /// System time in ns at that moment.
    pub system_time: u64,
    /// Nanoseconds per shifted tick, times 2^32.
    pub tsc_to_system_mul: u32,
    /// Ticks are shifted left by this (right when negative) before the multiplication.
    pub tsc_shift: i8,
}

impl Scale {
    /// System time in ns at counter value `tsc`. A counter slightly before the page's own
    /// gives a time slightly before it.
    ///
    /// Only the difference of counters means something: Xen may publish a timestamp that
    /// lies "before zero".
    pub fn ns(&self, tsc: u64) -> u64 {
        let ticks = tsc.wrapping_sub(self.tsc_timestamp).cast_signed();
        match u64::try_from(ticks) {
            Ok(after) => self.system_time.wrapping_add(self.scaled(after)),
            Err(_) => self
                .system_time
                .saturating_sub(self.scaled(ticks.unsigned_abs())),
        }
    }

    fn scaled(&self, ticks: u64) -> u64 {
        let shifted = match u32::try_from(self.tsc_shift) {
            Ok(left) => ticks.checked_shl(left).unwrap_or(0),
            Err(_) => ticks
                .checked_shr(u32::from(self.tsc_shift.unsigned_abs()))
                .unwrap_or(0),
        };
        let product = u128::from(shifted) * u128::from(self.tsc_to_system_mul);
        // At most 64 + 32 - 32 bits.
        (product >> 32) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    /// 2 GHz: half a nanosecond per tick.
    const TWO_GHZ: Scale = Scale {
        tsc_timestamp: 1_000_000,
        system_time: 5_000,
        tsc_to_system_mul: 1 << 31,
        tsc_shift: 0,
    };

    #[test]
    fn ticks_become_nanoseconds() {
        assert_eq!(TWO_GHZ.ns(1_000_000), 5_000);
        assert_eq!(TWO_GHZ.ns(1_000_000 + 2_000_000_000), 1_000_005_000);
    }

    #[test]
    fn shifts_go_both_ways() {
        let slow = Scale {
            tsc_shift: 1,
            ..TWO_GHZ
        };
        assert_eq!(slow.ns(1_000_100), 5_100);
        let fast = Scale {
            tsc_shift: -2,
            ..TWO_GHZ
        };
        assert_eq!(fast.ns(1_000_800), 5_100);
    }

    #[test]
    fn a_counter_before_the_page_does_not_wrap() {
        assert_eq!(TWO_GHZ.ns(999_000), 4_500);
        assert_eq!(TWO_GHZ.ns(0), 0);
    }

    #[test]
    fn a_timestamp_before_zero_counts_like_any_other() {
        // Seen on Xen 4.17 in an emulator.
        let scale = Scale {
            tsc_timestamp: 0u64.wrapping_sub(1_000),
            ..TWO_GHZ
        };
        assert_eq!(scale.ns(1_000), 6_000);
    }

    #[test]
    fn long_uptimes_do_not_overflow() {
        let ten_years = 10 * 365 * 24 * 3600 * 2_000_000_000u64;
        assert_eq!(TWO_GHZ.ns(1_000_000 + ten_years), 5_000 + ten_years / 2);
    }
}
