//! One client, without its socket: bytes in, bytes out.
//!
//! [`Connection::serve`] answers everything that has arrived into one buffer, however many
//! requests that are, and says what to do after the buffer has been sent. A large body is made
//! piece by piece. A client costs its two buffers, whatever it sends.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::date;
use crate::request::{self, MOST_HEAD, Method, Refused, Request};
use crate::site::{self, Body, State};

/// A body of a request, which nobody reads, may have that many bytes.
pub const MOST_BODY: u64 = 64 << 10;
/// What is received at a time: more than a head.
const INPUT: usize = 2 * MOST_HEAD;
/// More output than that is sent before anything else is done.
const FLUSH: usize = 64 << 10;
/// Output that a client keeps room for.
const OUTPUT: usize = 4 << 10;

/// What is to be done after [`Connection::serve`], and after the output is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Receive more, then serve.
    Receive,
    /// Serve again.
    Serve,
    /// End the connection. What the client still sends is read and thrown away for a moment: the
    /// answer could be lost on its way otherwise.
    Close,
}

/// One client.
#[derive(Debug)]
pub struct Connection {
    /// What came: `input[start..end]` has not been looked at.
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes from `start` on in which no head ends.
    seen: usize,
    output: Output,
    /// The rest of a generated body: where it goes on, and where it ends.
    generating: (u64, u64),
    /// Bytes of a request's body that are still to come.
    skip: u64,
    closing: bool,
}

impl Default for Connection {
    fn default() -> Self {
        Connection {
            input: vec![0; INPUT],
            start: 0,
            end: 0,
            seen: 0,
            output: Output(Vec::with_capacity(OUTPUT)),
            generating: (0, 0),
            skip: 0,
            closing: false,
        }
    }
}

impl Connection {
    /// Where what is received goes; never empty.
    pub fn room(&mut self) -> &mut [u8] {
        // After `serve` less than a head is left.
        self.input.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        &mut self.input[self.end..]
    }

    /// So many bytes have been received.
    pub fn received(&mut self, count: usize) {
        self.end = (self.end + count).min(self.input.len());
    }

    /// Whether the client may be silent now: it has begun nothing.
    pub fn is_idle(&self) -> bool {
        self.start == self.end && self.skip == 0
    }

    /// Answers what is there, at `now` (seconds since 1970).
    pub fn serve(&mut self, state: &mut State, now: u64) -> Next {
        let next = self.work(state, now);
        state.bytes += self.output.0.len() as u64;
        next
    }

    fn work(&mut self, state: &mut State, now: u64) -> Next {
        loop {
            self.generate();
            if self.generating.0 < self.generating.1 || self.output.0.len() >= FLUSH {
                return Next::Serve;
            }
            if self.closing {
                return Next::Close;
            }
            let there = &self.input[self.start..self.end];
            if self.skip > 0 {
                let count = there
                    .len()
                    .min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                self.start += count;
                self.skip -= count as u64;
                if self.skip > 0 {
                    return Next::Receive;
                }
                continue;
            }
            let out = &mut self.output;
            match request::parse(there, self.seen) {
                Ok(None) => {
                    self.seen = there.len();
                    return Next::Receive;
                }
                Ok(Some(request)) => {
                    let head_bytes = request.head_bytes;
                    let too_long = request.body_bytes > MOST_BODY;
                    // Nobody here wants to see the body that such a client asks for leave to send.
                    let keep = request.keep_alive && !too_long && !request.expects_continue;
                    self.skip = if keep { request.body_bytes } else { 0 };
                    self.closing = !keep;
                    self.generating = match too_long {
                        true => out.refuse(Status::TooLarge, keep, now),
                        false => out.answer(&request, keep, state, now),
                    };
                    self.start += head_bytes;
                }
                Err(refused) => {
                    let status = match refused {
                        Refused::Bad => Status::Bad,
                        Refused::LongLine => Status::LongLine,
                        Refused::LongHead => Status::LongHead,
                        Refused::Coding => Status::NotImplemented,
                        Refused::Version => Status::Version,
                    };
                    out.refuse(status, false, now);
                    self.closing = true;
                    self.start = self.end;
                }
            }
            self.seen = 0;
            state.requests += 1;
        }
    }

    /// Adds what fits of the generated body.
    fn generate(&mut self) {
        let (from, until) = self.generating;
        let place = self.output.0.len();
        let room = FLUSH.saturating_sub(place);
        let count = usize::try_from(until - from)
            .unwrap_or(usize::MAX)
            .min(room);
        if count > 0 {
            self.output.0.resize(place + count, 0);
            site::generate(from, &mut self.output.0[place..]);
            self.generating.0 += count as u64;
        }
    }

    /// What is to be sent.
    pub fn output(&self) -> &[u8] {
        &self.output.0
    }

    /// The output is sent.
    pub fn sent(&mut self) {
        self.output.0.clear();
        // A piece of a large body takes more; that goes when the body does.
        if self.generating.0 == self.generating.1 {
            self.output.0.shrink_to(OUTPUT);
        }
    }
}

/// The answer to a client for whom there is no room at all.
pub const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
                          Retry-After: 1\r\nConnection: close\r\n\r\n";

#[derive(Clone, Copy)]
enum Status {
    Ok,
    Bad,
    NotFound,
    NotAllowed,
    TooLarge,
    LongLine,
    LongHead,
    NotImplemented,
    Version,
}

impl Status {
    fn text(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::Bad => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::NotAllowed => "405 Method Not Allowed",
            Status::TooLarge => "413 Content Too Large",
            Status::LongLine => "414 URI Too Long",
            Status::LongHead => "431 Request Header Fields Too Large",
            Status::NotImplemented => "501 Not Implemented",
            Status::Version => "505 HTTP Version Not Supported",
        }
    }
}

#[derive(Debug)]
struct Output(Vec<u8>);

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Output {
    /// Answers a request that is well formed. Returns which part of a generated body is to follow.
    fn answer(&mut self, request: &Request<'_>, keep: bool, state: &State, now: u64) -> (u64, u64) {
        let with_body = match request.method {
            Method::Get => true,
            Method::Head => false,
            Method::Changing => return self.refuse(Status::NotAllowed, keep, now),
            Method::Unknown => return self.refuse(Status::NotImplemented, keep, now),
        };
        let Some(page) = site::find(request.path) else {
            let text = Status::NotFound.text();
            self.text(Status::NotFound, text, with_body, keep, now);
            return (0, 0);
        };
        match page.body {
            Body::Text(text) => {
                self.head(Status::Ok, page.media_type, text.len() as u64, keep, now);
                self.0
                    .extend_from_slice(if with_body { text } else { "" }.as_bytes());
                (0, 0)
            }
            Body::State => {
                self.text(Status::Ok, &state.text(), with_body, keep, now);
                (0, 0)
            }
            Body::Generated(length) => {
                self.head(Status::Ok, page.media_type, length, keep, now);
                (0, if with_body { length } else { 0 })
            }
        }
    }

    fn refuse(&mut self, status: Status, keep: bool, now: u64) -> (u64, u64) {
        self.text(status, status.text(), true, keep, now);
        (0, 0)
    }

    fn text(&mut self, status: Status, text: &str, with_body: bool, keep: bool, now: u64) {
        let line = if text.ends_with('\n') { "" } else { "\n" };
        let length = text.len() + line.len();
        self.head(status, TEXT, length as u64, keep, now);
        if with_body {
            self.0.extend_from_slice(text.as_bytes());
            self.0.extend_from_slice(line.as_bytes());
        }
    }

    fn head(&mut self, status: Status, media_type: &str, length: u64, keep: bool, now: u64) {
        self.0.extend_from_slice(b"HTTP/1.1 ");
        self.0.extend_from_slice(status.text().as_bytes());
        self.0.extend_from_slice(b"\r\nServer: callisto\r\nDate: ");
        self.0.extend_from_slice(&date::date(now));
        self.0.extend_from_slice(b"\r\nContent-Type: ");
        self.0.extend_from_slice(media_type.as_bytes());
        let connection = if keep { "keep-alive" } else { "close" };
        let allow = match status {
            Status::NotAllowed => "\r\nAllow: GET, HEAD",
            _ => "",
        };
        // Writing to memory does not fail.
        let _ = write!(
            self,
            "{allow}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n"
        );
    }
}

#[cfg(test)]
mod tests;
