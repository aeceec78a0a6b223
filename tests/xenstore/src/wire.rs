//! A tool that speaks the protocol over a raw stream: messages are put together and taken apart
//! here, by hand, after xen/io/xs_wire.h.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use rt::io::{Read, Write};
use rt::xenstore::raw::{self, Stream};

pub(crate) const DIRECTORY: u32 = 1;
pub(crate) const READ: u32 = 2;
pub(crate) const WATCH: u32 = 4;
pub(crate) const UNWATCH: u32 = 5;
pub(crate) const TRANSACTION_START: u32 = 6;
pub(crate) const TRANSACTION_END: u32 = 7;
pub(crate) const WRITE: u32 = 11;
pub(crate) const WATCH_EVENT: u32 = 15;
pub(crate) const ERROR: u32 = 16;
pub(crate) const RESET_WATCHES: u32 = 21;

/// A message, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u32,
    pub(crate) request: u32,
    pub(crate) transaction: u32,
    pub(crate) payload: Vec<u8>,
}

/// The bytes of a message.
pub(crate) fn message(kind: u32, request: u32, transaction: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    let mut bytes = Vec::new();
    for word in [kind, request, transaction, length] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// One opening.
pub(crate) struct Tool {
    pub(crate) stream: Stream,
    requests: u32,
    events: VecDeque<(String, String)>,
}

impl Tool {
    pub(crate) fn new() -> Tool {
        Tool {
            stream: raw::open().expect("open"),
            requests: 0,
            events: VecDeque::new(),
        }
    }

    /// Sends a request; its number.
    pub(crate) fn send(&mut self, kind: u32, transaction: u32, payload: &[u8]) -> u32 {
        self.requests += 1;
        let bytes = message(kind, self.requests, transaction, payload);
        self.stream.write_all(&bytes).expect("write");
        self.requests
    }

    /// The next message of whatever kind.
    pub(crate) fn receive(&mut self) -> Message {
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).expect("read");
        let word = |n: usize| {
            let bytes = header[4 * n..][..4].try_into().expect("four bytes");
            u32::from_le_bytes(bytes)
        };
        let mut payload = alloc::vec![0; word(3) as usize];
        self.stream.read_exact(&mut payload).expect("read");
        Message {
            kind: word(0),
            request: word(1),
            transaction: word(2),
            payload,
        }
    }

    /// The reply to a request; events that come before it are kept. An error is its name.
    pub(crate) fn reply(&mut self, request: u32) -> Result<Vec<u8>, String> {
        loop {
            let message = self.receive();
            if message.kind == WATCH_EVENT {
                self.keep(&message);
                continue;
            }
            assert_eq!(message.request, request, "{message:?}");
            return match message.kind {
                ERROR => Err(text(&message.payload)),
                _ => Ok(message.payload),
            };
        }
    }

    /// Sends a request and waits for its reply.
    pub(crate) fn ask(
        &mut self,
        kind: u32,
        transaction: u32,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        let request = self.send(kind, transaction, payload);
        self.reply(request)
    }

    /// Begins a transaction; its number.
    pub(crate) fn begin(&mut self) -> u32 {
        let reply = self.ask(TRANSACTION_START, 0, b"\0").expect("begin");
        text(&reply).parse().expect("a number")
    }

    /// The path and the token of the next event; nothing else may come.
    pub(crate) fn event(&mut self) -> (String, String) {
        while self.events.is_empty() {
            let message = self.receive();
            assert_eq!(message.kind, WATCH_EVENT, "{message:?}");
            self.keep(&message);
        }
        self.events.pop_front().expect("there is one")
    }

    fn keep(&mut self, message: &Message) {
        let mut strings = message.payload.split(|byte| *byte == 0);
        let mut string = || String::from_utf8_lossy(strings.next().expect("a string")).into_owned();
        let event = (string(), string());
        assert_eq!(string(), "", "nothing follows the last NUL");
        self.events.push_back(event);
    }
}

/// A payload that is a string with its NUL.
fn text(payload: &[u8]) -> String {
    let text = payload.strip_suffix(b"\0").expect("a NUL at the end");
    String::from_utf8(text.to_vec()).expect("text")
}
