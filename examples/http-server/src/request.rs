//! Requests: HTTP/1.1 and 1.0 (RFC 9112), as far as a server without uploads needs them.
//!
//! What is not plainly right is refused: where one request ends and the next begins must never be
//! a matter of opinion, or somebody in front of this server would see other requests than it
//! does.

/// The request line and all fields may have that many bytes.
pub const MOST_HEAD: usize = 8 << 10;
/// There may be that many fields.
const MOST_FIELDS: usize = 100;

/// What the client wants done. Others are answered with 405 or 501.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The page.
    Get,
    /// The page's head.
    Head,
    /// A method of the standard that changes things: not allowed here.
    Changing,
    /// What the standard does not know.
    Unknown,
}

/// A request's head, and how its body is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What is to be done.
    pub method: Method,
    /// The path, from the slash on, as it was sent; without the query.
    pub path: &'a str,
    /// Bytes of head, the empty line included.
    pub head_bytes: usize,
    /// Bytes of body that follow.
    pub body_bytes: u64,
    /// The connection stays after the answer.
    pub keep_alive: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// HTTP/1.1, not 1.0.
    pub is_1_1: bool,
    /// The lines after the first.
    fields: &'a str,
}

impl<'a> Request<'a> {
    /// The value of the field `name`, if there is exactly one.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        let mut values = self.fields.lines().filter_map(|line| {
            let (found, value) = line.split_once(':')?;
            let value = value.trim_matches([' ', '\t']);
            found.eq_ignore_ascii_case(name).then_some(value)
        });
        let value = values.next();
        value.filter(|_| values.next().is_none())
    }
}

/// Why a request is refused. The connection ends after the answer: what follows is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 400: this is not a request.
    Bad,
    /// 414: the request line alone is too long.
    LongLine,
    /// 431: the head is too long, or has too many fields.
    LongHead,
    /// 501: a body in a coding that this server does not know.
    Coding,
    /// 505: neither HTTP/1.0 nor 1.1.
    Version,
}

/// Reads the head at the start of `bytes`; `None` if its end has not come yet. `seen` bytes of it
/// were there the last time.
pub fn parse(bytes: &[u8], seen: usize) -> Result<Option<Request<'_>>, Refused> {
    let Some(head_bytes) = end_of_head(bytes, seen) else {
        if bytes.len() < MOST_HEAD {
            return Ok(None);
        }
        return Err(too_long(bytes));
    };
    if head_bytes > MOST_HEAD {
        return Err(too_long(bytes));
    }
    let head = core::str::from_utf8(&bytes[..head_bytes]).map_err(|_| Refused::Bad)?;
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let mut request = request_line(lines.next().unwrap_or_default())?;
    request.head_bytes = head_bytes;
    request.fields = head.split_once('\n').map_or("", |(_, fields)| fields);

    let (mut hosts, mut length, mut fields) = (0, None, 0);
    for line in lines.take_while(|line| !line.is_empty()) {
        fields += 1;
        if fields > MOST_FIELDS {
            return Err(Refused::LongHead);
        }
        let (name, value) = line.split_once(':').ok_or(Refused::Bad)?;
        if name.is_empty() || !name.bytes().all(is_token) {
            // A blank before the colon, or a line that goes on with the last one, too.
            return Err(Refused::Bad);
        }
        let value = value.trim_matches([' ', '\t']);
        if value
            .bytes()
            .any(|byte| byte < b' ' && byte != b'\t' || byte == 127)
        {
            return Err(Refused::Bad);
        }
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("host") {
            hosts += 1;
        } else if is("content-length") {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let value: u64 = value.parse().ok().filter(|_| digits).ok_or(Refused::Bad)?;
            if length.replace(value).is_some() {
                return Err(Refused::Bad);
            }
        } else if is("transfer-encoding") {
            return Err(Refused::Coding);
        } else if is("connection") {
            for option in value.split(',').map(str::trim) {
                if option.eq_ignore_ascii_case("close") {
                    request.keep_alive = false;
                } else if option.eq_ignore_ascii_case("keep-alive") && !request.is_1_1 {
                    request.keep_alive = true;
                }
            }
        } else if is("expect") {
            request.expects_continue = value.eq_ignore_ascii_case("100-continue");
        }
    }
    // 1.1 wants exactly one Host; nobody may have two.
    if hosts > 1 || hosts == 0 && request.is_1_1 {
        return Err(Refused::Bad);
    }
    request.body_bytes = length.unwrap_or(0);
    Ok(Some(request))
}

/// What of a head that is too long is too long.
fn too_long(head: &[u8]) -> Refused {
    match head[..MOST_HEAD].contains(&b'\n') {
        true => Refused::LongHead,
        false => Refused::LongLine,
    }
}

/// Where the head ends: after the first empty line. A bare line feed ends a line as well
/// (RFC 9112, 2.2).
fn end_of_head(bytes: &[u8], seen: usize) -> Option<usize> {
    // The end may have begun with the last bytes that were there before.
    let start = seen.saturating_sub(3);
    let mut rest = &bytes[start..];
    while let Some(feed) = rest.iter().position(|byte| *byte == b'\n') {
        rest = &rest[feed + 1..];
        match rest {
            [b'\n', ..] => return Some(bytes.len() - rest.len() + 1),
            [b'\r', b'\n', ..] => return Some(bytes.len() - rest.len() + 2),
            _ => {}
        }
    }
    None
}

fn request_line(line: &str) -> Result<Request<'_>, Refused> {
    let mut words = line.split(' ');
    let (method, target, version) = match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version), None) => (method, target, version),
        _ => return Err(Refused::Bad),
    };
    let is_1_1 = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ if version.starts_with("HTTP/") => return Err(Refused::Version),
        _ => return Err(Refused::Bad),
    };
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(Refused::Bad);
    }
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "TRACE" | "CONNECT" => Method::Changing,
        _ => Method::Unknown,
    };
    // As a proxy would send it: the path is what follows the host.
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    let printable = |byte: u8| byte > b' ' && byte < 127;
    if !path.starts_with('/') && path != "*" || !path.bytes().all(printable) {
        return Err(Refused::Bad);
    }
    Ok(Request {
        method,
        path: path.split_once('?').map_or(path, |(path, _)| path),
        head_bytes: 0,
        body_bytes: 0,
        keep_alive: is_1_1,
        expects_continue: false,
        is_1_1,
        fields: "",
    })
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn complete(text: &str) -> Result<Request<'_>, Refused> {
        parse(text.as_bytes(), 0).map(|request| request.expect("complete"))
    }

    #[test]
    fn a_request_is_read() {
        let text = "GET /a?b HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\nrest";
        let request = complete(text).unwrap();
        assert_eq!((request.method, request.path), (Method::Get, "/a"));
        assert!(request.keep_alive && request.is_1_1);
        assert_eq!(&text[request.head_bytes..], "rest");
        assert_eq!(request.field("user-agent"), Some("y"));
        assert_eq!(request.field("Range"), None);
        let twice = complete("GET / HTTP/1.0\r\nRange: a\nrange:b\n\n").unwrap();
        assert_eq!(twice.field("Range"), None);
        let request = complete("HEAD http://h/p HTTP/1.0\n\n").unwrap();
        assert_eq!((request.method, request.path), (Method::Head, "/p"));
        assert!(!request.keep_alive);
        let kept = complete("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").unwrap();
        assert!(kept.keep_alive);
        let closed = complete("GET / HTTP/1.1\r\nHost: x\r\nConnection: x, close\r\n\r\n").unwrap();
        assert!(!closed.keep_alive);
        let post =
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n";
        let post = complete(post).unwrap();
        assert_eq!((post.method, post.body_bytes), (Method::Changing, 12));
        assert!(post.expects_continue);
        assert_eq!(
            complete("BREW / HTTP/1.0\r\n\r\n").unwrap().method,
            Method::Unknown
        );
    }

    #[test]
    fn what_is_not_plainly_right_is_refused() {
        for wrong in [
            "GET\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET  / HTTP/1.0\r\n\r\n",
            "GET / x HTTP/1.0\r\n\r\n",
            "GET a HTTP/1.0\r\n\r\n",
            "G(T / HTTP/1.0\r\n\r\n",
            "GET / SPDY/1\r\n\r\n",
            "GET / HTTP/1.0\r\nno colon\r\n\r\n",
            "GET / HTTP/1.0\r\nName : x\r\n\r\n",
            "GET / HTTP/1.0\r\nName: x\r\n folded\r\n\r\n",
            "GET / HTTP/1.0\r\nName: a\rb\r\n\r\n",
            "GET / HTTP/1.0\r\nContent-Length: +1\r\n\r\n",
            "GET / HTTP/1.0\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.0\r\nContent-Length: 1, 1\r\n\r\n",
            "GET / HTTP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n",
        ] {
            assert_eq!(complete(wrong), Err(Refused::Bad), "{wrong:?}");
        }
        assert_eq!(parse(b"GET /\xff HTTP/1.0\r\n\r\n", 0), Err(Refused::Bad));
        assert_eq!(complete("GET / HTTP/2.0\r\n\r\n"), Err(Refused::Version));
        let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(complete(chunked), Err(Refused::Coding));
    }

    #[test]
    fn heads_have_a_limit() {
        let long = [b'a'; MOST_HEAD];
        assert_eq!(parse(&long, 0), Err(Refused::LongLine));
        let line = std::format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(MOST_HEAD));
        assert_eq!(parse(line.as_bytes(), 0), Err(Refused::LongLine));
        let fields = "A: b\r\n".repeat(2000);
        let text = std::format!("GET / HTTP/1.0\r\n{fields}");
        assert_eq!(parse(text.as_bytes(), 0), Err(Refused::LongHead));
        let fields = "A: b\r\n".repeat(101);
        let text = std::format!("GET / HTTP/1.0\r\n{fields}\r\n");
        assert_eq!(parse(text.as_bytes(), 0), Err(Refused::LongHead));
    }

    proptest! {
        #[test]
        fn however_it_comes_it_means_the_same(text in "(GET|X) /[a ]{0,3} HTTP/1.[012](\r\n|\n)(A: b(\r\n|\n|\r)){0,3}(\r\n|\n)?c?") {
            let bytes = text.as_bytes();
            let whole = parse(bytes, 0);
            let pieces = (0..=bytes.len()).find_map(|end| {
                parse(&bytes[..end], end.saturating_sub(1)).transpose()
            });
            prop_assert_eq!(whole.transpose(), pieces);
        }

        #[test]
        fn nonsense_ends(bytes: Vec<u8>) {
            let _ = parse(&bytes, 0);
        }
    }
}
