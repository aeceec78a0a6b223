//! Chores: what the server keeps for somebody who is gone is ended by requests of the client's own.

use alloc::{string::String, vec::Vec};

use super::{Client, Entry, REQUESTS_MAX};
use crate::request::{self, Request, TransactionEnd, TransactionId, TransactionStart};
use crate::wire::{HEADER_BYTES, MessageType};
use crate::{Errno, WatchToken};

/// Requests without an answer up to which chores may be added: beyond [`REQUESTS_MAX`], so that they
/// get on however greedy the others are.
const WITH_CHORES_MAX: usize = REQUESTS_MAX + 2;

/// Something the server keeps for nobody.
#[derive(Debug)]
pub(super) enum Chore {
    Watch(WatchToken, String),
    Transaction(TransactionId),
}

impl Client {
    /// Ends a watch without waiting for anything: the request is sent once there is room for it.
    /// Its queued events are dropped at once. Nothing happens if there is no such watch.
    pub fn discard_watch(&mut self, token: WatchToken) {
        if let Some(path) = self.watches.remove(token) {
            self.add_chore(Chore::Watch(token, path));
        }
    }

    /// Aborts a transaction without waiting for anything: the request is sent once there is room
    /// for it.
    pub fn discard_transaction(&mut self, transaction: TransactionId) {
        self.add_chore(Chore::Transaction(transaction));
    }

    fn add_chore(&mut self, chore: Chore) {
        if self.ended.is_none() {
            self.chores.push_back(chore);
            self.do_chores();
        }
    }

    /// Sends the requests of chores, as far as there is room.
    pub(super) fn do_chores(&mut self) {
        while self.without_reply() < WITH_CHORES_MAX
            && let Some(chore) = self.chores.pop_front()
        {
            let mut message = alloc::vec![0; HEADER_BYTES];
            let (message_type, transaction) = match chore {
                Chore::Watch(token, path) => {
                    request::push_display(&mut message, path);
                    request::push_display(&mut message, token);
                    (MessageType::Unwatch, TransactionId::NONE)
                }
                Chore::Transaction(transaction) => {
                    TransactionEnd { commit: false }.encode(&mut message);
                    (MessageType::TransactionEnd, transaction)
                }
            };
            // It is short: a watch of that path and token was accepted.
            if let Ok(pending) = self.number(message_type, transaction, message, None, Some) {
                self.abandon(pending);
            }
        }
    }

    /// How many requests have no reply.
    fn without_reply(&self) -> usize {
        let open = |entry: &&Entry| entry.reply.is_none();
        self.entries.values().filter(open).count()
    }

    /// Drops a reply that nobody wants, and what the server keeps because of it.
    pub(super) fn drop_reply(&mut self, message_type: MessageType, reply: Result<Vec<u8>, Errno>) {
        if message_type == MessageType::TransactionStart
            && let Some(transaction) = reply.ok().and_then(TransactionStart::decode)
        {
            self.add_chore(Chore::Transaction(transaction));
        }
    }
}
