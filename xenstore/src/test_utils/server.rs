//! A xenstored in memory, with one client: honest, unless it is told to send something else.

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::message;
use crate::wire::{HEADER_BYTES, Header, MessageType};

/// Watches that the client may have.
const WATCHES_MAX: usize = 128;
/// Transactions that the client may have.
const TRANSACTIONS_MAX: usize = 10;

type Nodes = BTreeMap<String, Vec<u8>>;

/// A transaction of the client.
#[derive(Debug)]
struct Transaction {
    nodes: Nodes,
    changed: Vec<String>,
    /// Somebody else changed something meanwhile.
    in_vain: bool,
}

/// The server. Its nodes have paths without a slash at their beginning; all of them are the
/// client's.
#[derive(Debug, Default)]
pub struct Server {
    nodes: Nodes,
    watches: Vec<(String, Vec<u8>)>,
    transactions: BTreeMap<u32, Transaction>,
    last_transaction: u32,
    received: Vec<u8>,
    to_send: VecDeque<u8>,
}

impl Server {
    /// A server without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of requests.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Serves one request, if one is there as a whole.
    ///
    /// # Panics
    /// When the client breaks the protocol.
    pub fn serve(&mut self) -> bool {
        let Some(header) = self.received.first_chunk::<HEADER_BYTES>() else {
            return false;
        };
        let header = Header::from_bytes(*header);
        let whole = HEADER_BYTES + header.payload_bytes as usize;
        assert!(whole <= HEADER_BYTES + 4096, "a request is too long");
        if self.received.len() < whole {
            return false;
        }
        let request: Vec<u8> = self.received.drain(..whole).collect();
        let (reply, events) = match self.answer(header, &request[HEADER_BYTES..]) {
            Ok((payload, changed)) => (Ok(payload), changed),
            Err(name) => (Err(name), Vec::new()),
        };
        let (kind, payload) = match reply {
            Ok(payload) => (header.message_type, payload),
            Err(name) => (
                MessageType::Error.number(),
                format!("{name}\0").into_bytes(),
            ),
        };
        let reply = message(kind, header.request_id, header.transaction_id, &payload);
        self.send(&reply);
        if header.message_type == MessageType::Watch.number() && kind == header.message_type {
            let (path, token) = self.watches[self.watches.len() - 1].clone();
            self.send_event(&path, &token);
        }
        events.iter().for_each(|path| self.fire(path));
        true
    }

    /// Changes a node as another domain does.
    pub fn write(&mut self, path: &str, value: &[u8]) {
        self.nodes.insert(path.to_string(), value.to_vec());
        self.changed();
        self.fire(path);
    }

    /// Sends bytes, whatever they mean.
    pub fn send(&mut self, bytes: &[u8]) {
        self.to_send.extend(bytes);
    }

    /// Up to `max` bytes of what is to be sent.
    pub fn sent(&mut self, max: usize) -> Vec<u8> {
        let count = max.min(self.to_send.len());
        self.to_send.drain(..count).collect()
    }

    /// How many watches there are.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.watches.len()
    }

    /// How many transactions are open.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// The reply, and what was changed.
    fn answer(
        &mut self,
        header: Header,
        payload: &[u8],
    ) -> Result<(Vec<u8>, Vec<String>), &'static str> {
        let number = header.transaction_id;
        if number != 0 && !self.transactions.contains_key(&number) {
            return Err("ENOENT");
        }
        let done = |changed| Ok((b"OK\0".to_vec(), changed));
        match MessageType::from_number(header.message_type) {
            Some(MessageType::Read) => {
                let path = only(payload)?;
                let value = self.nodes(number).get(&path).ok_or("ENOENT")?;
                Ok((value.clone(), Vec::new()))
            }
            Some(MessageType::Directory) => {
                let below = format!("{}/", only(payload)?);
                let names = self.nodes(number).keys();
                let names = names.filter_map(|path| path.strip_prefix(&below));
                let names = names.filter(|name| !name.contains('/'));
                let list: Vec<u8> = names
                    .flat_map(|name| [name, "\0"].concat().into_bytes())
                    .collect();
                if list.len() > 4096 {
                    return Err("E2BIG");
                }
                Ok((list, Vec::new()))
            }
            Some(MessageType::Write) => {
                let end = payload.iter().position(|byte| *byte == 0).ok_or("EINVAL")?;
                let path = path(&payload[..end])?;
                self.nodes(number)
                    .insert(path.clone(), payload[end + 1..].to_vec());
                done(self.note(number, path))
            }
            Some(MessageType::Rm) => {
                let path = only(payload)?;
                self.nodes(number).remove(&path).ok_or("ENOENT")?;
                done(self.note(number, path))
            }
            Some(MessageType::Watch) => {
                let (path, token) = path_and_token(payload)?;
                if self.watches.len() >= WATCHES_MAX {
                    return Err("E2BIG");
                }
                if self.watches.contains(&(path.clone(), token.clone())) {
                    return Err("EEXIST");
                }
                self.watches.push((path, token));
                done(Vec::new())
            }
            Some(MessageType::Unwatch) => {
                let wanted = path_and_token(payload)?;
                let place = self.watches.iter().position(|watch| *watch == wanted);
                self.watches.remove(place.ok_or("ENOENT")?);
                done(Vec::new())
            }
            Some(MessageType::TransactionStart) if number != 0 => Err("EBUSY"),
            Some(MessageType::TransactionStart) => {
                if self.transactions.len() >= TRANSACTIONS_MAX {
                    return Err("ENOSPC");
                }
                self.last_transaction += 1;
                let begun = Transaction {
                    nodes: self.nodes.clone(),
                    changed: Vec::new(),
                    in_vain: false,
                };
                self.transactions.insert(self.last_transaction, begun);
                Ok((
                    format!("{}\0", self.last_transaction).into_bytes(),
                    Vec::new(),
                ))
            }
            Some(MessageType::TransactionEnd) => {
                if ![&b"T\0"[..], b"F\0"].contains(&payload) {
                    return Err("EINVAL");
                }
                let ended = self.transactions.remove(&number).ok_or("ENOENT")?;
                if payload == b"F\0" {
                    return done(Vec::new());
                }
                if ended.in_vain {
                    return Err("EAGAIN");
                }
                self.nodes = ended.nodes;
                if !ended.changed.is_empty() {
                    self.changed();
                }
                done(ended.changed)
            }
            Some(MessageType::ResetWatches) => {
                self.watches.clear();
                self.transactions.clear();
                done(Vec::new())
            }
            _ => Err("ENOSYS"),
        }
    }

    /// The nodes as a request sees them.
    fn nodes(&mut self, transaction: u32) -> &mut Nodes {
        match self.transactions.get_mut(&transaction) {
            Some(transaction) => &mut transaction.nodes,
            None => &mut self.nodes,
        }
    }

    /// A node was changed: what others can see of it now.
    fn note(&mut self, transaction: u32, path: String) -> Vec<String> {
        if let Some(transaction) = self.transactions.get_mut(&transaction) {
            transaction.changed.push(path);
            return Vec::new();
        }
        self.changed();
        Vec::from([path])
    }

    /// Something changed: transactions that are open are in vain.
    fn changed(&mut self) {
        for transaction in self.transactions.values_mut() {
            transaction.in_vain = true;
        }
    }

    fn fire(&mut self, changed: &str) {
        let covers = |path: &str| {
            let below = changed.strip_prefix(path);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let watches = self.watches.clone();
        for (_, token) in watches.iter().filter(|(path, _)| covers(path)) {
            self.send_event(changed, token);
        }
    }

    fn send_event(&mut self, path: &str, token: &[u8]) {
        let payload = [path.as_bytes(), b"\0", token, b"\0"].concat();
        let event = message(MessageType::WatchEvent.number(), 0, 0, &payload);
        self.send(&event);
    }
}

fn path(bytes: &[u8]) -> Result<String, &'static str> {
    let text = core::str::from_utf8(bytes).map_err(|_| "EINVAL")?;
    let path = crate::Path::new(text).map_err(|_| "EINVAL")?;
    Ok(path.as_str().to_string())
}

/// A payload that is a path.
fn only(payload: &[u8]) -> Result<String, &'static str> {
    path(payload.strip_suffix(b"\0").ok_or("EINVAL")?)
}

fn path_and_token(payload: &[u8]) -> Result<(String, Vec<u8>), &'static str> {
    let strings = payload.strip_suffix(b"\0").ok_or("EINVAL")?;
    let mut strings = strings.split(|byte| *byte == 0);
    match (strings.next(), strings.next(), strings.next()) {
        (Some(first), Some(token), None) => Ok((path(first)?, token.to_vec())),
        _ => Err("EINVAL"),
    }
}
