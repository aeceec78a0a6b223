//! One client, without its socket: bytes in, bytes out.
//!
//! [`Connection::serve`] answers everything that has arrived into one buffer, however many
//! requests that are, and says what to do after the buffer has been sent. A large body is made
//! piece by piece. A client costs its two buffers, whatever it sends.
//!
//! What the answers are is the business of a [`Site`].

use alloc::vec;
use alloc::vec::Vec;

use crate::answer::{Answer, Status};
use crate::request::{self, MOST_HEAD, Refused, Request};

/// What is served.
pub trait Site {
    /// A body that is too long to be made at once.
    type Body: Body;

    /// Answers a request that is well formed. Returns the body that is to follow, as long as the
    /// head of the answer says.
    fn answer(&mut self, request: &Request<'_>, answer: &mut Answer<'_>) -> Option<Self::Body>;

    /// So many requests have been answered with so many bytes.
    fn count(&mut self, requests: u64, bytes: u64) {
        let _ = (requests, bytes);
    }
}

/// A body that is made while it is sent.
pub trait Body {
    /// Adds at most `room` bytes to `out`, at least one if there is more to come.
    fn more(&mut self, out: &mut Vec<u8>, room: usize) -> More;
}

/// What follows a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Another piece.
    Piece,
    /// Nothing: that was all.
    Nothing,
    /// Nothing, although more was promised. The connection ends, so that the client sees it.
    Broken,
}

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
pub struct Connection<B> {
    /// What came: `input[start..end]` has not been looked at.
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes from `start` on in which no head ends.
    seen: usize,
    output: Vec<u8>,
    /// The rest of a body.
    body: Option<B>,
    /// Bytes of a request's body that are still to come.
    skip: u64,
    closing: bool,
}

impl<B> Default for Connection<B> {
    fn default() -> Self {
        Connection {
            input: vec![0; INPUT],
            start: 0,
            end: 0,
            seen: 0,
            output: Vec::with_capacity(OUTPUT),
            body: None,
            skip: 0,
            closing: false,
        }
    }
}

impl<B: Body> Connection<B> {
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
    pub fn serve(&mut self, site: &mut impl Site<Body = B>, now: u64) -> Next {
        let next = self.work(site, now);
        site.count(0, self.output.len() as u64);
        next
    }

    fn work(&mut self, site: &mut impl Site<Body = B>, now: u64) -> Next {
        loop {
            if let Some(body) = &mut self.body {
                let room = FLUSH.saturating_sub(self.output.len()).max(1);
                match body.more(&mut self.output, room) {
                    More::Piece => return Next::Serve,
                    More::Nothing => {}
                    More::Broken => self.closing = true,
                }
                self.body = None;
            }
            if self.output.len() >= FLUSH {
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
                    match too_long {
                        true => Answer::new(out, keep, now).refuse(Status::TooLarge),
                        false => {
                            let mut answer = Answer::new(out, keep, now);
                            self.body = site.answer(&request, &mut answer);
                        }
                    }
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
                    Answer::new(out, false, now).refuse(status);
                    self.closing = true;
                    self.start = self.end;
                }
            }
            self.seen = 0;
            site.count(1, 0);
        }
    }

    /// What is to be sent.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// The output is sent.
    pub fn sent(&mut self) {
        self.output.clear();
        // A piece of a large body takes more; that goes when the body does.
        if self.body.is_none() {
            self.output.shrink_to(OUTPUT);
        }
    }
}

#[cfg(test)]
mod tests;
