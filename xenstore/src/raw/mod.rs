//! The raw interface that tools know from `/proc/xen/xenbus`: one connection, shared by many.
//!
//! A tool that speaks the wire protocol writes whole requests, in whatever pieces, and reads
//! replies and watch events, as a stream of bytes. [`Stream`] is one such opening; any number share
//! a [`Client`], with each other and with typed requests. Each has its own request ids, transactions
//! and watches, and sees nothing of the others'. Whoever owns the client
//!
//! 1. hands to [`Stream::write`] and [`Stream::read`] what the tool writes and wants to read,
//! 2. calls [`Stream::advance`] of each stream, until none has taken anything, when the client has
//!    got bytes, and when a reply was taken from it or given up,
//! 3. calls [`Stream::close`] when the tool is gone.
//!
//! None of them waits. What is promised:
//!
//! - Replies and events are whole messages, one after the other. Replies come in the order of the
//!   requests as far as the server keeps it; what is refused here is answered at once.
//! - A stream owes at most [`REPLIES_MAX`] replies; then it takes one more request and no more, until
//!   some were read. Events wait in the client, each once, until they are read; when too many wait
//!   for one watch, they become one event with the path that is watched: look at all below it.
//!   A reply is read before an event that waits as well.
//! - A header that announces more than a message may have is an error of the write, and what was
//!   gathered of it is dropped. Everything else that is wrong gets an ERROR reply.
//! - Transactions of others are unknown (`ENOENT`), as is a watch of others. RESET_WATCHES ends the
//!   watches and transactions of this stream only. A watch needs not be asked for outside of
//!   transactions, but is never part of one.
//! - The server sees tokens of ours: two streams may watch the same path with the same token. Where
//!   the server would say so itself, the answer is its own: `EEXIST`, `E2BIG`, `ENOENT`.
//! - After a close the server keeps nothing for the stream: transactions are aborted and watches
//!   removed, those as well whose reply is still under way.

mod gather;
mod requests;

use alloc::{
    collections::{BTreeSet, VecDeque},
    string::String,
    vec::Vec,
};
use core::fmt;

use crate::request::{self, TransactionId, TransactionStart};
use crate::wire::{HEADER_BYTES, Header, MessageType, PAYLOAD_MAX};
use crate::{Client, Errno, Pending, ProtocolError, WatchEvent, WatchToken};
use gather::Gather;

/// Replies that a stream may owe: asked for, or there and not read to the end.
pub const REPLIES_MAX: usize = 8;

/// Requests under way that streams leave to the client's other users.
pub const LEFT_TO_OTHERS: usize = 4;

/// Why nothing was read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nothing to read, or no room to write, now.
    WouldBlock,
    /// The header announces `bytes` bytes of payload, more than a message may have. What was
    /// gathered of it is dropped: the next write begins a message.
    TooLong {
        /// Bytes announced.
        bytes: u32,
    },
    /// The connection has ended, for this reason.
    Ended(ProtocolError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("the xenstore stream would have to wait"),
            Self::TooLong { bytes } => write!(
                f,
                "xenstore request of {bytes} bytes, the limit is {PAYLOAD_MAX}"
            ),
            Self::Ended(error) => write!(f, "the xenstore connection has ended: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// What a stream would not have to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A read has bytes, or an error.
    pub readable: bool,
    /// A write takes bytes, or is an error.
    pub writable: bool,
}

/// One opening of the raw interface. It must be [closed](Self::close): dropping it leaves its
/// watches and transactions to the connection.
#[derive(Debug, Default)]
pub struct Stream {
    gather: Gather,
    under_way: VecDeque<UnderWay>,
    /// Begun and not ended. Their numbers are the server's, which knows one space of them.
    transactions: BTreeSet<u32>,
    watches: Vec<Watched>,
    /// Which watch is asked for events next.
    turn: usize,
    outbox: VecDeque<Vec<u8>>,
    /// Bytes of the first message that were read.
    read: usize,
}

/// A request that was sent on.
#[derive(Debug)]
struct UnderWay {
    /// As the tool wrote it.
    header: Header,
    reply: Reply,
}

/// How its reply is understood.
#[derive(Debug)]
enum Reply {
    /// Not at all.
    Plain(Pending<Vec<u8>>),
    /// A transaction begins; it has ended already if a RESET_WATCHES came after it.
    Start(Pending<TransactionId>, bool),
    Watch(WatchToken, Pending<()>),
    Unwatch(Pending<()>),
}

/// A watch of the tool.
#[derive(Debug)]
struct Watched {
    path: String,
    /// Any bytes but NUL.
    token: Vec<u8>,
    ours: WatchToken,
    /// Whether the server has agreed: its first event comes after that.
    agreed: bool,
}

impl Stream {
    /// A new opening.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of requests, as many as there is room for, at least one.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] while replies must be read or arrive first, [`Error::TooLong`],
    /// [`Error::Ended`]; none of the bytes was taken then.
    pub fn write(&mut self, client: &mut Client, bytes: &[u8]) -> Result<usize, Error> {
        check(client)?;
        let mut rest = bytes;
        // Where in `bytes` the message begins that is being gathered.
        let mut begin = 0;
        loop {
            self.submit_gathered(client);
            if self.gather.is_whole() || rest.is_empty() {
                break;
            }
            if self.gather.is_empty() {
                begin = bytes.len() - rest.len();
            }
            if let Err(bytes) = self.gather.take(&mut rest) {
                return match begin {
                    0 => Err(Error::TooLong { bytes }),
                    // What came before it was taken; it is met again, first, by the next write.
                    before => Ok(before),
                };
            }
        }
        match bytes.len() - rest.len() {
            0 if !bytes.is_empty() => Err(Error::WouldBlock),
            taken => Ok(taken),
        }
    }

    /// Reads as much as there is of replies and events.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is nothing. [`Error::Ended`] when there will be nothing
    /// any more.
    pub fn read(&mut self, client: &mut Client, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut count = 0;
        while count < buffer.len() {
            // The replies first: among them may be that to the watch whose event waits.
            self.advance(client);
            if self.outbox.is_empty() && !self.fetch_event(client) {
                break;
            }
            count += self.read_out(&mut buffer[count..]);
        }
        self.advance(client);
        match count {
            0 if !buffer.is_empty() => Err(check(client).err().unwrap_or(Error::WouldBlock)),
            count => Ok(count),
        }
    }

    /// Takes the replies that the client has for this stream, and hands over a request that
    /// waited for room. Whether it took any: then there may be room for what other streams have.
    pub fn advance(&mut self, client: &mut Client) -> bool {
        let before = self.under_way.len();
        for _ in 0..before {
            let Some(request) = self.under_way.pop_front() else {
                break;
            };
            if let Some(request) = self.take_reply(client, request) {
                self.under_way.push_back(request);
            }
        }
        let took = self.under_way.len() < before;
        self.submit_gathered(client);
        took
    }

    /// What need not wait.
    #[must_use]
    pub fn readiness(&self, client: &Client) -> Readiness {
        let ended = client.ended().is_some();
        Readiness {
            readable: ended || !self.outbox.is_empty() || self.has_event(client),
            writable: ended || !self.gather.is_whole(),
        }
    }

    /// Ends what the server keeps for this stream, as soon as there is room to ask for it.
    pub fn close(mut self, client: &mut Client) {
        for UnderWay { reply, .. } in self.under_way.drain(..) {
            match reply {
                Reply::Plain(pending) => client.abandon(pending),
                // The client aborts the transaction, if it is one.
                Reply::Start(pending, _) => client.abandon(pending),
                Reply::Watch(_, pending) | Reply::Unwatch(pending) => client.abandon(pending),
            }
        }
        self.reset(client);
    }

    /// Ends all watches and transactions.
    fn reset(&mut self, client: &mut Client) {
        for watched in self.watches.drain(..) {
            client.discard_watch(watched.ours);
        }
        for transaction in core::mem::take(&mut self.transactions) {
            client.discard_transaction(TransactionId::from_number(transaction));
        }
        for request in &mut self.under_way {
            if let Reply::Start(_, ended) = &mut request.reply {
                *ended = true;
            }
        }
    }

    /// Replies that were asked for and not read to the end.
    fn owed(&self) -> usize {
        self.under_way.len() + self.outbox.len()
    }

    /// Makes a message of the reply to a request, if it is there; otherwise the request is given back.
    fn take_reply(&mut self, client: &mut Client, request: UnderWay) -> Option<UnderWay> {
        let UnderWay { header, reply } = request;
        let answer = match &reply {
            Reply::Plain(pending) => client.take(pending),
            Reply::Start(pending, ended) => {
                let answer = client.take(pending);
                if let Some(Ok(transaction)) = answer {
                    match ended {
                        true => client.discard_transaction(transaction),
                        false => _ = self.transactions.insert(transaction.number()),
                    }
                }
                answer.map(|result| {
                    result.map(|transaction| {
                        let mut payload = Vec::new();
                        request::push_display(&mut payload, transaction.number());
                        payload
                    })
                })
            }
            Reply::Watch(ours, pending) => {
                let answer = client.take(pending);
                match &answer {
                    Some(Ok(())) => self.agree(*ours),
                    Some(Err(_)) => self.watches.retain(|watched| watched.ours != *ours),
                    None => {}
                }
                answer.map(|result| result.map(|()| b"OK\0".to_vec()))
            }
            Reply::Unwatch(pending) => client
                .take(pending)
                .map(|result| result.map(|()| b"OK\0".to_vec())),
        };
        match answer {
            None => return Some(UnderWay { header, reply }),
            Some(Ok(payload)) => self.push(header, &payload),
            Some(Err(crate::Error::Store(errno))) => self.refuse(header, errno),
            // It is told when the outbox is empty.
            Some(Err(crate::Error::Protocol(_))) => {}
        }
        None
    }

    fn agree(&mut self, ours: WatchToken) {
        for watched in &mut self.watches {
            watched.agreed |= watched.ours == ours;
        }
    }

    /// Answers a request with an error.
    fn refuse(&mut self, request: Header, errno: Errno) {
        let header = Header {
            message_type: MessageType::Error.number(),
            ..request
        };
        self.push(header, &[errno.name().as_bytes(), b"\0"].concat());
    }

    /// Adds a message to what can be read.
    fn push(&mut self, header: Header, payload: &[u8]) {
        let header = Header {
            payload_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            ..header
        };
        self.outbox
            .push_back([&header.to_bytes()[..], payload].concat());
    }

    fn has_event(&self, client: &Client) -> bool {
        let has = |watched: &Watched| watched.agreed && client.has_event(watched.ours);
        self.watches.iter().any(has)
    }

    /// Makes a message of the next event, of each watch in turn.
    fn fetch_event(&mut self, client: &mut Client) -> bool {
        for _ in 0..self.watches.len() {
            self.turn = (self.turn + 1) % self.watches.len();
            let watched = &self.watches[self.turn];
            if !watched.agreed {
                continue;
            }
            if let Some(event) = client.take_event(watched.ours) {
                let payload = watched.event(event);
                let header = Header {
                    message_type: MessageType::WatchEvent.number(),
                    request_id: 0,
                    transaction_id: 0,
                    payload_bytes: 0,
                };
                self.push(header, &payload);
                return true;
            }
        }
        false
    }

    /// Copies from the first message.
    fn read_out(&mut self, buffer: &mut [u8]) -> usize {
        let Some(message) = self.outbox.front() else {
            return 0;
        };
        let rest = &message[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        if self.read == message.len() {
            self.outbox.pop_front();
            self.read = 0;
        }
        count
    }
}

impl Watched {
    /// The payload of an event.
    fn event(&self, event: WatchEvent) -> Vec<u8> {
        let payload = |path: &str| [path.as_bytes(), b"\0", &self.token, b"\0"].concat();
        match event {
            WatchEvent::Path(path) if path.len() + self.token.len() + 2 <= PAYLOAD_MAX => {
                payload(&path)
            }
            // The path that is watched fits: it did when it came, with this token.
            WatchEvent::Path(_) | WatchEvent::Many => payload(&self.path),
        }
    }
}

fn check(client: &Client) -> Result<(), Error> {
    client
        .ended()
        .map_or(Ok(()), |error| Err(Error::Ended(error)))
}
