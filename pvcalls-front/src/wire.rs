//! The bytes on the wire: where each word lies, and typed requests and answers above them.
//!
//! Offsets are taken from `xen-sys` and asserted against the numbers of the specification, so a
//! header that disagrees stops the build. A [`Request`] can only hold what is safe to send: a
//! Linux backend falls over when it is given a reference, a port or a ring order that is not
//! set up, after it took a lock that it then never gives back.

use core::mem::{offset_of, size_of};
use core::net::SocketAddrV4;

use crate::units::{GrantRef, PAGE_SIZE, Port, SocketId};
use xen_sys::{
    pvcalls_data_intf, xen_pvcalls_connect, xen_pvcalls_release, xen_pvcalls_request,
    xen_pvcalls_response, xen_pvcalls_socket, xen_pvcalls_sring,
};

/// Words of the command ring's page, as byte offsets.
pub(crate) mod sring {
    use super::{offset_of, xen_pvcalls_sring};

    pub(crate) const REQ_PROD: usize = offset_of!(xen_pvcalls_sring, req_prod);
    pub(crate) const REQ_EVENT: usize = offset_of!(xen_pvcalls_sring, req_event);
    pub(crate) const RSP_PROD: usize = offset_of!(xen_pvcalls_sring, rsp_prod);
    pub(crate) const RSP_EVENT: usize = offset_of!(xen_pvcalls_sring, rsp_event);
    /// The word whose lowest byte says that the backend lives, with `feature-alive`: the first
    /// bytes that version 1 leaves unused.
    pub(crate) const ALIVE: usize = 16;
    const SLOTS: usize = offset_of!(xen_pvcalls_sring, ring);

    /// Slots in the page: what is left of it after the header, rounded down to a power of two.
    pub(crate) const SLOT_COUNT: u32 = 32;
    pub(crate) const SLOT_BYTES: usize = super::REQUEST_BYTES;

    /// Where the slot of that number (already masked) begins.
    pub(crate) fn slot(number: u32) -> usize {
        debug_assert!(number < SLOT_COUNT);
        SLOTS + number as usize * SLOT_BYTES
    }

    const _: () = assert!(REQ_PROD == 0 && REQ_EVENT == 4 && RSP_PROD == 8 && RSP_EVENT == 12);
    const _: () = assert!(SLOTS == 64 && ALIVE + 4 <= SLOTS && ALIVE >= RSP_EVENT + 4);
    const _: () = assert!(((super::PAGE_SIZE - SLOTS) / SLOT_BYTES).ilog2() == SLOT_COUNT.ilog2());
}

/// Words of a socket's indexes page, as byte offsets. Those named `IN_PROD`, `IN_ERROR`,
/// `OUT_CONS` and `OUT_ERROR` belong to the backend; the frontend owns the others.
pub(crate) mod data_intf {
    use super::{offset_of, pvcalls_data_intf};

    pub(crate) const IN_CONS: usize = offset_of!(pvcalls_data_intf, in_cons);
    pub(crate) const IN_PROD: usize = offset_of!(pvcalls_data_intf, in_prod);
    pub(crate) const IN_ERROR: usize = offset_of!(pvcalls_data_intf, in_error);
    pub(crate) const OUT_CONS: usize = offset_of!(pvcalls_data_intf, out_cons);
    pub(crate) const OUT_PROD: usize = offset_of!(pvcalls_data_intf, out_prod);
    pub(crate) const OUT_ERROR: usize = offset_of!(pvcalls_data_intf, out_error);
    pub(crate) const RING_ORDER: usize = offset_of!(pvcalls_data_intf, ring_order);
    pub(crate) const REFS: usize = offset_of!(pvcalls_data_intf, ref_);
    // With `feature-event-idx`: at which index who wrote it wants to be told. Ours are
    // `IN_PROD_EVENT` and `OUT_CONS_EVENT`.
    pub(crate) const IN_PROD_EVENT: usize = 12;
    pub(crate) const IN_CONS_EVENT: usize = 16;
    pub(crate) const OUT_CONS_EVENT: usize = 76;
    pub(crate) const OUT_PROD_EVENT: usize = 80;

    const _: () = assert!(IN_CONS == 0 && IN_PROD == 4 && IN_ERROR == 8);
    const _: () = assert!(OUT_CONS == 64 && OUT_PROD == 68 && OUT_ERROR == 72);
    // The figure in the specification still shows 76 and 80; the structure is what counts.
    const _: () = assert!(RING_ORDER == 128 && REFS == 132);
    const _: () = assert!(REFS + 4 * (1 << 9) <= super::PAGE_SIZE);
}

pub(crate) const REQUEST_BYTES: usize = 64;
pub(crate) const RESPONSE_BYTES: usize = 24;

/// Bytes of a `struct sockaddr_in`, and what the backend is told as its length.
pub(crate) const SOCKADDR_IN_BYTES: u32 = 16;

/// `AF_INET`, the only address family of protocol version 1.
pub(crate) const DOMAIN_INET: u32 = 2;
/// `SOCK_STREAM`, the only socket type of version 1.
pub(crate) const TYPE_STREAM: u32 = 1;
/// "Whatever fits the type". Linux refuses the honest number of TCP here.
pub(crate) const PROTOCOL_ANY: u32 = 0;

const _: () = assert!(size_of::<xen_pvcalls_request>() == REQUEST_BYTES);
const _: () = assert!(size_of::<xen_pvcalls_response>() == RESPONSE_BYTES);

// Offsets in a request. The arguments lie in a union, hence the sums.
const REQ_ID: usize = offset_of!(xen_pvcalls_request, req_id);
const CMD: usize = offset_of!(xen_pvcalls_request, cmd);
const ARGS: usize = offset_of!(xen_pvcalls_request, u);
const ID: usize = ARGS + offset_of!(xen_pvcalls_socket, id);
const SOCKET_DOMAIN: usize = ARGS + offset_of!(xen_pvcalls_socket, domain);
const SOCKET_TYPE: usize = ARGS + offset_of!(xen_pvcalls_socket, type_);
const SOCKET_PROTOCOL: usize = ARGS + offset_of!(xen_pvcalls_socket, protocol);
const CONNECT_ADDR: usize = ARGS + offset_of!(xen_pvcalls_connect, addr);
const CONNECT_LEN: usize = ARGS + offset_of!(xen_pvcalls_connect, len);
const CONNECT_REF: usize = ARGS + offset_of!(xen_pvcalls_connect, ref_);
const CONNECT_EVTCHN: usize = ARGS + offset_of!(xen_pvcalls_connect, evtchn);
const RELEASE_REUSE: usize = ARGS + offset_of!(xen_pvcalls_release, reuse);

const _: () = assert!(REQ_ID == 0 && CMD == 4 && ID == 8);
const _: () = assert!(SOCKET_DOMAIN == 16 && SOCKET_TYPE == 20 && SOCKET_PROTOCOL == 24);
const _: () = assert!(CONNECT_ADDR == 16 && CONNECT_LEN == 44);
const _: () = assert!(CONNECT_REF == 52 && CONNECT_EVTCHN == 56 && RELEASE_REUSE == 16);

// Offsets in a response.
const RSP_REQ_ID: usize = offset_of!(xen_pvcalls_response, req_id);
const RSP_CMD: usize = offset_of!(xen_pvcalls_response, cmd);
const RSP_RET: usize = offset_of!(xen_pvcalls_response, ret);
const RSP_ID: usize = offset_of!(xen_pvcalls_response, u);
const _: () = assert!(RSP_REQ_ID == 0 && RSP_CMD == 4 && RSP_RET == 8 && RSP_ID == 16);

/// The commands this driver sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Make an id known to the backend.
    Socket,
    /// Connect it and hand over its data ring.
    Connect,
    /// Close it; when the answer is there, the data ring is no longer mapped.
    Release,
}

impl Command {
    /// The number in the `cmd` word. (The specification's prose gives other numbers in places;
    /// its list and the header agree on these.)
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Socket => xen_sys::PVCALLS_SOCKET,
            Self::Connect => xen_sys::PVCALLS_CONNECT,
            Self::Release => xen_sys::PVCALLS_RELEASE,
        }
    }
}

/// A request, before it becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A TCP socket over IPv4: version 1 has no other.
    Socket { id: SocketId },
    /// `indexes` is the grant of the indexes page, which holds order and references by now.
    Connect {
        id: SocketId,
        to: SocketAddrV4,
        indexes: GrantRef,
        port: Port,
    },
    /// `reuse` if the same pages and port will serve another connection.
    Release { id: SocketId, reuse: bool },
}

impl Request {
    pub(crate) fn command(&self) -> Command {
        match self {
            Self::Socket { .. } => Command::Socket,
            Self::Connect { .. } => Command::Connect,
            Self::Release { .. } => Command::Release,
        }
    }

    pub(crate) fn id(&self) -> SocketId {
        match self {
            Self::Socket { id } | Self::Connect { id, .. } | Self::Release { id, .. } => *id,
        }
    }

    /// The 64 bytes of a slot; whatever the command does not define is zero.
    pub(crate) fn encode(&self, req_id: u32) -> [u8; REQUEST_BYTES] {
        let mut bytes = [0; REQUEST_BYTES];
        let mut put = |offset: usize, value: u32| {
            bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        };
        put(REQ_ID, req_id);
        put(CMD, self.command().number());
        match self {
            Self::Socket { .. } => {
                put(SOCKET_DOMAIN, DOMAIN_INET);
                put(SOCKET_TYPE, TYPE_STREAM);
                put(SOCKET_PROTOCOL, PROTOCOL_ANY);
            }
            Self::Connect { indexes, port, .. } => {
                put(CONNECT_LEN, SOCKADDR_IN_BYTES);
                put(CONNECT_REF, indexes.get());
                put(CONNECT_EVTCHN, port.get());
            }
            // A hint that the ring may stay mapped; Linux's backend ignores it.
            Self::Release { reuse, .. } => bytes[RELEASE_REUSE] = u8::from(*reuse),
        }
        bytes[ID..ID + 8].copy_from_slice(&self.id().get().to_ne_bytes());
        if let Self::Connect { to, .. } = self {
            let sockaddr = sockaddr_in(*to);
            bytes[CONNECT_ADDR..CONNECT_ADDR + sockaddr.len()].copy_from_slice(&sockaddr);
        }
        bytes
    }
}

/// A `struct sockaddr_in`: the family in host order, port and address in network order.
fn sockaddr_in(address: SocketAddrV4) -> [u8; SOCKADDR_IN_BYTES as usize] {
    let mut bytes = [0; SOCKADDR_IN_BYTES as usize];
    bytes[0] = 2; // AF_INET as a little-endian u16.
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes[4..8].copy_from_slice(&address.ip().octets());
    bytes
}

/// A response as it lay in its slot, unchecked. The pad and the 40 bytes after it are not read:
/// they hold what is left of an older request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) req_id: u32,
    pub(crate) cmd: u32,
    pub(crate) ret: i32,
    pub(crate) id: u64,
}

impl Response {
    pub(crate) fn decode(bytes: &[u8; RESPONSE_BYTES]) -> Self {
        let word = |offset: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[offset..offset + 4]);
            word
        };
        let mut id = [0; 8];
        id.copy_from_slice(&bytes[RSP_ID..RSP_ID + 8]);
        Self {
            req_id: u32::from_ne_bytes(word(RSP_REQ_ID)),
            cmd: u32::from_ne_bytes(word(RSP_CMD)),
            ret: i32::from_ne_bytes(word(RSP_RET)),
            id: u64::from_ne_bytes(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    #[test]
    fn connect_puts_every_field_where_the_structure_has_it() {
        let id = SocketId::new(4, 7);
        let request = Request::Connect {
            id,
            to: SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 3), 0x1234),
            indexes: GrantRef::new(99).expect("not zero"),
            port: Port::new(17).expect("not zero"),
        };
        let mut expected = [0; REQUEST_BYTES];
        expected[0..4].copy_from_slice(&5u32.to_le_bytes());
        expected[4..8].copy_from_slice(&1u32.to_le_bytes());
        expected[8..16].copy_from_slice(&((7u64 << 32) + 5).to_le_bytes());
        expected[16..24].copy_from_slice(&[2, 0, 0x12, 0x34, 10, 1, 2, 3]);
        expected[44..48].copy_from_slice(&16u32.to_le_bytes());
        expected[52..56].copy_from_slice(&99u32.to_le_bytes());
        expected[56..60].copy_from_slice(&17u32.to_le_bytes());
        assert_eq!(request.encode(5), expected);
    }

    #[test]
    fn socket_asks_for_a_stream_with_protocol_zero() {
        let bytes = Request::Socket {
            id: SocketId::new(0, 0),
        }
        .encode(1);
        assert_eq!(bytes[16..28], [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert!(bytes[28..].iter().all(|&byte| byte == 0));
    }
}
