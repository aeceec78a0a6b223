//! Requests, responses and addresses as bytes: offsets of `xen/include/public/io/pvcalls.h`.
//!
//! Written from the specification alone, not from the frontend's `wire.rs`: two readings check
//! each other. Every byte of a request can be set.

use core::net::{SocketAddrV4, SocketAddrV6};

use crate::stream::Ring;

/// Bytes of a slot.
pub(crate) const SLOT_BYTES: usize = 64;

/// Command numbers, those of the extensions (docs/extensions.md) included.
pub(crate) mod cmd {
    pub(crate) const SOCKET: u32 = 0;
    pub(crate) const CONNECT: u32 = 1;
    pub(crate) const RELEASE: u32 = 2;
    pub(crate) const BIND: u32 = 3;
    pub(crate) const LISTEN: u32 = 4;
    pub(crate) const ACCEPT: u32 = 5;
    pub(crate) const POLL: u32 = 6;
    pub(crate) const SHUTDOWN: u32 = 7;
    pub(crate) const NAMES: u32 = 8;
    pub(crate) const SETOPT: u32 = 9;
    pub(crate) const GETOPT: u32 = 10;
    pub(crate) const ATTACH: u32 = 11;
    pub(crate) const RESOLVE: u32 = 12;
}

/// Error numbers as they stand in `ret`, `in_error` and `out_error`.
pub(crate) mod errno {
    pub(crate) const EPERM: i32 = -1;
    pub(crate) const ENOENT: i32 = -2;
    pub(crate) const EBADF: i32 = -9;
    pub(crate) const EAGAIN: i32 = -11;
    pub(crate) const EFAULT: i32 = -14;
    pub(crate) const EPIPE: i32 = -32;
    pub(crate) const ENOPROTOOPT: i32 = -92;
    pub(crate) const ESOCKTNOSUPPORT: i32 = -94;
    pub(crate) const EOPNOTSUPP: i32 = -95;
    pub(crate) const EEXIST: i32 = -17;
    pub(crate) const EINVAL: i32 = -22;
    pub(crate) const EAFNOSUPPORT: i32 = -97;
    pub(crate) const EADDRINUSE: i32 = -98;
    pub(crate) const ECONNRESET: i32 = -104;
    pub(crate) const ENOTCONN: i32 = -107;
    pub(crate) const ECONNREFUSED: i32 = -111;
    pub(crate) const ECANCELED: i32 = -125;
    pub(crate) const ENOTSUP: i32 = -524;
}

/// A request, all of its bytes; `req_id` is filled in when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Request(pub(crate) [u8; SLOT_BYTES]);

impl Request {
    /// A request with zeros for arguments.
    pub(crate) fn new(command: u32, id: u64) -> Request {
        Request([0; SLOT_BYTES]).u32(4, command).u64(8, id)
    }

    /// Sets four bytes.
    pub(crate) fn u32(mut self, offset: usize, value: u32) -> Request {
        self.0[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        self
    }

    /// Sets eight bytes.
    pub(crate) fn u64(mut self, offset: usize, value: u64) -> Request {
        self.0[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        self
    }

    /// Sets any bytes.
    pub(crate) fn bytes(mut self, offset: usize, bytes: &[u8]) -> Request {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// A TCP socket.
    pub(crate) fn socket(id: u64) -> Request {
        Request::socket_of(id, 2, 1, 0)
    }

    /// A socket of any kind.
    pub(crate) fn socket_of(id: u64, domain: u32, kind: u32, protocol: u32) -> Request {
        Request::new(cmd::SOCKET, id)
            .u32(16, domain)
            .u32(20, kind)
            .u32(24, protocol)
    }

    /// A connection that uses `ring`.
    pub(crate) fn connect(id: u64, to: SocketAddrV4, ring: &Ring) -> Request {
        Request::new(cmd::CONNECT, id)
            .bytes(16, &sockaddr(to))
            .u32(44, 16)
            .u32(52, ring.reference())
            .u32(56, ring.channel().port())
    }

    /// The end of a socket.
    pub(crate) fn release(id: u64) -> Request {
        Request::new(cmd::RELEASE, id)
    }

    /// An address for a socket.
    pub(crate) fn bind(id: u64, to: SocketAddrV4) -> Request {
        Request::new(cmd::BIND, id)
            .bytes(16, &sockaddr(to))
            .u32(44, 16)
    }

    /// A socket becomes a listener.
    pub(crate) fn listen(id: u64, backlog: u32) -> Request {
        Request::new(cmd::LISTEN, id).u32(16, backlog)
    }

    /// The next connection of listener `id` becomes socket `new` and uses `ring`.
    pub(crate) fn accept(id: u64, new: u64, ring: &Ring) -> Request {
        Request::new(cmd::ACCEPT, id)
            .u64(16, new)
            .u32(24, ring.reference())
            .u32(28, ring.channel().port())
    }

    /// Tell when listener `id` has a connection.
    pub(crate) fn poll(id: u64) -> Request {
        Request::new(cmd::POLL, id)
    }

    /// The command's number.
    pub(crate) fn command(&self) -> u32 {
        word(&self.0, 4)
    }

    /// The socket's number.
    pub(crate) fn id(&self) -> u64 {
        long(&self.0, 8)
    }
}

/// A response, with the whole slot it came in.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    slot: [u8; SLOT_BYTES],
}

impl Response {
    pub(crate) fn new(slot: [u8; SLOT_BYTES]) -> Response {
        Response { slot }
    }

    pub(crate) fn request_id(&self) -> u32 {
        word(&self.slot, 0)
    }

    pub(crate) fn command(&self) -> u32 {
        word(&self.slot, 4)
    }

    /// 0 or a negative error number.
    pub(crate) fn ret(&self) -> i32 {
        word(&self.slot, 8).cast_signed()
    }

    /// The socket's number, which is the request's.
    pub(crate) fn id(&self) -> u64 {
        long(&self.slot, 16)
    }

    /// The socket's own name, where `feature-names` adds it.
    pub(crate) fn local_name(&self) -> Name {
        Name::read(&self.slot[24..44])
    }

    /// The name of its peer, likewise.
    pub(crate) fn peer_name(&self) -> Name {
        Name::read(&self.slot[44..64])
    }

    /// A word that an extension added.
    pub(crate) fn extra_u32(&self, offset: usize) -> u32 {
        word(&self.slot, offset)
    }

    /// Eight bytes that an extension added.
    pub(crate) fn extra_u64(&self, offset: usize) -> u64 {
        long(&self.slot, offset)
    }
}

/// `sockaddr_in`: the family in host order, port and address in network order, then zeros.
pub(crate) fn sockaddr(address: SocketAddrV4) -> [u8; 28] {
    let mut bytes = [0; 28];
    bytes[0] = 2;
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes[4..8].copy_from_slice(&address.ip().octets());
    bytes
}

/// A name of docs/extensions.md: 20 bytes for a family, a port and an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) [u8; 20]);

impl Name {
    /// No name.
    pub(crate) const NONE: Name = Name([0; 20]);

    /// An IPv4 address.
    pub(crate) fn v4(address: SocketAddrV4) -> Name {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&sockaddr(address)[..8]);
        Name(bytes)
    }

    /// An IPv6 address.
    pub(crate) fn v6(address: SocketAddrV6) -> Name {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&sockaddr6(address)[..4]);
        bytes[4..].copy_from_slice(&address.ip().octets());
        Name(bytes)
    }

    /// From bytes, of which there are 20.
    pub(crate) fn read(bytes: &[u8]) -> Name {
        Name(bytes.try_into().expect("20 bytes"))
    }

    /// The port in host order.
    pub(crate) fn port(&self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }
}

impl core::fmt::Debug for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match (self.0[0], &self.0[4..8]) {
            (0, _) => write!(f, "none"),
            (2, [a, b, c, d]) => write!(f, "{a}.{b}.{c}.{d}:{}", self.port()),
            _ => write!(f, "{:02x?}", self.0),
        }
    }
}

/// `sockaddr_in6`: `flowinfo` in network order, the scope in host order.
pub(crate) fn sockaddr6(address: SocketAddrV6) -> [u8; 28] {
    let mut bytes = [0; 28];
    bytes[0] = 10;
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes[8..24].copy_from_slice(&address.ip().octets());
    bytes[24..28].copy_from_slice(&address.scope_id().to_le_bytes());
    bytes
}

fn word(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("eight bytes"))
}
