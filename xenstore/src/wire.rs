//! The message header and the message types. Source: xen/io/xs_wire.h, `struct xsd_sockmsg`.

use xen_sys::xsd_sockmsg_type as xs;

/// Bytes of a header: four little-endian words.
pub const HEADER_BYTES: usize = 16;

/// Greatest payload of a message in bytes; a server that gets more stops serving the connection.
pub const PAYLOAD_MAX: usize = xen_sys::XENSTORE_PAYLOAD_MAX as usize;

/// Greatest payload in bytes of a request written to `/dev/xen/xenbus`, where header and payload share a page.
pub const XENBUS_DEVICE_PAYLOAD_MAX: usize = PAYLOAD_MAX - HEADER_BYTES;

/// What a message is. Types that only the toolstack sends are known, so that they are not called unknown, but not built here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MessageType {
    /// Debugging and control of the server.
    Control = xs::XS_CONTROL,
    /// Names of the children of a node.
    Directory = xs::XS_DIRECTORY,
    /// Value of a node.
    Read = xs::XS_READ,
    /// Permissions of a node.
    GetPerms = xs::XS_GET_PERMS,
    /// Start of a watch.
    Watch = xs::XS_WATCH,
    /// End of a watch.
    Unwatch = xs::XS_UNWATCH,
    /// Start of a transaction.
    TransactionStart = xs::XS_TRANSACTION_START,
    /// Commit or abort of a transaction.
    TransactionEnd = xs::XS_TRANSACTION_END,
    /// Toolstack: a domain appears.
    Introduce = xs::XS_INTRODUCE,
    /// Toolstack: a domain goes.
    Release = xs::XS_RELEASE,
    /// Home of a domain in the tree.
    GetDomainPath = xs::XS_GET_DOMAIN_PATH,
    /// New value of a node, made if missing.
    Write = xs::XS_WRITE,
    /// A node is made if missing.
    Mkdir = xs::XS_MKDIR,
    /// A node and all below go.
    Rm = xs::XS_RM,
    /// New permissions of a node.
    SetPerms = xs::XS_SET_PERMS,
    /// Something watched changed; only the server sends it, unasked.
    WatchEvent = xs::XS_WATCH_EVENT,
    /// The reply to a request that failed.
    Error = xs::XS_ERROR,
    /// Whether a domain is known.
    IsDomainIntroduced = xs::XS_IS_DOMAIN_INTRODUCED,
    /// Toolstack: a suspended domain continues.
    Resume = xs::XS_RESUME,
    /// Toolstack: a domain gets the rights of another.
    SetTarget = xs::XS_SET_TARGET,
    /// All watches and transactions of the connection go.
    ResetWatches = xs::XS_RESET_WATCHES,
    /// Names of children that do not fit one message, by parts.
    DirectoryPart = xs::XS_DIRECTORY_PART,
}

impl MessageType {
    /// The type with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            xs::XS_CONTROL => Self::Control,
            xs::XS_DIRECTORY => Self::Directory,
            xs::XS_READ => Self::Read,
            xs::XS_GET_PERMS => Self::GetPerms,
            xs::XS_WATCH => Self::Watch,
            xs::XS_UNWATCH => Self::Unwatch,
            xs::XS_TRANSACTION_START => Self::TransactionStart,
            xs::XS_TRANSACTION_END => Self::TransactionEnd,
            xs::XS_INTRODUCE => Self::Introduce,
            xs::XS_RELEASE => Self::Release,
            xs::XS_GET_DOMAIN_PATH => Self::GetDomainPath,
            xs::XS_WRITE => Self::Write,
            xs::XS_MKDIR => Self::Mkdir,
            xs::XS_RM => Self::Rm,
            xs::XS_SET_PERMS => Self::SetPerms,
            xs::XS_WATCH_EVENT => Self::WatchEvent,
            xs::XS_ERROR => Self::Error,
            xs::XS_IS_DOMAIN_INTRODUCED => Self::IsDomainIntroduced,
            xs::XS_RESUME => Self::Resume,
            xs::XS_SET_TARGET => Self::SetTarget,
            xs::XS_RESET_WATCHES => Self::ResetWatches,
            xs::XS_DIRECTORY_PART => Self::DirectoryPart,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// A header as it is on the wire: nothing in it has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of a [`MessageType`].
    pub message_type: u32,
    /// Chosen by the client, echoed in the reply; 0 in watch events.
    pub request_id: u32,
    /// The transaction, 0 for none.
    pub transaction_id: u32,
    /// Bytes of payload that follow.
    pub payload_bytes: u32,
}

impl Header {
    /// The header in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Self {
        let word = |n: usize| u32::from_le_bytes(core::array::from_fn(|byte| bytes[4 * n + byte]));
        Self {
            message_type: word(0),
            request_id: word(1),
            transaction_id: word(2),
            payload_bytes: word(3),
        }
    }

    /// The bytes of this header.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let words = [
            self.message_type,
            self.request_id,
            self.transaction_id,
            self.payload_bytes,
        ];
        let mut bytes = [0; HEADER_BYTES];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_little_endian_words_in_order() {
        let header = Header {
            message_type: 2,
            request_id: 0x0102_0304,
            transaction_id: 7,
            payload_bytes: 4096,
        };
        let bytes = header.to_bytes();
        assert_eq!(bytes, [2, 0, 0, 0, 4, 3, 2, 1, 7, 0, 0, 0, 0, 0x10, 0, 0]);
        assert_eq!(Header::from_bytes(bytes), header);
    }

    #[test]
    fn every_type_keeps_its_number() {
        let known = (0..100)
            .filter_map(MessageType::from_number)
            .inspect(|known| {
                assert_eq!(MessageType::from_number(known.number()), Some(*known));
            });
        assert_eq!(known.count(), 22);
        assert_eq!(MessageType::from_number(20), None);
    }
}
