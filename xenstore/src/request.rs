//! The requests a guest or a daemon makes, each with the reply it gets.
//!
//! A request knows how it looks on the wire (which strings end in a NUL and which do not is
//! different for each) and how to read its reply. Watches are missing here: they belong to
//! [`Client::watch`](crate::Client::watch), which also keeps their queues. Requests that only a
//! toolstack may make are left out.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use crate::{Path, wire::MessageType};

/// A transaction the server opened, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(u32);

impl TransactionId {
    /// Outside any transaction: each request stands alone.
    pub const NONE: Self = Self(0);

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The transaction of this number.
    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// A domain, by the number Xen gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainId(pub u16);

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that can be asked.
pub trait Request {
    /// What the server answers.
    type Reply;

    /// The type of the message, and of its reply.
    const TYPE: MessageType;

    /// Appends the payload.
    fn encode(&self, payload: &mut Vec<u8>);

    /// Reads the payload of a reply; `None` when it is not what the protocol says.
    fn decode(payload: Vec<u8>) -> Option<Self::Reply>;
}

/// Reads the value of a node. Values are bytes, mostly text without a NUL.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a>(pub Path<'a>);

impl Request for Read<'_> {
    type Reply = Vec<u8>;
    const TYPE: MessageType = MessageType::Read;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
    }

    fn decode(payload: Vec<u8>) -> Option<Vec<u8>> {
        Some(payload)
    }
}

/// Sets the value of a node; it and its parents are made if missing.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a>(pub Path<'a>, pub &'a [u8]);

impl Request for Write<'_> {
    type Reply = ();
    const TYPE: MessageType = MessageType::Write;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
        payload.extend_from_slice(self.1);
    }

    fn decode(payload: Vec<u8>) -> Option<()> {
        acknowledged(&payload)
    }
}

/// Makes a node, and its parents, if missing.
#[derive(Clone, Copy, Debug)]
pub struct Mkdir<'a>(pub Path<'a>);

impl Request for Mkdir<'_> {
    type Reply = ();
    const TYPE: MessageType = MessageType::Mkdir;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
    }

    fn decode(payload: Vec<u8>) -> Option<()> {
        acknowledged(&payload)
    }
}

/// Removes a node and all below it. A missing node is no error if its parent exists.
#[derive(Clone, Copy, Debug)]
pub struct Rm<'a>(pub Path<'a>);

impl Request for Rm<'_> {
    type Reply = ();
    const TYPE: MessageType = MessageType::Rm;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
    }

    fn decode(payload: Vec<u8>) -> Option<()> {
        acknowledged(&payload)
    }
}

/// Lists the children of a node. A list beyond one message gets `E2BIG`: then use [`DirectoryPart`].
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a>(pub Path<'a>);

impl Request for Directory<'_> {
    type Reply = Vec<String>;
    const TYPE: MessageType = MessageType::Directory;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
    }

    fn decode(payload: Vec<u8>) -> Option<Vec<String>> {
        strings(&payload)?
            .map(|name| is_name(name).then(|| name.to_owned()))
            .collect()
    }
}

/// Lists the children of a node from a byte offset of the list on. Ask again with the offset
/// moved by [`DirectoryPartReply::list_bytes`] until [`DirectoryPartReply::last`]; when the
/// generation changed in between, begin anew. [`Listing`](crate::Listing) does so.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryPart<'a>(pub Path<'a>, pub u32);

/// A part of a long directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPartReply {
    /// Changes with every change of the list.
    pub generation: String,
    /// Names in this part.
    pub children: Vec<String>,
    /// Bytes of the list that this part covers.
    pub list_bytes: u32,
    /// Nothing follows.
    pub last: bool,
}

impl Request for DirectoryPart<'_> {
    type Reply = DirectoryPartReply;
    const TYPE: MessageType = MessageType::DirectoryPart;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
        push_display(payload, self.1);
    }

    fn decode(payload: Vec<u8>) -> Option<DirectoryPartReply> {
        let mut strings = strings(&payload)?;
        let generation = strings.next()?.to_owned();
        let mut children: Vec<String> = strings.map(ToOwned::to_owned).collect();
        // The end of the whole list is marked by one more, empty string.
        let last = children.pop_if(|name| name.is_empty()).is_some();
        if !children.iter().all(|name| is_name(name)) {
            return None;
        }
        let list_bytes = children.iter().map(|name| name.len() + 1).sum::<usize>();
        Some(DirectoryPartReply {
            generation,
            list_bytes: u32::try_from(list_bytes).ok()?,
            children,
            last,
        })
    }
}

/// What a domain may do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Write.
    Write,
    /// Read and write.
    Both,
}

/// One entry of a node's permissions. The first names the owner, who may do everything, and the access of everybody not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What it may do.
    pub access: Access,
    /// Who.
    pub domain: DomainId,
}

/// Reads the permissions of a node.
#[derive(Clone, Copy, Debug)]
pub struct GetPerms<'a>(pub Path<'a>);

impl Request for GetPerms<'_> {
    type Reply = Vec<Permission>;
    const TYPE: MessageType = MessageType::GetPerms;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
    }

    fn decode(payload: Vec<u8>) -> Option<Vec<Permission>> {
        let permissions: Vec<_> = strings(&payload)?.map(permission).collect::<Option<_>>()?;
        (!permissions.is_empty()).then_some(permissions)
    }
}

/// Sets the permissions of a node.
#[derive(Clone, Copy, Debug)]
pub struct SetPerms<'a>(pub Path<'a>, pub &'a [Permission]);

impl Request for SetPerms<'_> {
    type Reply = ();
    const TYPE: MessageType = MessageType::SetPerms;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_path(payload, self.0);
        for permission in self.1 {
            let letter = match permission.access {
                Access::None => 'n',
                Access::Read => 'r',
                Access::Write => 'w',
                Access::Both => 'b',
            };
            push_display(payload, format_args!("{letter}{}", permission.domain));
        }
    }

    fn decode(payload: Vec<u8>) -> Option<()> {
        acknowledged(&payload)
    }
}

/// Opens a transaction: requests that carry its id are seen by others all together or not at all.
#[derive(Clone, Copy, Debug)]
pub struct TransactionStart;

impl Request for TransactionStart {
    type Reply = TransactionId;
    const TYPE: MessageType = MessageType::TransactionStart;

    fn encode(&self, payload: &mut Vec<u8>) {
        payload.push(0);
    }

    fn decode(payload: Vec<u8>) -> Option<TransactionId> {
        // Zero would mean "no transaction" in all that follows.
        single(&payload)?
            .parse()
            .ok()
            .filter(|id| *id != 0)
            .map(TransactionId)
    }
}

/// Ends the transaction it is submitted with; committing one that lost a race gets `EAGAIN`: do all of it again.
#[derive(Clone, Copy, Debug)]
pub struct TransactionEnd {
    /// Keep the changes, or forget them.
    pub commit: bool,
}

impl Request for TransactionEnd {
    type Reply = ();
    const TYPE: MessageType = MessageType::TransactionEnd;

    fn encode(&self, payload: &mut Vec<u8>) {
        payload.extend_from_slice(if self.commit { b"T\0" } else { b"F\0" });
    }

    fn decode(payload: Vec<u8>) -> Option<()> {
        acknowledged(&payload)
    }
}

/// Asks for the home of a domain, as in `/local/domain/3`. It need not exist.
#[derive(Clone, Copy, Debug)]
pub struct GetDomainPath(pub DomainId);

impl Request for GetDomainPath {
    type Reply = String;
    const TYPE: MessageType = MessageType::GetDomainPath;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_display(payload, self.0);
    }

    fn decode(payload: Vec<u8>) -> Option<String> {
        let path = single(&payload)?;
        Path::new(path).is_ok().then(|| path.to_owned())
    }
}

/// Asks whether a domain exists and takes part in xenstore.
#[derive(Clone, Copy, Debug)]
pub struct IsDomainIntroduced(pub DomainId);

impl Request for IsDomainIntroduced {
    type Reply = bool;
    const TYPE: MessageType = MessageType::IsDomainIntroduced;

    fn encode(&self, payload: &mut Vec<u8>) {
        push_display(payload, self.0);
    }

    fn decode(payload: Vec<u8>) -> Option<bool> {
        match single(&payload)? {
            "T" => Some(true),
            "F" => Some(false),
            _ => None,
        }
    }
}

/// Drops all watches and transactions of this connection, such as those of a kernel that crashed
/// in the same domain. For the very start; older servers answer `ENOSYS`.
#[derive(Clone, Copy, Debug)]
pub struct ResetWatches;

impl Request for ResetWatches {
    type Reply = ();
    const TYPE: MessageType = MessageType::ResetWatches;

    fn encode(&self, payload: &mut Vec<u8>) {
        payload.push(0);
    }

    fn decode(payload: Vec<u8>) -> Option<()> {
        acknowledged(&payload)
    }
}

pub(crate) fn push_path(payload: &mut Vec<u8>, path: Path<'_>) {
    payload.extend_from_slice(path.as_str().as_bytes());
    payload.push(0);
}

pub(crate) fn push_display(payload: &mut Vec<u8>, value: impl fmt::Display) {
    payload.extend_from_slice(alloc::format!("{value}\0").as_bytes());
}

/// The reply of everything that has nothing to say.
pub(crate) fn acknowledged(payload: &[u8]) -> Option<()> {
    (payload == b"OK\0").then_some(())
}

/// The strings of a payload, each ended by a NUL; an empty payload has none.
pub(crate) fn strings(payload: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let text = core::str::from_utf8(payload).ok()?;
    if !text.is_empty() && !text.ends_with('\0') {
        return None;
    }
    Some(text.split_terminator('\0'))
}

/// The only string of a payload.
pub(crate) fn single(payload: &[u8]) -> Option<&str> {
    let mut strings = strings(payload)?;
    strings.next().filter(|_| strings.next().is_none())
}

/// Whether a string can be the name of a node: one that is put behind a path and a slash names a
/// child.
fn is_name(name: &str) -> bool {
    Path::new(name).is_ok() && !name.contains('/')
}

fn permission(text: &str) -> Option<Permission> {
    let access = match text.bytes().next()? {
        b'n' => Access::None,
        b'r' => Access::Read,
        b'w' => Access::Write,
        b'b' => Access::Both,
        _ => return None,
    };
    // The first byte is ASCII, so this is a character boundary.
    let domain = text[1..].parse().ok().map(DomainId)?;
    Some(Permission { access, domain })
}

#[cfg(test)]
mod tests;
