//! Answers as they go over the wire, added to a buffer.

use alloc::vec::Vec;

/// `+text`.
pub fn simple(out: &mut Vec<u8>, text: &str) {
    out.push(b'+');
    line(out, text.as_bytes());
}

/// `-text`; what would end the line early is made a blank.
pub fn error(out: &mut Vec<u8>, text: &str) {
    out.push(b'-');
    out.extend(text.bytes().map(|byte| match byte {
        b'\r' | b'\n' => b' ',
        byte => byte,
    }));
    out.extend_from_slice(b"\r\n");
}

/// `:number`.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    headed(out, b':', value);
}

/// A count, as a number. None is so large that it would not fit.
pub fn count(out: &mut Vec<u8>, value: usize) {
    integer(out, i64::try_from(value).unwrap_or(i64::MAX));
}

/// A string of any bytes.
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    headed(out, b'$', i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    line(out, bytes);
}

/// No string.
pub fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"$-1\r\n");
}

/// No array.
pub fn null_array(out: &mut Vec<u8>) {
    out.extend_from_slice(b"*-1\r\n");
}

/// The start of an array of `length` answers, which follow.
pub fn array(out: &mut Vec<u8>, length: usize) {
    headed(out, b'*', i64::try_from(length).unwrap_or(i64::MAX));
}

/// At most that many bytes go around a string in an answer.
pub const BULK_FRAME: usize = 1 + 20 + 2 + 2;

fn headed(out: &mut Vec<u8>, head: u8, value: i64) {
    out.push(head);
    line(out, Digits::of(value).text());
}

fn line(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

/// A number in decimal, without the machinery of `core::fmt`: most answers have one.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    bytes: [u8; 20],
    start: usize,
}

impl Digits {
    /// The digits of `value`.
    pub fn of(value: i64) -> Digits {
        let mut digits = Digits {
            bytes: [0; 20],
            start: 20,
        };
        let mut rest = value.unsigned_abs();
        loop {
            digits.put(b'0' + (rest % 10).to_le_bytes()[0]);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            digits.put(b'-');
        }
        digits
    }

    fn put(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    /// As text.
    pub fn text(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_their_form() {
        let mut out = Vec::new();
        simple(&mut out, "OK");
        error(&mut out, "ERR a\r\nb");
        integer(&mut out, -12);
        bulk(&mut out, b"a\r\n");
        null(&mut out);
        array(&mut out, 2);
        assert_eq!(
            out,
            b"+OK\r\n-ERR a  b\r\n:-12\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n"
        );
        for value in [0, 7, -7, 10, i64::MAX, i64::MIN] {
            let expected = std::format!("{value}");
            assert_eq!(Digits::of(value).text(), expected.as_bytes());
        }
    }
}
