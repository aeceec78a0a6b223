//! The client: requests go in and bytes come out, bytes go in and replies come out.
//!
//! A request passes through these states:
//!
//! 1. `submit`, `watch`, `unwatch`: encoded, queued to be sent, under way.
//! 2. `outgoing`/`consumed`: its bytes leave, in as many pieces as the stream wants.
//! 3. `incoming`: its reply arrives and is kept.
//! 4. `take`: the caller fetches the result. Or `abandon`, at any time: the reply is dropped.
//!
//! What the server keeps for somebody who is gone (a watch, a transaction) is a *chore*: the client
//! sends the request that ends it as soon as there is room, before anything else that is asked, and
//! drops the answer.
//!
//! A server may answer out of order, so replies are matched by request id. The first thing it
//! does against the protocol ends the connection: every request under way and every later one
//! gets the same [`ProtocolError`].

mod chores;

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::fmt;

use crate::receive::{Message, Receiver};
use crate::request::{self, Request, TransactionId};
use crate::watch::Watches;
use crate::wire::{HEADER_BYTES, Header, MessageType, PAYLOAD_MAX};
use crate::{Errno, Error, Path, ProtocolError, SubmitError, WatchEvent, WatchToken};
use chores::Chore;

/// Requests under way or not taken. A server stops reading a client with more than 20.
pub const REQUESTS_MAX: usize = 16;

/// A request under way: the ticket for its reply.
#[must_use = "a reply that is never taken keeps its place; see Client::abandon"]
pub struct Pending<T> {
    request_id: u32,
    message_type: MessageType,
    decode: fn(Vec<u8>) -> Option<T>,
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("request_id", &self.request_id)
            .field("type", &self.message_type)
            .finish()
    }
}

/// What is known of a request under way.
#[derive(Debug)]
struct Entry {
    message_type: MessageType,
    /// The watch that this request makes, to be forgotten if it fails.
    makes: Option<WatchToken>,
    abandoned: bool,
    reply: Option<Result<Vec<u8>, Errno>>,
}

/// One connection to a xenstore server, without the connection.
#[derive(Debug)]
pub struct Client {
    payload_max: usize,
    last_request_id: u32,
    /// Whole messages; of the first one, `sent` bytes are gone.
    outgoing: VecDeque<Vec<u8>>,
    sent: usize,
    receiver: Receiver,
    entries: BTreeMap<u32, Entry>,
    watches: Watches,
    chores: VecDeque<Chore>,
    ended: Option<ProtocolError>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client for a stream that carries whole messages as the protocol allows them.
    #[must_use]
    pub fn new() -> Self {
        Self::with_payload_max(PAYLOAD_MAX)
    }

    /// A client for a stream that takes less payload in a request, in bytes, such as
    /// [`XENBUS_DEVICE_PAYLOAD_MAX`](crate::wire::XENBUS_DEVICE_PAYLOAD_MAX).
    #[must_use]
    pub fn with_payload_max(bytes: usize) -> Self {
        Self {
            payload_max: bytes.min(PAYLOAD_MAX),
            last_request_id: 0,
            outgoing: VecDeque::new(),
            sent: 0,
            receiver: Receiver::default(),
            entries: BTreeMap::new(),
            watches: Watches::default(),
            chores: VecDeque::new(),
            ended: None,
        }
    }

    /// Allows so many watches at a time, instead of the 128 that a server allows an ordinary
    /// domain: for daemons of a privileged one.
    pub fn set_watches_max(&mut self, watches: usize) {
        self.watches.set_max(watches);
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When it is too long, when too many are under way, or when the connection has ended.
    pub fn submit<R: Request>(
        &mut self,
        request: &R,
        transaction: TransactionId,
    ) -> Result<Pending<R::Reply>, SubmitError> {
        let mut message = alloc::vec![0; HEADER_BYTES];
        request.encode(&mut message);
        self.enqueue(R::TYPE, transaction, message, None, R::decode)
    }

    /// Watches a node and all below it, or one of the special paths `@introduceDomain` and
    /// `@releaseDomain`. The first event comes at once, whether the node exists or not.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and when there are too many watches.
    pub fn watch(&mut self, path: Path<'_>) -> Result<(WatchToken, Pending<()>), SubmitError> {
        self.check_room()?;
        let token = self.watches.add(path).ok_or(SubmitError::TooManyWatches)?;
        let pending = self.watch_request(MessageType::Watch, path.as_str(), token, Some(token));
        if pending.is_err() {
            self.watches.remove(token);
        }
        Ok((token, pending?))
    }

    /// Ends a watch. Its queued events are dropped at once, late ones when they come.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and when the watch does not exist.
    pub fn unwatch(&mut self, token: WatchToken) -> Result<Pending<()>, SubmitError> {
        self.check_room()?;
        let path = self.watches.remove(token).ok_or(SubmitError::NoSuchWatch)?;
        self.watch_request(MessageType::Unwatch, &path, token, None)
    }

    /// How many more requests could be made now.
    #[must_use]
    pub fn room(&self) -> usize {
        match self.check_room() {
            Ok(()) => REQUESTS_MAX - self.entries.len(),
            Err(_) => 0,
        }
    }

    /// The path a watch was made for.
    #[must_use]
    pub fn watched_path(&self, token: WatchToken) -> Option<&str> {
        self.watches.path(token)
    }

    /// Bytes to send now: the rest of the first message waiting, never of two (`/dev/xen/xenbus`
    /// drops what follows a message in the same write). Empty when there is nothing to send.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.outgoing
            .front()
            .map_or(&[], |message| &message[self.sent..])
    }

    /// So many bytes of [`outgoing`](Self::outgoing) were sent.
    ///
    /// # Panics
    /// When they are more than there were.
    pub fn consumed(&mut self, bytes: usize) {
        assert!(
            bytes <= self.outgoing().len(),
            "more bytes sent than were offered"
        );
        self.sent += bytes;
        if self
            .outgoing
            .front()
            .is_some_and(|message| message.len() == self.sent)
        {
            self.outgoing.pop_front();
            self.sent = 0;
        }
    }

    /// Takes bytes that were received, in whatever pieces they came.
    ///
    /// # Errors
    /// When the server broke the protocol, now or earlier.
    pub fn incoming(&mut self, mut bytes: &[u8]) -> Result<(), ProtocolError> {
        self.ended.map_or(Ok(()), Err)?;
        loop {
            match self.receiver.next(&mut bytes) {
                Ok(None) => return Ok(()),
                Ok(Some(message)) => self.dispatch(message).map_err(|error| self.end(error))?,
                Err(error) => return Err(self.end(error)),
            }
        }
    }

    /// The result of a request, once its reply is there; it can be taken once.
    pub fn take<T>(&mut self, pending: &Pending<T>) -> Option<Result<T, Error>> {
        if let Some(error) = self.ended {
            return Some(Err(Error::Protocol(error)));
        }
        let entry = self.entries.get_mut(&pending.request_id)?;
        let reply = entry.reply.take()?;
        self.entries.remove(&pending.request_id);
        Some(match reply {
            Err(errno) => Err(Error::Store(errno)),
            Ok(payload) => (pending.decode)(payload).ok_or_else(|| {
                let message_type = pending.message_type.number();
                Error::Protocol(self.end(ProtocolError::BadReply { message_type }))
            }),
        })
    }

    /// Gives up waiting for a reply: it will be dropped. What was asked still happens, but a
    /// transaction so begun is aborted. A watch so abandoned stays: its token is known, see
    /// [`discard_watch`](Self::discard_watch).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the ticket is worthless afterwards"
    )]
    pub fn abandon<T>(&mut self, pending: Pending<T>) {
        if let Some(entry) = self.entries.get_mut(&pending.request_id) {
            entry.abandoned = true;
            if let Some(reply) = entry.reply.take() {
                self.entries.remove(&pending.request_id);
                self.drop_reply(pending.message_type, reply);
            }
        }
    }

    /// The oldest event of a watch.
    pub fn take_event(&mut self, token: WatchToken) -> Option<WatchEvent> {
        self.watches.take(token)
    }

    /// Whether a watch has an event.
    #[must_use]
    pub fn has_event(&self, token: WatchToken) -> bool {
        self.watches.has_event(token)
    }

    /// A watch that has an event, if there is one.
    #[must_use]
    pub fn watch_with_event(&self) -> Option<WatchToken> {
        self.watches.any()
    }

    /// Why the connection ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<ProtocolError> {
        self.ended
    }

    /// Ends the connection, for the owner of the stream to report what it saw there, and forgets
    /// what waits. The first error stays; it is returned.
    pub fn end(&mut self, error: ProtocolError) -> ProtocolError {
        let error = *self.ended.get_or_insert(error);
        self.outgoing.clear();
        self.sent = 0;
        self.entries.clear();
        self.chores.clear();
        error
    }

    /// Queues a request whose payload is given: its reply comes as it is, too.
    pub(crate) fn submit_raw(
        &mut self,
        message_type: MessageType,
        transaction: TransactionId,
        payload: &[u8],
    ) -> Result<Pending<Vec<u8>>, SubmitError> {
        let mut message = alloc::vec![0; HEADER_BYTES];
        message.extend_from_slice(payload);
        self.enqueue(message_type, transaction, message, None, Some)
    }

    fn watch_request(
        &mut self,
        message_type: MessageType,
        path: &str,
        token: WatchToken,
        makes: Option<WatchToken>,
    ) -> Result<Pending<()>, SubmitError> {
        let mut message = alloc::vec![0; HEADER_BYTES];
        request::push_display(&mut message, path);
        request::push_display(&mut message, token);
        // Watches are outside transactions.
        self.enqueue(
            message_type,
            TransactionId::NONE,
            message,
            makes,
            |payload| request::acknowledged(&payload),
        )
    }

    /// Whether another request may be made.
    fn check_room(&self) -> Result<(), SubmitError> {
        match self.ended {
            Some(error) => Err(SubmitError::Ended(error)),
            // While chores wait there are more requests than this: chores come first.
            None if self.entries.len() >= REQUESTS_MAX => Err(SubmitError::TooManyRequests),
            None => Ok(()),
        }
    }

    /// Numbers a message (room for the header, then the payload) and queues it, if there is room.
    fn enqueue<T>(
        &mut self,
        message_type: MessageType,
        transaction: TransactionId,
        message: Vec<u8>,
        makes: Option<WatchToken>,
        decode: fn(Vec<u8>) -> Option<T>,
    ) -> Result<Pending<T>, SubmitError> {
        self.check_room()?;
        self.number(message_type, transaction, message, makes, decode)
    }

    /// Numbers a message and queues it.
    fn number<T>(
        &mut self,
        message_type: MessageType,
        transaction: TransactionId,
        mut message: Vec<u8>,
        makes: Option<WatchToken>,
        decode: fn(Vec<u8>) -> Option<T>,
    ) -> Result<Pending<T>, SubmitError> {
        let bytes = message.len() - HEADER_BYTES;
        let too_long = SubmitError::TooLong {
            bytes,
            max_bytes: self.payload_max,
        };
        let payload_bytes = u32::try_from(bytes)
            .ok()
            .filter(|_| bytes <= self.payload_max)
            .ok_or(too_long)?;
        let request_id = self.fresh_request_id();
        let header = Header {
            message_type: message_type.number(),
            request_id,
            transaction_id: transaction.number(),
            payload_bytes,
        };
        message[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        self.outgoing.push_back(message);
        self.entries.insert(
            request_id,
            Entry {
                message_type,
                makes,
                abandoned: false,
                reply: None,
            },
        );
        Ok(Pending {
            request_id,
            message_type,
            decode,
        })
    }

    /// An id that no request under way has; never 0, which watch events carry.
    fn fresh_request_id(&mut self) -> u32 {
        loop {
            self.last_request_id = self.last_request_id.wrapping_add(1);
            if self.last_request_id != 0 && !self.entries.contains_key(&self.last_request_id) {
                return self.last_request_id;
            }
        }
    }

    fn dispatch(&mut self, message: Message) -> Result<(), ProtocolError> {
        let Message {
            message_type,
            request_id,
            payload,
        } = message;
        if message_type == MessageType::WatchEvent {
            // The id is not looked at: Linux's xenbus device leaves it uninitialised.
            return self.watches.file(&payload).ok_or(ProtocolError::BadEvent);
        }
        let entry = self
            .entries
            .get_mut(&request_id)
            .filter(|entry| entry.reply.is_none());
        let entry = entry.ok_or(ProtocolError::UnknownRequest { request_id })?;
        let reply = if message_type == MessageType::Error {
            Err(errno(&payload).ok_or(ProtocolError::BadReply {
                message_type: message_type.number(),
            })?)
        } else if message_type == entry.message_type {
            Ok(payload)
        } else {
            let (expected, found) = (entry.message_type.number(), message_type.number());
            return Err(ProtocolError::WrongType { expected, found });
        };
        if reply.is_err()
            && let Some(token) = entry.makes
        {
            self.watches.remove(token);
        }
        if entry.abandoned {
            let message_type = entry.message_type;
            self.entries.remove(&request_id);
            self.drop_reply(message_type, reply);
        } else {
            entry.reply = Some(reply);
        }
        self.do_chores();
        Ok(())
    }
}

/// The error in an error reply. A name from a later protocol is no reason to end the connection.
fn errno(payload: &[u8]) -> Option<Errno> {
    let name = request::single(payload).filter(|name| !name.is_empty())?;
    Some(Errno::from_name(name.as_bytes()).unwrap_or(Errno::EIO))
}
