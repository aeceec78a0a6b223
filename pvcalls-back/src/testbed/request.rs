//! Requests of the protocol as 64 bytes, by the numbers of its specification.

use std::net::SocketAddr;

/// A request; its first word is left for the number that
/// [`submit`](super::RawFront::submit) gives it.
pub type Slot = [u8; 64];

/// A request with any command and three words at 16, 20 and 24.
#[must_use]
pub fn raw(cmd: u32, id: u64, words: [u32; 3]) -> Slot {
    let mut slot = [0; 64];
    slot[4..8].copy_from_slice(&cmd.to_le_bytes());
    slot[8..16].copy_from_slice(&id.to_le_bytes());
    for (index, word) in words.iter().enumerate() {
        let at = 16 + 4 * index;
        slot[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    slot
}

fn put(slot: &mut Slot, at: usize, word: u32) {
    slot[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

/// The `sockaddr` of a request: 28 bytes, of which 16 count for IPv4.
#[must_use]
pub fn sockaddr(address: SocketAddr) -> ([u8; 28], u32) {
    let mut bytes = [0; 28];
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(v4) => {
            bytes[0] = 2;
            bytes[4..8].copy_from_slice(&v4.ip().octets());
            (bytes, 16)
        }
        SocketAddr::V6(v6) => {
            bytes[0] = 10;
            bytes[8..24].copy_from_slice(&v6.ip().octets());
            bytes[24..28].copy_from_slice(&v6.scope_id().to_le_bytes());
            (bytes, 28)
        }
    }
}

/// SOCKET: a stream over IPv4.
#[must_use]
pub fn socket(id: u64) -> Slot {
    raw(0, id, [2, 1, 0])
}

/// SOCKET, by its numbers.
#[must_use]
pub fn socket_of(id: u64, domain: u32, kind: u32, protocol: u32) -> Slot {
    raw(0, id, [domain, kind, protocol])
}

/// CONNECT.
#[must_use]
pub fn connect(id: u64, to: SocketAddr, indexes: u32, port: u32) -> Slot {
    let mut slot = with_address(1, id, to);
    put(&mut slot, 52, indexes);
    put(&mut slot, 56, port);
    slot
}

fn with_address(cmd: u32, id: u64, address: SocketAddr) -> Slot {
    let mut slot = raw(cmd, id, [0; 3]);
    let (bytes, len) = sockaddr(address);
    slot[16..44].copy_from_slice(&bytes);
    put(&mut slot, 44, len);
    slot
}

/// RELEASE.
#[must_use]
pub fn release(id: u64, reuse: bool) -> Slot {
    raw(2, id, [reuse.into(), 0, 0])
}

/// BIND.
#[must_use]
pub fn bind(id: u64, at: SocketAddr) -> Slot {
    with_address(3, id, at)
}

/// LISTEN.
#[must_use]
pub fn listen(id: u64, backlog: u32) -> Slot {
    raw(4, id, [backlog, 0, 0])
}

/// ACCEPT.
#[must_use]
pub fn accept(id: u64, id_new: u64, indexes: u32, port: u32) -> Slot {
    let mut slot = raw(5, id, [0; 3]);
    slot[16..24].copy_from_slice(&id_new.to_le_bytes());
    put(&mut slot, 24, indexes);
    put(&mut slot, 28, port);
    slot
}

/// POLL.
#[must_use]
pub fn poll(id: u64) -> Slot {
    raw(6, id, [0; 3])
}

/// SHUTDOWN (extension).
#[must_use]
pub fn shutdown(id: u64, how: u32, out_prod: u32) -> Slot {
    raw(7, id, [how, out_prod, 0])
}

/// NAMES (extension).
#[must_use]
pub fn names(id: u64) -> Slot {
    raw(8, id, [0; 3])
}

/// SETOPT (extension).
#[must_use]
pub fn set_option(id: u64, option: u32, value: i64) -> Slot {
    let mut slot = raw(9, id, [option, 0, 0]);
    slot[24..32].copy_from_slice(&value.to_le_bytes());
    slot
}

/// GETOPT (extension).
#[must_use]
pub fn get_option(id: u64, option: u32) -> Slot {
    raw(10, id, [option, 0, 0])
}

/// ATTACH (extension).
#[must_use]
pub fn attach(id: u64, indexes: u32, port: u32) -> Slot {
    raw(11, id, [indexes, port, 0])
}

/// RESOLVE (extension).
#[must_use]
pub fn resolve(page: u32, len: u32, family: u32) -> Slot {
    raw(12, 0, [page, len, family])
}
