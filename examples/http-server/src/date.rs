//! The field `Date` (RFC 9110, 5.6.7).

use core::fmt::Write;

/// How long it is.
pub const BYTES: usize = 29;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `Sun, 06 Nov 1994 08:49:37 GMT` for `seconds` since 1970; years beyond 9999 are not told.
pub fn date(seconds: u64) -> [u8; BYTES] {
    const LAST: u64 = 253_402_300_799;
    let seconds = seconds.min(LAST);
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Years from March on, so that the leap day is the last one: days since 0000-03-01, in eras
    // of 400 years (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);

    let mut text = Text([b' '; BYTES], 0);
    let place = |index: u64| usize::try_from(index).unwrap_or(0);
    // It has as many bytes as there are: `LAST` sees to it.
    let _ = write!(
        text,
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        DAYS[place(days % 7)],
        MONTHS[place(month)],
        time / 3600,
        time / 60 % 60,
        time % 60,
    );
    text.0
}

/// What [`date`] writes, read: seconds since 1970. Other forms of dates, which nobody writes any
/// more, are none.
pub fn parse(text: &str) -> Option<u64> {
    let number = |range: core::ops::Range<usize>| -> Option<u64> {
        let digits = text.get(range)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(())?;
        digits.parse().ok()
    };
    let (day, year) = (number(5..7)?, number(12..16)?);
    let time = (number(17..19)? * 60 + number(20..22)?) * 60 + number(23..25)?;
    let month = MONTHS
        .iter()
        .position(|month| text.get(8..11) == Some(month))? as u64;
    // As in `date`: months from March on.
    let from_march = (month + 10) % 12;
    let year = year.checked_sub(u64::from(month < 2))?;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 + day;
    let seconds = days.checked_sub(719_469)?.checked_mul(86_400)? + time;
    // Whatever else is wrong with it shows here.
    (date(seconds) == text.as_bytes()).then_some(seconds)
}

struct Text([u8; BYTES], usize);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.0.get_mut(self.1..self.1 + text.len());
        room.ok_or(core::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.1 += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_written() {
        let text = |seconds| std::string::String::from_utf8(date(seconds).to_vec()).unwrap();
        assert_eq!(text(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(text(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(text(1_735_689_599), "Tue, 31 Dec 2024 23:59:59 GMT");
        assert_eq!(text(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
        assert_eq!(text(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for wrong in [
            "",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:60 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Thu, 30 Feb 2012 00:00:00 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Növ 1994 08:49:37 GMT",
            "Sun, 06 Jan 0000 00:00:00 GMT",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..253_402_300_800_u64) {
            let text = date(seconds);
            prop_assert_eq!(parse(core::str::from_utf8(&text).unwrap()), Some(seconds));
        }
    }
}
