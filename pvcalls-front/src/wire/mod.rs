//! The bytes on the wire: where each word lies, and typed requests and answers above them.
//!
//! Offsets are taken from `xen-sys` and asserted against the numbers of the specification, so a
//! header that disagrees stops the build. Commands from 7 on are extensions of ours, whose layout
//! is docs/extensions.md. A [`Request`] can only hold what is safe to send: a Linux backend falls
//! over when it is given a reference, a port or a ring order that is not set up, after it took a
//! lock that it then never gives back.

mod address;
mod layout;
mod response;

use core::mem::{offset_of, size_of};
use core::net::SocketAddr;

use crate::index::Index;
use crate::listener::Listening;
use crate::ring::Ring;
use crate::units::{GrantRef, Port, SocketId};
use xen_sys::{
    xen_pvcalls_accept, xen_pvcalls_bind, xen_pvcalls_connect, xen_pvcalls_listen,
    xen_pvcalls_release, xen_pvcalls_request, xen_pvcalls_socket,
};

pub(crate) use address::{
    AF_INET, AF_INET6, NAME_BYTES, decode_name, encode_name, family, sockaddr,
};
pub(crate) use layout::{data_intf, sring};
pub(crate) use response::{Extra, RESPONSE_BYTES, Response};

pub(crate) const REQUEST_BYTES: usize = 64;

/// "Whatever fits the type". Linux refuses the honest number of TCP here.
const PROTOCOL_ANY: u32 = 0;

const _: () = assert!(size_of::<xen_pvcalls_request>() == REQUEST_BYTES);

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
const BIND_ADDR: usize = ARGS + offset_of!(xen_pvcalls_bind, addr);
const BIND_LEN: usize = ARGS + offset_of!(xen_pvcalls_bind, len);
const LISTEN_BACKLOG: usize = ARGS + offset_of!(xen_pvcalls_listen, backlog);
const ACCEPT_ID_NEW: usize = ARGS + offset_of!(xen_pvcalls_accept, id_new);
const ACCEPT_REF: usize = ARGS + offset_of!(xen_pvcalls_accept, ref_);
const ACCEPT_EVTCHN: usize = ARGS + offset_of!(xen_pvcalls_accept, evtchn);

const _: () = assert!(REQ_ID == 0 && CMD == 4 && ID == 8);
const _: () = assert!(SOCKET_DOMAIN == 16 && SOCKET_TYPE == 20 && SOCKET_PROTOCOL == 24);
const _: () = assert!(CONNECT_ADDR == 16 && CONNECT_LEN == 44);
const _: () = assert!(CONNECT_REF == 52 && CONNECT_EVTCHN == 56 && RELEASE_REUSE == 16);
const _: () = assert!(BIND_ADDR == CONNECT_ADDR && BIND_LEN == CONNECT_LEN);
const _: () = assert!(LISTEN_BACKLOG == 16 && ACCEPT_ID_NEW == 16);
const _: () = assert!(ACCEPT_REF == 24 && ACCEPT_EVTCHN == 28);

// Offsets of the extensions (docs/extensions.md).
const SHUTDOWN_HOW: usize = 16;
const SHUTDOWN_OUT_PROD: usize = 20;
const OPTION: usize = 16;
const OPTION_VALUE: usize = 24;
const ATTACH_REF: usize = 16;
const ATTACH_EVTCHN: usize = 20;
const RESOLVE_REF: usize = 16;
const RESOLVE_LEN: usize = 20;
const RESOLVE_FAMILY: usize = 24;

/// The commands this driver sends. Of those that there are it needs no POLL (see `listener.rs`) and
/// no NAMES: other answers carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Make an id known to the backend.
    Socket,
    /// Connect it and hand over its data ring; of a datagram socket that has one: set its peer.
    Connect,
    /// Close it; when the answer is there, the data ring is no longer mapped.
    Release,
    /// Give it a local address.
    Bind,
    /// Let it take connections.
    Listen,
    /// Wait for a connection, for which a data ring is handed over.
    Accept,
    /// `feature-shutdown`: end one direction.
    Shutdown,
    /// `feature-options`: set an option.
    SetOption,
    /// `feature-options`: ask for an option.
    GetOption,
    /// `feature-udp`: hand over the data ring of a datagram socket.
    Attach,
    /// `feature-resolve`: ask for the addresses of a host.
    Resolve,
}

impl Command {
    /// Whether its answer may wait for something that happens elsewhere, however long.
    pub(crate) const fn waits(self) -> bool {
        matches!(self, Self::Connect | Self::Accept | Self::Resolve)
    }

    /// The number in the `cmd` word. (The specification's prose gives other numbers in places;
    /// its list and the header agree on these.)
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Socket => xen_sys::PVCALLS_SOCKET,
            Self::Connect => xen_sys::PVCALLS_CONNECT,
            Self::Release => xen_sys::PVCALLS_RELEASE,
            Self::Bind => xen_sys::PVCALLS_BIND,
            Self::Listen => xen_sys::PVCALLS_LISTEN,
            Self::Accept => xen_sys::PVCALLS_ACCEPT,
            Self::Shutdown => 7,
            Self::SetOption => 9,
            Self::GetOption => 10,
            Self::Attach => 11,
            Self::Resolve => 12,
        }
    }
}

/// What kind of socket SOCKET makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketType {
    /// `SOCK_STREAM`, the only one of version 1.
    Stream,
    /// `SOCK_DGRAM`, with `feature-udp`.
    Datagram,
}

/// The data ring that a request hands over: the grant of its indexes page, which holds order and
/// references by then, and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RingRef {
    pub(crate) indexes: GrantRef,
    pub(crate) port: Port,
}

impl RingRef {
    /// What a request says of a ring.
    pub(crate) fn of(ring: &Ring) -> Self {
        Self {
            indexes: ring.grant(),
            port: ring.port(),
        }
    }
}

/// A request, before it becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// `family` is [`AF_INET`] or, with `feature-ipv6`, [`AF_INET6`].
    Socket {
        id: SocketId,
        family: u16,
        kind: SocketType,
    },
    /// `ring` is `None` for a datagram socket that has its ring.
    Connect {
        id: SocketId,
        to: SocketAddr,
        ring: Option<RingRef>,
    },
    /// `reuse` if the same pages and port will serve another connection.
    Release {
        id: SocketId,
        reuse: bool,
    },
    Bind {
        id: SocketId,
        at: SocketAddr,
    },
    Listen {
        id: SocketId,
        backlog: u32,
    },
    Accept {
        at: Listening,
        new: SocketId,
        ring: RingRef,
    },
    /// `how`: 0 read, 1 write, 2 both.
    Shutdown {
        id: SocketId,
        how: u32,
        out_prod: Index,
    },
    SetOption {
        id: SocketId,
        option: u32,
        value: i64,
    },
    GetOption {
        id: SocketId,
        option: u32,
    },
    Attach {
        id: SocketId,
        ring: RingRef,
    },
    /// `len` bytes of the host's name lie at the start of the page; `family` is 0 for both.
    Resolve {
        page: GrantRef,
        len: u32,
        family: u16,
    },
}

impl Request {
    pub(crate) fn command(&self) -> Command {
        match self {
            Self::Socket { .. } => Command::Socket,
            Self::Connect { .. } => Command::Connect,
            Self::Release { .. } => Command::Release,
            Self::Bind { .. } => Command::Bind,
            Self::Listen { .. } => Command::Listen,
            Self::Accept { .. } => Command::Accept,
            Self::Shutdown { .. } => Command::Shutdown,
            Self::SetOption { .. } => Command::SetOption,
            Self::GetOption { .. } => Command::GetOption,
            Self::Attach { .. } => Command::Attach,
            Self::Resolve { .. } => Command::Resolve,
        }
    }

    /// The `id` word, which the answer repeats. Names of hosts belong to no socket: 0.
    pub(crate) fn wire_id(&self) -> u64 {
        match self {
            Self::Socket { id, .. }
            | Self::Connect { id, .. }
            | Self::Release { id, .. }
            | Self::Bind { id, .. }
            | Self::Listen { id, .. }
            | Self::Shutdown { id, .. }
            | Self::SetOption { id, .. }
            | Self::GetOption { id, .. }
            | Self::Attach { id, .. } => id.get(),
            Self::Accept { at, .. } => at.id().get(),
            Self::Resolve { .. } => 0,
        }
    }

    /// The 64 bytes of a slot; whatever the command does not define is zero.
    pub(crate) fn encode(&self, req_id: u32) -> [u8; REQUEST_BYTES] {
        let mut slot = Bytes([0; REQUEST_BYTES]);
        slot.put(REQ_ID, req_id);
        slot.put(CMD, self.command().number());
        slot.put_u64(ID, self.wire_id());
        match self {
            Self::Socket { family, kind, .. } => {
                slot.put(SOCKET_DOMAIN, u32::from(*family));
                slot.put(
                    SOCKET_TYPE,
                    match kind {
                        SocketType::Stream => 1,
                        SocketType::Datagram => 2,
                    },
                );
                slot.put(SOCKET_PROTOCOL, PROTOCOL_ANY);
            }
            Self::Connect { to, ring, .. } => {
                slot.put_address(CONNECT_ADDR, CONNECT_LEN, to);
                if let Some(ring) = ring {
                    slot.put_ring(CONNECT_REF, CONNECT_EVTCHN, ring);
                }
            }
            // A hint that the ring may stay mapped; Linux's backend ignores it.
            Self::Release { reuse, .. } => slot.0[RELEASE_REUSE] = u8::from(*reuse),
            Self::Bind { at, .. } => slot.put_address(BIND_ADDR, BIND_LEN, at),
            Self::Listen { backlog, .. } => slot.put(LISTEN_BACKLOG, *backlog),
            Self::Accept { new, ring, .. } => {
                slot.put_u64(ACCEPT_ID_NEW, new.get());
                slot.put_ring(ACCEPT_REF, ACCEPT_EVTCHN, ring);
            }
            Self::Shutdown { how, out_prod, .. } => {
                slot.put(SHUTDOWN_HOW, *how);
                slot.put(SHUTDOWN_OUT_PROD, out_prod.get());
            }
            Self::SetOption { option, value, .. } => {
                slot.put(OPTION, *option);
                slot.put_u64(OPTION_VALUE, value.cast_unsigned());
            }
            Self::GetOption { option, .. } => slot.put(OPTION, *option),
            Self::Attach { ring, .. } => slot.put_ring(ATTACH_REF, ATTACH_EVTCHN, ring),
            Self::Resolve { page, len, family } => {
                slot.put(RESOLVE_REF, page.get());
                slot.put(RESOLVE_LEN, *len);
                slot.put(RESOLVE_FAMILY, u32::from(*family));
            }
        }
        slot.0
    }
}

/// A slot that is being filled.
struct Bytes([u8; REQUEST_BYTES]);

impl Bytes {
    fn put(&mut self, offset: usize, value: u32) {
        self.0[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn put_u64(&mut self, offset: usize, value: u64) {
        self.0[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn put_address(&mut self, offset: usize, len_offset: usize, address: &SocketAddr) {
        let (bytes, len) = sockaddr(address);
        self.0[offset..offset + bytes.len()].copy_from_slice(&bytes);
        self.put(len_offset, len);
    }

    fn put_ring(&mut self, grant_offset: usize, port_offset: usize, ring: &RingRef) {
        self.put(grant_offset, ring.indexes.get());
        self.put(port_offset, ring.port.get());
    }
}

#[cfg(test)]
mod tests;
