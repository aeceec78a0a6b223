//! A tool on a raw stream: writes requests in pieces, and checks each message that it reads
//! against what it asked for.

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::Client;
use crate::raw::{Error, REPLIES_MAX, Stream};
use crate::wire::{HEADER_BYTES, Header, MessageType, PAYLOAD_MAX};

/// The bytes of a message.
#[must_use]
pub fn message(kind: u32, request: u32, transaction: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        message_type: kind,
        request_id: request,
        transaction_id: transaction,
        payload_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
    };
    [&header.to_bytes()[..], payload].concat()
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type.
    pub kind: u32,
    /// Its request id.
    pub request: u32,
    /// Its transaction id.
    pub transaction: u32,
    /// What follows.
    pub payload: Vec<u8>,
}

/// What a request must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Success or any error: it is the server's to say.
    Anything,
    /// Success.
    Success,
    /// Success, or that it was in vain.
    SuccessUnless(&'static str),
    /// This error.
    Error(&'static str),
}

/// A request that was written whole.
#[derive(Debug)]
struct Asked {
    header: Header,
    payload: Vec<u8>,
    expected: Expected,
}

type Watch = (String, String);

/// One stream and its user.
#[derive(Debug, Default)]
pub struct Tool {
    stream: Stream,
    /// Whole messages that are to be written; of the first, `written` bytes are.
    to_write: VecDeque<Vec<u8>>,
    written: usize,
    read: Vec<u8>,
    requests: u32,
    asked: BTreeMap<u32, Asked>,
    /// The watches there are after all that was asked, each with the request that made it.
    watching: BTreeMap<Watch, u32>,
    /// Watches that were there, until the reply to the request that ends them: events may still
    /// come.
    leaving: Vec<(Watch, u32)>,
    /// Transactions that the tool believes to be open.
    transactions: Vec<u32>,
    /// The last RESET_WATCHES.
    last_reset: u32,
    /// The last request that the server answered with something other than an error.
    last_answered: u32,
    events: Vec<(String, String)>,
}

impl Tool {
    /// A tool with a stream of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants to write a request. Its number.
    pub fn ask(&mut self, kind: MessageType, transaction: u32, payload: &[u8]) -> u32 {
        self.requests += 1;
        let request = message(kind.number(), self.requests, transaction, payload);
        self.to_write.push_back(request);
        self.requests
    }

    /// Wants to write these bytes, which are a message, or a header that announces too much.
    pub fn ask_bytes(&mut self, bytes: &[u8]) {
        self.to_write.push_back(bytes.to_vec());
    }

    /// A transaction that is open, by any number.
    #[must_use]
    pub fn transaction(&self, number: usize) -> Option<u32> {
        let count = self.transactions.len().max(1);
        self.transactions.get(number % count).copied()
    }

    /// How many messages wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.to_write.len()
    }

    /// How many requests have no reply.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// The watches there are after all that was asked.
    #[must_use]
    pub fn watches(&self) -> Vec<(String, String)> {
        self.watching.keys().cloned().collect()
    }

    /// The events since the last call: the path and the token of each.
    pub fn events(&mut self) -> Vec<(String, String)> {
        core::mem::take(&mut self.events)
    }

    /// The stream.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Writes up to `max` bytes. False when nothing could be written.
    ///
    /// # Panics
    /// When the stream does not do what it promises.
    pub fn write(&mut self, client: &mut Client, max: usize) -> bool {
        let bytes: Vec<u8> = self.to_write.iter().flatten().copied().collect();
        let end = bytes.len().min(self.written.saturating_add(max));
        let bytes = &bytes[self.written..end];
        let writable = self.stream.readiness(client).writable;
        match self.stream.write(client, bytes) {
            Ok(count) => {
                assert!(count <= bytes.len() && (count > 0 || bytes.is_empty()));
                assert!(writable || count == 0, "it was not ready");
                self.wrote(count);
                count > 0
            }
            Err(Error::WouldBlock) => {
                assert!(!writable, "it said it would not wait");
                false
            }
            Err(Error::TooLong { bytes }) => {
                assert!(bytes as usize > PAYLOAD_MAX);
                let dropped = self.to_write.pop_front().expect("it was being written");
                let header = dropped.first_chunk::<HEADER_BYTES>().expect("a header");
                assert_eq!(Header::from_bytes(*header).payload_bytes, bytes);
                self.written = 0;
                true
            }
            Err(Error::Ended(error)) => {
                assert_eq!(client.ended(), Some(error));
                false
            }
        }
    }

    /// Bytes were taken: the requests among them are made.
    fn wrote(&mut self, count: usize) {
        self.written += count;
        while let Some(first) = self.to_write.front()
            && first.len() <= self.written
        {
            self.written -= first.len();
            let bytes = self.to_write.pop_front().expect("there is one");
            let header = bytes.first_chunk::<HEADER_BYTES>().expect("a header");
            let header = Header::from_bytes(*header);
            let payload = bytes[HEADER_BYTES..].to_vec();
            self.made(header, payload);
        }
    }

    /// A request is made: what it must come to is known, for what a stream answers itself depends
    /// on what was asked before and on nobody else.
    fn made(&mut self, header: Header, payload: Vec<u8>) {
        let expected = self.expect(header, &payload);
        let asked = Asked {
            header,
            payload,
            expected,
        };
        self.asked.insert(header.request_id, asked);
    }

    fn expect(&mut self, header: Header, payload: &[u8]) -> Expected {
        let request = header.request_id;
        let transaction = header.transaction_id;
        if transaction != 0 && !self.transactions.contains(&transaction) {
            return Expected::Error("ENOENT");
        }
        match MessageType::from_number(header.message_type) {
            Some(MessageType::Watch) => match watch_of(payload) {
                None => Expected::Error("EINVAL"),
                Some(watch) if self.watching.contains_key(&watch) => Expected::Error("EEXIST"),
                Some(watch) => {
                    self.watching.insert(watch, request);
                    Expected::Success
                }
            },
            Some(MessageType::Unwatch) => {
                let watch = watch_of(payload).expect("it is made well");
                match self.watching.remove(&watch) {
                    None => Expected::Error("ENOENT"),
                    Some(_) => {
                        self.leaving.push((watch, request));
                        Expected::Success
                    }
                }
            }
            Some(MessageType::ResetWatches) => {
                let all = core::mem::take(&mut self.watching).into_keys();
                self.leaving.extend(all.map(|watch| (watch, request)));
                self.transactions.clear();
                self.last_reset = request;
                Expected::Success
            }
            Some(MessageType::TransactionStart) if transaction != 0 => Expected::Error("EBUSY"),
            Some(MessageType::TransactionStart) => Expected::SuccessUnless("ENOSPC"),
            Some(MessageType::TransactionEnd) if transaction == 0 => Expected::Error("ENOENT"),
            Some(MessageType::TransactionEnd) if payload == b"X\0" => Expected::Error("EINVAL"),
            Some(MessageType::TransactionEnd) => {
                self.transactions.retain(|open| *open != transaction);
                Expected::SuccessUnless("EAGAIN")
            }
            Some(MessageType::WatchEvent) => Expected::Error("ENOSYS"),
            _ => Expected::Anything,
        }
    }

    /// Reads up to `max` bytes, and looks at the messages that are whole. False when there was
    /// nothing.
    ///
    /// # Panics
    /// When a message is not what the tool asked for.
    pub fn read(&mut self, client: &mut Client, max: usize, honest: bool) -> bool {
        let mut buffer = alloc::vec![0; max];
        let readable = self.stream.readiness(client).readable;
        match self.stream.read(client, &mut buffer) {
            Ok(count) => {
                assert!(count > 0 || max == 0);
                self.read.extend_from_slice(&buffer[..count]);
            }
            Err(Error::WouldBlock) => {
                assert!(!readable, "it said it would not wait");
                return false;
            }
            Err(Error::Ended(error)) => {
                assert_eq!(client.ended(), Some(error));
                return false;
            }
            Err(Error::TooLong { .. }) => panic!("an error of writes"),
        }
        while let Some(message) = self.whole() {
            self.look_at(&message, honest);
        }
        true
    }

    /// The next message, if it is there as a whole.
    fn whole(&mut self) -> Option<Message> {
        let header = self.read.first_chunk::<HEADER_BYTES>()?;
        let header = Header::from_bytes(*header);
        let whole = HEADER_BYTES + header.payload_bytes as usize;
        assert!(whole <= HEADER_BYTES + PAYLOAD_MAX, "a message is too long");
        if self.read.len() < whole {
            return None;
        }
        let bytes: Vec<u8> = self.read.drain(..whole).collect();
        Some(Message {
            kind: header.message_type,
            request: header.request_id,
            transaction: header.transaction_id,
            payload: bytes[HEADER_BYTES..].to_vec(),
        })
    }

    fn look_at(&mut self, message: &Message, honest: bool) {
        if message.kind == MessageType::WatchEvent.number() {
            return self.look_at_event(message, honest);
        }
        let asked = self.asked.remove(&message.request);
        let Asked {
            header,
            payload,
            expected,
        } = asked.expect("a reply to what was asked");
        assert_eq!(message.transaction, header.transaction_id);
        let refused = message.kind == MessageType::Error.number();
        assert!(refused || message.kind == header.message_type);
        if honest {
            let error = || format!("{}", message.payload.escape_ascii()).replace("\\x00", "");
            let right = match expected {
                Expected::Anything => true,
                Expected::Success => !refused,
                Expected::SuccessUnless(name) => !refused || error() == name,
                Expected::Error(name) => refused && error() == name,
            };
            assert!(right, "{}", format!("{expected:?}: {message:?}"));
        }
        let kind = MessageType::from_number(header.message_type);
        // The server answers in order; what is refused, and RESET_WATCHES, may be answered here.
        if honest && !refused && kind != Some(MessageType::ResetWatches) {
            assert!(self.last_answered < message.request, "replies in order");
            self.last_answered = message.request;
        }
        self.leaving
            .retain(|(_, request)| *request != message.request);
        match kind {
            Some(MessageType::Watch) if refused => {
                self.watching
                    .retain(|_, request| *request != message.request);
            }
            Some(MessageType::TransactionStart) if !refused => {
                let text = core::str::from_utf8(&message.payload).expect("text");
                let number = text.strip_suffix('\0').expect("a NUL").parse();
                let number = number.expect("a number");
                if message.request > self.last_reset {
                    self.transactions.push(number);
                }
            }
            // Values say whose they are.
            Some(MessageType::Read) if honest && !refused => {
                let path = payload.strip_suffix(b"\0").expect("it was understood");
                assert!(message.payload.starts_with(path), "another node's value");
            }
            _ => {}
        }
    }

    fn look_at_event(&mut self, message: &Message, honest: bool) {
        assert_eq!((message.request, message.transaction), (0, 0));
        let (path, token) = watch_of(&message.payload).expect("a path and a token");
        let covers = |watched: &str| {
            let below = path.strip_prefix(watched);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fits = |watch: &Watch| watch.1 == token && (!honest || covers(&watch.0));
        // The reply to WATCH comes before its first event.
        let mut agreed = self
            .watching
            .iter()
            .filter(|(_, request)| !self.asked.contains_key(request));
        let here = agreed.any(|(watch, _)| fits(watch));
        let leaving = self.leaving.iter().any(|(watch, _)| fits(watch));
        assert!(
            here || leaving,
            "{}",
            format!("nobody's event: {path} {token}")
        );
        self.events.push((path, token));
    }

    /// What must hold at any time.
    ///
    /// # Panics
    /// When it does not.
    pub fn check(&self) {
        // Those that were written and not read, one that waits for room, and an event.
        assert!(self.asked.len() <= REPLIES_MAX + 2, "{}", self.asked.len());
    }

    /// Closes the stream.
    pub fn close(self, client: &mut Client) {
        self.stream.close(client);
    }
}

fn watch_of(payload: &[u8]) -> Option<(String, String)> {
    let text = core::str::from_utf8(payload.strip_suffix(b"\0")?).ok()?;
    let (path, token) = text.split_once('\0')?;
    (!token.contains('\0')).then(|| (path.to_string(), token.to_string()))
}
