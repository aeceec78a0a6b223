//! The bytes of the protocol: where each word lies, requests as the frontend wrote them, answers.
//!
//! This is a reading of `docs/misc/pvcalls.pandoc`, `xen/include/public/io/pvcalls.h` and our
//! `docs/extensions.md`, made apart from the frontend's so that the two check each other. Offsets
//! come from `xen-sys` and are asserted against the specification's numbers.

use std::mem::offset_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use xen_sys::{pvcalls_data_intf, xen_pvcalls_sring};

use crate::errno::Errno;

/// Bytes of a page.
pub const PAGE_BYTES: usize = 4096;
/// Slots of the command ring: 63 fit, rounded down to a power of two.
pub const SLOTS: u32 = 32;
/// Bytes of a slot and of a request.
pub const SLOT_BYTES: usize = 64;
/// The largest ring order: the list of grants has room for 2^9.
pub const MAX_ORDER: u8 = 9;
/// Bytes of an extended name, see `docs/extensions.md`.
pub const NAME_BYTES: usize = 20;

/// Words of the command ring's page.
pub mod sring {
    use super::{SLOT_BYTES, SLOTS, offset_of, xen_pvcalls_sring};

    /// Requests that the frontend has put in.
    pub const REQ_PROD: usize = offset_of!(xen_pvcalls_sring, req_prod);
    /// At which request the backend wants an event.
    pub const REQ_EVENT: usize = offset_of!(xen_pvcalls_sring, req_event);
    /// Answers that the backend has put in.
    pub const RSP_PROD: usize = offset_of!(xen_pvcalls_sring, rsp_prod);
    /// At which answer the frontend wants an event.
    pub const RSP_EVENT: usize = offset_of!(xen_pvcalls_sring, rsp_event);
    /// `feature-alive`: the byte that the kernel clears when this process ends.
    pub const ALIVE: usize = 16;

    /// Where a slot begins, by a free-running index.
    #[must_use]
    pub const fn slot(index: u32) -> usize {
        offset_of!(xen_pvcalls_sring, ring) + (index % SLOTS) as usize * SLOT_BYTES
    }

    const _: () = assert!(REQ_PROD == 0 && REQ_EVENT == 4 && RSP_PROD == 8 && RSP_EVENT == 12);
    const _: () = assert!(slot(0) == 64 && slot(31) + SLOT_BYTES <= super::PAGE_BYTES);
}

/// Words of the indexes page of a socket.
pub mod intf {
    use super::{offset_of, pvcalls_data_intf};

    /// Moved by the frontend.
    pub const IN_CONS: usize = offset_of!(pvcalls_data_intf, in_cons);
    /// Moved by the backend.
    pub const IN_PROD: usize = offset_of!(pvcalls_data_intf, in_prod);
    /// Set by the backend.
    pub const IN_ERROR: usize = offset_of!(pvcalls_data_intf, in_error);
    /// `feature-event-idx`, the frontend's wish.
    pub const IN_PROD_EVENT: usize = 12;
    /// `feature-event-idx`, the backend's wish.
    pub const IN_CONS_EVENT: usize = 16;
    /// Moved by the backend.
    pub const OUT_CONS: usize = offset_of!(pvcalls_data_intf, out_cons);
    /// Moved by the frontend.
    pub const OUT_PROD: usize = offset_of!(pvcalls_data_intf, out_prod);
    /// Set by the backend.
    pub const OUT_ERROR: usize = offset_of!(pvcalls_data_intf, out_error);
    /// `feature-event-idx`, the frontend's wish.
    pub const OUT_CONS_EVENT: usize = 76;
    /// `feature-event-idx`, the backend's wish.
    pub const OUT_PROD_EVENT: usize = 80;
    /// Set by the frontend before it names the page.
    pub const RING_ORDER: usize = offset_of!(pvcalls_data_intf, ring_order);
    /// Grants of the data pages, `2^ring_order` of them.
    pub const REFS: usize = offset_of!(pvcalls_data_intf, ref_);

    const _: () = assert!(IN_CONS == 0 && IN_PROD == 4 && IN_ERROR == 8);
    const _: () = assert!(OUT_CONS == 64 && OUT_PROD == 68 && OUT_ERROR == 72);
    const _: () = assert!(RING_ORDER == 128 && REFS == 132);
}

/// Who waits for an answer: what it must repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The frontend's number for the request.
    pub req_id: u32,
    /// The command as it came.
    pub cmd: u32,
    /// The socket it names.
    pub id: u64,
}

/// A request, taken apart. Numbers are the frontend's and unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Makes an id known.
    Socket {
        /// Address family.
        domain: u32,
        /// Kind of socket.
        kind: u32,
        /// Protocol of that kind.
        protocol: u32,
    },
    /// Connects a socket.
    Connect {
        /// The address, as it lay there.
        address: RawAddress,
        /// Its ring.
        ring: RingName,
    },
    /// Closes a socket.
    Release {
        /// The frontend will use the same ring again.
        reuse: bool,
    },
    /// Gives a socket its local address.
    Bind {
        /// The address, as it lay there.
        address: RawAddress,
    },
    /// Makes a socket take connections.
    Listen {
        /// How many may wait.
        backlog: u32,
    },
    /// Takes a connection.
    Accept {
        /// The id of the socket to be.
        id_new: u64,
        /// Its ring.
        ring: RingName,
    },
    /// Waits for a connection.
    Poll,
    /// Half-close (extension).
    Shutdown {
        /// 0 read, 1 write, 2 both.
        how: u32,
        /// Up to where bytes are sent before.
        out_prod: u32,
    },
    /// Asks for the addresses of a socket (extension).
    Names,
    /// Sets an option (extension).
    SetOption {
        /// Which.
        option: u32,
        /// To what.
        value: i64,
    },
    /// Asks for an option (extension).
    GetOption {
        /// Which.
        option: u32,
    },
    /// Gives a datagram socket its ring (extension).
    Attach {
        /// Its ring.
        ring: RingName,
    },
    /// Asks for the addresses of a host (extension).
    Resolve {
        /// The page with the name.
        page: u32,
        /// Bytes of the name.
        len: u32,
        /// The family wanted; 0: any.
        family: u32,
    },
    /// None that we know.
    Unknown,
}

/// How a frontend names a data ring: the grant of its indexes page, and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingName {
    /// Grant of the indexes page.
    pub indexes: u32,
    /// The frontend's port.
    pub port: u32,
}

/// Copied out of a slot, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the answer repeats.
    pub call: Call,
    /// What is asked for.
    pub command: Command,
}

impl Request {
    /// Takes a slot apart. Every combination of bytes is some request.
    #[must_use]
    pub fn decode(slot: &[u8; SLOT_BYTES]) -> Self {
        let word = |at: usize| u32::from_le_bytes(slot[at..at + 4].try_into().expect("four bytes"));
        let long =
            |at: usize| u64::from_le_bytes(slot[at..at + 8].try_into().expect("eight bytes"));
        let ring = |at: usize| RingName {
            indexes: word(at),
            port: word(at + 4),
        };
        let address = || RawAddress {
            bytes: slot[16..44].try_into().expect("28 bytes"),
            len: word(44),
        };
        let cmd = word(4);
        let command = match cmd {
            xen_sys::PVCALLS_SOCKET => Command::Socket {
                domain: word(16),
                kind: word(20),
                protocol: word(24),
            },
            xen_sys::PVCALLS_CONNECT => Command::Connect {
                address: address(),
                ring: ring(52),
            },
            xen_sys::PVCALLS_RELEASE => Command::Release {
                reuse: slot[16] != 0,
            },
            xen_sys::PVCALLS_BIND => Command::Bind { address: address() },
            xen_sys::PVCALLS_LISTEN => Command::Listen { backlog: word(16) },
            xen_sys::PVCALLS_ACCEPT => Command::Accept {
                id_new: long(16),
                ring: ring(24),
            },
            xen_sys::PVCALLS_POLL => Command::Poll,
            7 => Command::Shutdown {
                how: word(16),
                out_prod: word(20),
            },
            8 => Command::Names,
            9 => Command::SetOption {
                option: word(16),
                value: long(24).cast_signed(),
            },
            10 => Command::GetOption { option: word(16) },
            11 => Command::Attach { ring: ring(16) },
            12 => Command::Resolve {
                page: word(16),
                len: word(20),
                family: word(24),
            },
            _ => Command::Unknown,
        };
        let call = Call {
            req_id: word(0),
            cmd,
            id: long(8),
        };
        Self { call, command }
    }
}

/// What an answer carries beyond version 1's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Nothing: the bytes after version 1's stay as they are.
    None,
    /// Local name, peer name.
    Names([u8; 2 * NAME_BYTES]),
    /// The value of an option.
    Value(i64),
    /// How many addresses were found.
    Count(u32),
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// What it repeats of the request.
    pub call: Call,
    /// 0, or what went wrong.
    pub result: Result<Extra, Errno>,
}

impl Response {
    /// The bytes of the slot that are written, from its start: 24 of version 1, and as many as
    /// an extension adds.
    #[must_use]
    pub fn encode(&self) -> ([u8; SLOT_BYTES], usize) {
        let mut slot = [0; SLOT_BYTES];
        let ret = self.result.map_or_else(Errno::ret, |_| 0);
        slot[0..4].copy_from_slice(&self.call.req_id.to_le_bytes());
        slot[4..8].copy_from_slice(&self.call.cmd.to_le_bytes());
        slot[8..12].copy_from_slice(&ret.to_le_bytes());
        slot[16..24].copy_from_slice(&self.call.id.to_le_bytes());
        let extra = match self.result {
            Err(_) | Ok(Extra::None) => 0,
            Ok(Extra::Names(names)) => {
                slot[24..64].copy_from_slice(&names);
                40
            }
            Ok(Extra::Value(value)) => {
                slot[24..32].copy_from_slice(&value.to_le_bytes());
                8
            }
            Ok(Extra::Count(count)) => {
                slot[24..28].copy_from_slice(&count.to_le_bytes());
                4
            }
        };
        (slot, 24 + extra)
    }
}

/// Linux's number for IPv4.
pub const AF_INET: u16 = 2;
/// Linux's number for IPv6.
pub const AF_INET6: u16 = 10;

/// A `sockaddr` as it lay in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAddress {
    /// Its bytes.
    pub bytes: [u8; 28],
    /// How many of them count, says the frontend.
    pub len: u32,
}

impl RawAddress {
    /// The address, if it is of this family.
    ///
    /// # Errors
    /// `EINVAL` for another family, or a length that is not one of that family.
    pub fn parse(&self, family: Family) -> Result<SocketAddr, Errno> {
        let bytes = &self.bytes;
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let named = u16::from_le_bytes([bytes[0], bytes[1]]);
        match family {
            Family::V4 if named == AF_INET && (16..=28).contains(&self.len) => {
                let ip = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
                Ok(SocketAddr::new(IpAddr::V4(ip), word(2)))
            }
            Family::V6 if named == AF_INET6 && self.len == 28 => {
                let octets: [u8; 16] = bytes[8..24].try_into().expect("16 bytes");
                let flow = u32::from_be_bytes(bytes[4..8].try_into().expect("four bytes"));
                let scope = u32::from_le_bytes(bytes[24..28].try_into().expect("four bytes"));
                let address = SocketAddrV6::new(Ipv6Addr::from(octets), word(2), flow, scope);
                Ok(SocketAddr::V6(address))
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The 20 bytes of a name; `None` is family 0.
#[must_use]
pub fn name_bytes(address: Option<SocketAddr>) -> [u8; NAME_BYTES] {
    let mut bytes = [0; NAME_BYTES];
    let Some(address) = address else {
        return bytes;
    };
    let family = match address.ip() {
        IpAddr::V4(ip) => {
            bytes[4..8].copy_from_slice(&ip.octets());
            AF_INET
        }
        IpAddr::V6(ip) => {
            bytes[4..20].copy_from_slice(&ip.octets());
            AF_INET6
        }
    };
    bytes[0..2].copy_from_slice(&family.to_le_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes
}

/// The address in a name; `None` for family 0.
///
/// # Errors
/// `EINVAL` for an unknown family.
pub fn parse_name(bytes: &[u8; NAME_BYTES]) -> Result<Option<SocketAddr>, Errno> {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let ip = match u16::from_le_bytes([bytes[0], bytes[1]]) {
        0 => return Ok(None),
        AF_INET => IpAddr::V4(Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7])),
        AF_INET6 => {
            let octets: [u8; 16] = bytes[4..20].try_into().expect("16 bytes");
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return Err(Errno::EINVAL),
    };
    Ok(Some(SocketAddr::new(ip, port)))
}
