//! The head of an HTTP answer.

/// A head may be that long.
pub const HEAD_BYTES: usize = 16 * 1024;

/// What is of interest in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The first line.
    pub status_line: &'a str,
    /// The number in it.
    pub status: u16,
    /// How many bytes follow the head, if it says so.
    pub length: Option<u64>,
}

/// How long the head at the start of `bytes` is, the empty line included; `None` if it has not
/// all come yet.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = b"\r\n\r\n";
    let place = bytes.windows(end.len()).position(|window| window == end)?;
    Some(place + end.len())
}

/// Reads the head; an error says what is wrong with it.
pub fn parse(head: &[u8]) -> Result<Head<'_>, &'static str> {
    let head = core::str::from_utf8(head).map_err(|_| "the answer's head is not text")?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|digits| digits.parse().ok())
        .ok_or("the answer is not HTTP/1")?;
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let value = value.parse().ok().filter(|_| digits);
            let value = value.ok_or("Content-Length is no number")?;
            if length.replace(value).is_some_and(|other| other != value) {
                return Err("two different Content-Lengths");
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("a Transfer-Encoding, which HTTP/1.0 does not have");
        }
    }
    Ok(Head {
        status_line,
        status,
        length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let text = b"HTTP/1.0 200 OK\r\nServer: x\r\ncontent-length:  12 \r\n\r\nrest";
        let end = end_of_head(text).unwrap();
        assert_eq!(&text[end..], b"rest");
        let head = parse(&text[..end]).unwrap();
        assert_eq!((head.status, head.length), (200, Some(12)));
        assert_eq!(head.status_line, "HTTP/1.0 200 OK");
        assert_eq!(end_of_head(b"HTTP/1.0 200 OK\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 404 No\r\n\r\n").unwrap().length, None);
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            &b"SSH-2.0-OpenSSH\r\n\r\n"[..],
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 2",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 \xff\r\n\r\n",
        ] {
            assert!(parse(wrong).is_err(), "{}", wrong.escape_ascii());
        }
    }
}
