//! The field `Range` (RFC 9110, 14.2): one range of bytes. Several at once are answered with the
//! whole file, which the standard permits.

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything: what was asked for is not understood.
    All,
    /// From this byte to that one, which is included.
    Bytes(u64, u64),
    /// Nothing: there are no such bytes.
    Nothing,
}

/// Which part of `length` bytes `value` asks for.
pub fn part(value: &str, length: u64) -> Part {
    let asked = (|| {
        let (unit, range) = value.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        let number = |text: &str| -> Option<Option<u64>> {
            if !text.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            match text {
                "" => Some(None),
                // More than there can be is as good as the most.
                _ => Some(Some(text.parse().unwrap_or(u64::MAX))),
            }
        };
        unit.eq_ignore_ascii_case("bytes").then_some(())?;
        match (number(first)?, number(last)?) {
            (None, None) => None,
            (Some(first), Some(last)) if last < first => None,
            (Some(first), last) => Some((first, last.unwrap_or(u64::MAX))),
            (None, Some(0)) => Some((u64::MAX, u64::MAX)),
            (None, Some(count)) => Some((length.saturating_sub(count), u64::MAX)),
        }
    })();
    match asked {
        None => Part::All,
        Some((first, _)) if first >= length => Part::Nothing,
        Some((first, last)) => Part::Bytes(first, last.min(length - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range() {
        assert_eq!(part("bytes=0-0", 10), Part::Bytes(0, 0));
        assert_eq!(part("Bytes=2-5", 10), Part::Bytes(2, 5));
        assert_eq!(part("bytes=2-", 10), Part::Bytes(2, 9));
        assert_eq!(
            part("bytes=2-99999999999999999999999", 10),
            Part::Bytes(2, 9)
        );
        assert_eq!(part("bytes=-3", 10), Part::Bytes(7, 9));
        assert_eq!(part("bytes=-30", 10), Part::Bytes(0, 9));
        for none in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=18446744073709551615-",
        ] {
            assert_eq!(part(none, 10), Part::Nothing, "{none}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Nothing);
        assert_eq!(part("bytes=-5", 0), Part::Nothing);
        for all in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=+1-2",
            "bytes=--1",
        ] {
            assert_eq!(part(all, 10), Part::All, "{all}");
        }
    }
}
