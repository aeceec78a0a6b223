//! Requests as they come over the wire: RESP2 arrays, and lines typed by hand.
//!
//! ```text
//! *2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n      an array of two strings
//! ECHO "hello"\r\n                        the same, inline
//! ```
//!
//! The parser owns no bytes: it is shown all that is there of one request, as often as more has
//! come, and goes on where it stopped. No request is looked at twice, however it is cut.

use alloc::vec::Vec;
use core::fmt;

/// A request may have that many bytes, and so may each of its arguments.
pub const MOST_BYTES: usize = 16 << 20;
/// A request may have that many arguments.
pub const MOST_ARGS: usize = 1 << 20;
/// A line may have that many bytes.
pub const MOST_INLINE: usize = 8 << 10;
/// `*` or `$`, a number, and the end of the line.
const MOST_NUMBER: usize = 32;

/// Why something is no request. The connection cannot go on: where the next one would begin is
/// not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The number of arguments.
    Count,
    /// The length of an argument.
    Length,
    /// This byte is where an argument begins.
    NoString(u8),
    /// An argument does not end where it said.
    NoEnd,
    /// A line without end.
    Line,
    /// A line with a quotation mark too many.
    Quotes,
    /// More than [`MOST_BYTES`].
    Size,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            Wrong::Count => f.write_str("invalid multibulk length"),
            Wrong::Length => f.write_str("invalid bulk length"),
            Wrong::NoString(byte) => {
                write!(f, "expected '$', got '{}'", [*byte].escape_ascii())
            }
            Wrong::NoEnd => f.write_str("a bulk string does not end where it said"),
            Wrong::Line => f.write_str("too big inline request"),
            Wrong::Quotes => f.write_str("unbalanced quotes in request"),
            Wrong::Size => f.write_str("too big request"),
        }
    }
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has at least this many bytes, and they are not all there.
    Needs(usize),
    /// It is there and has this many bytes; [`Parser::args`] gives its arguments.
    Complete(usize),
}

/// Where one request stands.
#[derive(Debug, Default)]
pub struct Parser {
    /// Where the arguments lie: start and end, in the request or in `unquoted`.
    places: Vec<(usize, usize)>,
    /// The arguments of a line, without their quotation marks.
    unquoted: Vec<u8>,
    inline: bool,
    /// Bytes that need not be looked at again.
    at: usize,
    /// Arguments still to come; `None` before their number is known.
    missing: Option<usize>,
    /// The argument at `at` has this length; `None` before it is known.
    length: Option<usize>,
}

impl Parser {
    /// Goes on with the request at the start of `bytes`, of which at least as many bytes are
    /// there as the last time.
    pub fn parse(&mut self, bytes: &[u8]) -> Result<Progress, Wrong> {
        let Some(first) = bytes.first() else {
            return Ok(Progress::Needs(1));
        };
        if *first != b'*' {
            return self.line(bytes);
        }
        self.inline = false;
        loop {
            let Some(missing) = self.missing else {
                let Some((count, after)) = number(bytes, 0, Wrong::Count)? else {
                    return Ok(Progress::Needs(bytes.len() + 1));
                };
                // None and less than none are an empty request.
                let count = usize::try_from(count).unwrap_or(0);
                if count > MOST_ARGS {
                    return Err(Wrong::Count);
                }
                self.missing = Some(count);
                self.at = after;
                continue;
            };
            if missing == 0 {
                return Ok(Progress::Complete(self.at));
            }
            let Some(length) = self.length else {
                match bytes.get(self.at) {
                    Some(b'$') => {}
                    Some(other) => return Err(Wrong::NoString(*other)),
                    None => return Ok(Progress::Needs(self.at + 1)),
                }
                let Some((length, after)) = number(bytes, self.at, Wrong::Length)? else {
                    return Ok(Progress::Needs(bytes.len() + 1));
                };
                let length = usize::try_from(length).map_err(|_| Wrong::Length)?;
                if length > MOST_BYTES {
                    return Err(Wrong::Length);
                }
                if after + length + 2 > MOST_BYTES {
                    return Err(Wrong::Size);
                }
                self.length = Some(length);
                self.at = after;
                continue;
            };
            let end = self.at + length;
            match bytes.get(end..end + 2) {
                None => return Ok(Progress::Needs(end + 2)),
                Some(b"\r\n") => {}
                Some(_) => return Err(Wrong::NoEnd),
            }
            self.places.push((self.at, end));
            self.at = end + 2;
            self.length = None;
            self.missing = Some(missing - 1);
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<Progress, Wrong> {
        let Some(end) = bytes[self.at..].iter().position(|byte| *byte == b'\n') else {
            self.at = bytes.len();
            return match self.at > MOST_INLINE {
                true => Err(Wrong::Line),
                false => Ok(Progress::Needs(self.at + 1)),
            };
        };
        let end = self.at + end;
        if end > MOST_INLINE {
            return Err(Wrong::Line);
        }
        self.inline = true;
        self.split(&bytes[..end])?;
        Ok(Progress::Complete(end + 1))
    }

    /// Takes a line apart: words, `"…"` with escapes, `'…'`.
    fn split(&mut self, line: &[u8]) -> Result<(), Wrong> {
        let mut rest = line.iter().copied().peekable();
        loop {
            while rest.next_if(u8::is_ascii_whitespace).is_some() {}
            let Some(first) = rest.peek().copied() else {
                return Ok(());
            };
            let start = self.unquoted.len();
            let mark = Some(first).filter(|byte| matches!(byte, b'"' | b'\''));
            if let Some(mark) = mark {
                rest.next();
                loop {
                    match rest.next().ok_or(Wrong::Quotes)? {
                        b'\\' if mark == b'"' => {
                            let byte = match rest.next().ok_or(Wrong::Quotes)? {
                                b'n' => b'\n',
                                b'r' => b'\r',
                                b't' => b'\t',
                                b'a' => 7,
                                b'b' => 8,
                                b'x' => {
                                    let mut digit = || {
                                        let digit = char::from(rest.next()?).to_digit(16)?;
                                        u8::try_from(digit).ok()
                                    };
                                    let high = digit().ok_or(Wrong::Quotes)?;
                                    high << 4 | digit().ok_or(Wrong::Quotes)?
                                }
                                other => other,
                            };
                            self.unquoted.push(byte);
                        }
                        b'\\' if rest.next_if_eq(&b'\'').is_some() => self.unquoted.push(b'\''),
                        byte if byte == mark => break,
                        byte => self.unquoted.push(byte),
                    }
                }
                if rest.peek().is_some_and(|byte| !byte.is_ascii_whitespace()) {
                    return Err(Wrong::Quotes);
                }
            } else {
                while let Some(byte) = rest.next_if(|byte| !byte.is_ascii_whitespace()) {
                    self.unquoted.push(byte);
                }
            }
            self.places.push((start, self.unquoted.len()));
        }
    }

    /// The arguments of the complete request at the start of `bytes`.
    pub fn args<'a>(&'a self, bytes: &'a [u8]) -> Args<'a> {
        Args {
            bytes: if self.inline { &self.unquoted } else { bytes },
            places: &self.places,
        }
    }

    /// The next bytes are those of another request.
    pub fn restart(&mut self) {
        // What a large request took is given back.
        self.places.clear();
        self.places.shrink_to(64);
        self.unquoted.clear();
        (self.at, self.missing, self.length) = (0, None, None);
    }
}

/// The number after the byte at `at`, and where the line behind it ends; `None` while that is not
/// there.
fn number(bytes: &[u8], at: usize, wrong: Wrong) -> Result<Option<(i64, usize)>, Wrong> {
    let line = &bytes[at + 1..];
    let line = &line[..line.len().min(MOST_NUMBER)];
    let Some(end) = line.iter().position(|byte| *byte == b'\r') else {
        return match line.len() == MOST_NUMBER {
            true => Err(wrong),
            false => Ok(None),
        };
    };
    match line.get(end + 1) {
        None if line.len() == MOST_NUMBER => return Err(wrong),
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(wrong),
    }
    let value = integer(&line[..end]).ok_or(wrong)?;
    Ok(Some((value, at + 1 + end + 2)))
}

/// `text` as Redis takes whole numbers: digits, perhaps a minus before them, no zero in front.
pub fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        [b'0'] => return (digits.len() == text.len()).then_some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// The arguments of a request, the command's name first.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    places: &'a [(usize, usize)],
}

impl<'a> Args<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none: an empty request, which has no answer.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Number `index`; nothing if there are fewer.
    pub fn get(&self, index: usize) -> &'a [u8] {
        let place = self.places.get(index);
        place.map_or(&[], |(start, end)| &self.bytes[*start..*end])
    }

    /// Those from number `index` on.
    pub fn from(&self, index: usize) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        let places = self.places.get(index..).unwrap_or_default();
        places.iter().map(move |(start, end)| &bytes[*start..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    /// All requests in `bytes`, which come in pieces that end where `cuts` says.
    fn requests(bytes: &[u8], cuts: &[usize]) -> Result<Vec<Vec<Vec<u8>>>, Wrong> {
        let mut parser = Parser::default();
        let (mut found, mut start) = (Vec::new(), 0);
        let ends = cuts.iter().copied().chain([bytes.len()]);
        for end in ends {
            while let Progress::Complete(length) = parser.parse(&bytes[start..end])? {
                let args = parser.args(&bytes[start..end]);
                found.push(args.from(0).map(<[u8]>::to_vec).collect());
                parser.restart();
                start += length;
            }
        }
        Ok(found)
    }

    #[test]
    fn arrays_and_lines() {
        let bytes = b"*2\r\n$4\r\nECHO\r\n$5\r\nhe\r\no\r\nPING\r\n\r\n*0\r\n*-1\r\n SET  a 'b c' \"\\x41\\n\"\n";
        let found = requests(bytes, &[]).unwrap();
        let expected: Vec<Vec<&[u8]>> = vec![
            vec![b"ECHO", b"he\r\no"],
            vec![b"PING"],
            vec![],
            vec![],
            vec![],
            vec![b"SET", b"a", b"b c", b"A\n"],
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let wrong = |bytes: &[u8]| requests(bytes, &[]).unwrap_err();
        assert_eq!(wrong(b"*x\r\n"), Wrong::Count);
        assert_eq!(wrong(b"*1048577\r\n"), Wrong::Count);
        assert_eq!(wrong(b"*1\r\n$-1\r\n"), Wrong::Length);
        assert_eq!(wrong(b"*1\r\n$16777217\r\n"), Wrong::Length);
        assert_eq!(wrong(b"*1\r\n$16777210\r\n"), Wrong::Size);
        assert_eq!(wrong(b"*1\r\n:5\r\n"), Wrong::NoString(b':'));
        assert_eq!(wrong(b"*1\r\n$1\r\nabc"), Wrong::NoEnd);
        assert_eq!(wrong(b"*111111111111111111111111111111111"), Wrong::Count);
        assert_eq!(wrong(b"*1\rx"), Wrong::Count);
        assert_eq!(wrong(&[b'a'; MOST_INLINE + 1]), Wrong::Line);
        assert_eq!(wrong(b"SET \"a\n"), Wrong::Quotes);
        assert_eq!(wrong(b"SET \"a\"b\n"), Wrong::Quotes);
    }

    #[test]
    fn numbers_are_as_redis_takes_them() {
        assert_eq!(integer(b"0"), Some(0));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for wrong in [
            &b""[..],
            b"-",
            b"-0",
            b"01",
            b"+1",
            b" 1",
            b"9223372036854775808",
            b"1.0",
        ] {
            assert_eq!(integer(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            wanted in prop::collection::vec(prop::collection::vec(any::<Vec<u8>>(), 1..5), 1..5),
            mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let mut bytes = Vec::new();
            for request in &wanted {
                bytes.extend(std::format!("*{}\r\n", request.len()).bytes());
                for arg in request {
                    bytes.extend(std::format!("${}\r\n", arg.len()).bytes());
                    bytes.extend(arg);
                    bytes.extend(b"\r\n");
                }
            }
            let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(bytes.len())).collect();
            cuts.sort();
            prop_assert_eq!(requests(&bytes, &cuts).unwrap(), wanted);
        }

        #[test]
        fn nonsense_ends(bytes: Vec<u8>, text in "[*$0-9\r\n\"'\\\\ a-c]{0,40}") {
            let _ = requests(&bytes, &[]);
            let _ = requests(text.as_bytes(), &[text.len() / 2]);
        }
    }
}
