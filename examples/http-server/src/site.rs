//! What is served: a page, a text, and bodies as large as is asked for.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::answer::{Answer, Status, TEXT};
use crate::connection::{self, More, Site};
use crate::request::{Method, Request};

/// `/bytes/N` has at most that many bytes.
pub const MOST_GENERATED: u64 = 1 << 40;

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is.
    pub media_type: &'static str,
    /// Its content.
    pub body: Body,
}

/// Where a page's content comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// It is here.
    Text(&'static str),
    /// So many bytes, see [`generate`].
    Generated(u64),
    /// The server's state, see [`State::text`].
    State,
}

/// The page at `path`, if there is one.
pub fn find(path: &str) -> Option<Page> {
    let page = |media_type, body| Some(Page { media_type, body });
    match path {
        "/" | "/index.html" => page("text/html; charset=utf-8", Body::Text(INDEX)),
        "/hello" => page(
            "text/plain; charset=utf-8",
            Body::Text("Hello from a Xen guest!\n"),
        ),
        "/state" => page("text/plain; charset=utf-8", Body::State),
        _ => {
            let count = path.strip_prefix("/bytes/")?;
            let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
            let count = count.parse().ok().filter(|_| digits)?;
            (count <= MOST_GENERATED).then_some(Page {
                media_type: "application/octet-stream",
                body: Body::Generated(count),
            })
        }
    }
}

const INDEX: &str = "<!doctype html>\n<title>Callisto</title>\n<h1>Hello from a Xen guest!</h1>\n\
<p>This page comes from a guest without a network stack.\n\
<ul>\n<li><a href=\"/hello\">/hello</a>: a line of text\n\
<li><a href=\"/bytes/1000000\">/bytes/N</a>: N bytes, made as they are sent\n\
<li><a href=\"/state\">/state</a>: what the server has done so far\n</ul>\n";

/// The line that generated bodies repeat: 64 bytes.
pub const LINE: &[u8; 64] = b"Callisto serves as many of these lines as were asked for....:-)\n";

/// Fills `out` with the bytes of a generated body from number `from` on: [`LINE`] over and over.
pub fn generate(from: u64, out: &mut [u8]) {
    let start = usize::try_from(from % 64).unwrap_or(0);
    let (head, lines) = out.split_at_mut((64 - start).min(out.len()));
    head.copy_from_slice(&LINE[start..start + head.len()]);
    for line in lines.chunks_mut(64) {
        line.copy_from_slice(&LINE[..line.len()]);
    }
}

/// What the server has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Connections since the start.
    pub connections: u64,
    /// Connections open now.
    pub open: usize,
    /// Requests answered, whatever the answer.
    pub requests: u64,
    /// Bytes sent.
    pub bytes: u64,
}

impl State {
    /// As a page.
    pub fn text(&self) -> String {
        format!(
            "connections {}\nopen {}\nrequests {}\nbytes {}\n",
            self.connections, self.open, self.requests, self.bytes
        )
    }
}

/// The rest of a generated body.
#[derive(Debug)]
pub struct Generated {
    from: u64,
    until: u64,
}

impl connection::Body for Generated {
    fn more(&mut self, out: &mut Vec<u8>, room: usize) -> More {
        let left = usize::try_from(self.until - self.from).unwrap_or(usize::MAX);
        let (place, count) = (out.len(), left.min(room));
        out.resize(place + count, 0);
        generate(self.from, &mut out[place..]);
        self.from += count as u64;
        match self.from < self.until {
            true => More::Piece,
            false => More::Nothing,
        }
    }
}

impl Site for State {
    type Body = Generated;

    fn answer(&mut self, request: &Request<'_>, answer: &mut Answer<'_>) -> Option<Generated> {
        if !answer.is_reading(request) {
            return None;
        }
        let with_body = request.method == Method::Get;
        let Some(page) = find(request.path) else {
            let status = Status::NotFound;
            answer.text(status, TEXT, status.text(), with_body);
            return None;
        };
        match page.body {
            Body::Text(text) => answer.text(Status::Ok, page.media_type, text, with_body),
            Body::State => answer.text(Status::Ok, page.media_type, &self.text(), with_body),
            Body::Generated(until) => {
                answer.head(Status::Ok, page.media_type, until);
                return with_body.then_some(Generated { from: 0, until });
            }
        }
        None
    }

    fn count(&mut self, requests: u64, bytes: u64) {
        self.requests += requests;
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found() {
        assert!(matches!(find("/").unwrap().body, Body::Text(text) if text.contains("<h1>")));
        assert_eq!(find("/bytes/7").unwrap().body, Body::Generated(7));
        for none in [
            "",
            "/x",
            "/bytes/",
            "/bytes/-1",
            "/bytes/+1",
            "/bytes/1099511627777",
            "*",
        ] {
            assert_eq!(find(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_generated_body_is_the_same_wherever_it_is_cut() {
        let mut whole = [0; 1000];
        generate(0, &mut whole);
        assert_eq!(&whole[64..128], LINE);
        for (from, length) in [(1, 10), (63, 2), (64, 64), (100, 900), (5, 0)] {
            let mut part = [0; 1000];
            generate(from, &mut part[..length]);
            let from = usize::try_from(from).unwrap();
            assert_eq!(part[..length], whole[from..from + length]);
        }
    }
}
