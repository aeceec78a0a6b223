//! Answers: what stands before a body, and short bodies.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::date;
use crate::request::{Method, Request};

/// The answer to a client for whom there is no room at all.
pub const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
                          Retry-After: 1\r\nConnection: close\r\n\r\n";

/// The media type of texts.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 9110, 15, has these names")]
pub enum Status {
    Ok,
    Partial,
    Moved,
    NotModified,
    Bad,
    Forbidden,
    NotFound,
    NotAllowed,
    TooLarge,
    LongLine,
    Unsatisfiable,
    LongHead,
    Error,
    NotImplemented,
    Unavailable,
    Version,
}

impl Status {
    /// Number and name.
    pub fn text(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::Partial => "206 Partial Content",
            Status::Moved => "301 Moved Permanently",
            Status::NotModified => "304 Not Modified",
            Status::Bad => "400 Bad Request",
            Status::Forbidden => "403 Forbidden",
            Status::NotFound => "404 Not Found",
            Status::NotAllowed => "405 Method Not Allowed",
            Status::TooLarge => "413 Content Too Large",
            Status::LongLine => "414 URI Too Long",
            Status::Unsatisfiable => "416 Range Not Satisfiable",
            Status::LongHead => "431 Request Header Fields Too Large",
            Status::Error => "500 Internal Server Error",
            Status::NotImplemented => "501 Not Implemented",
            Status::Unavailable => "503 Service Unavailable",
            Status::Version => "505 HTTP Version Not Supported",
        }
    }
}

/// An answer that is being written.
#[derive(Debug)]
pub struct Answer<'a> {
    out: &'a mut Vec<u8>,
    keep: bool,
    now: u64,
    fields: Vec<u8>,
}

impl<'a> Answer<'a> {
    /// The next one in `out`, at `now` (seconds since 1970), on a connection that stays, or does
    /// not.
    pub fn new(out: &'a mut Vec<u8>, keep: bool, now: u64) -> Answer<'a> {
        let fields = Vec::new();
        Answer {
            out,
            keep,
            now,
            fields,
        }
    }

    /// When this is, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The head has this field, too. A value that is not of printable characters is left out.
    pub fn field(&mut self, name: &str, value: &str) {
        if value.bytes().all(|byte| (b' '..127).contains(&byte)) {
            self.fields.extend_from_slice(b"\r\n");
            self.fields.extend_from_slice(name.as_bytes());
            self.fields.extend_from_slice(b": ");
            self.fields.extend_from_slice(value.as_bytes());
        }
    }

    /// Whether the request wants something that every site has. If not, it is refused.
    pub fn is_reading(&mut self, request: &Request<'_>) -> bool {
        match request.method {
            Method::Get | Method::Head => return true,
            Method::Changing => self.refuse(Status::NotAllowed),
            Method::Unknown => self.refuse(Status::NotImplemented),
        }
        false
    }

    /// The answer is a text that says what is wrong.
    pub fn refuse(&mut self, status: Status) {
        self.text(status, TEXT, status.text(), true);
    }

    /// The answer is `text`, or its head alone.
    pub fn text(&mut self, status: Status, media_type: &str, text: &str, with_body: bool) {
        let line = if text.ends_with('\n') { "" } else { "\n" };
        let length = text.len() + line.len();
        self.head(status, media_type, length as u64);
        if with_body {
            self.out.extend_from_slice(text.as_bytes());
            self.out.extend_from_slice(line.as_bytes());
        }
    }

    /// The head of an answer whose body has `length` bytes.
    pub fn head(&mut self, status: Status, media_type: &str, length: u64) {
        let mut out = Text(self.out);
        let date = date::date(self.now);
        // Writing to memory does not fail.
        let _ = write!(
            out,
            "HTTP/1.1 {}\r\nServer: callisto\r\nDate: ",
            status.text()
        );
        out.0.extend_from_slice(&date);
        if status == Status::NotAllowed {
            let _ = out.write_str("\r\nAllow: GET, HEAD");
        }
        out.0.append(&mut self.fields);
        // An answer that has no body says nothing of it.
        if status != Status::NotModified {
            let _ = write!(
                out,
                "\r\nContent-Type: {media_type}\r\nContent-Length: {length}"
            );
        }
        let connection = if self.keep { "keep-alive" } else { "close" };
        let _ = write!(out, "\r\nConnection: {connection}\r\n\r\n");
    }
}

struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
