//! Requests as the backend sees them.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::wire::REQUEST_BYTES;

/// The address of a CONNECT or BIND.
///
/// # Panics
/// If its family or length is none of the specification's.
fn address(bytes: &[u8; REQUEST_BYTES]) -> SocketAddr {
    let port = u16::from_be_bytes([bytes[18], bytes[19]]);
    let family = u16::from_le_bytes([bytes[16], bytes[17]]);
    match (family, bytes[44]) {
        (2, 16) => {
            let ip = Ipv4Addr::new(bytes[20], bytes[21], bytes[22], bytes[23]);
            SocketAddr::new(ip.into(), port)
        }
        (10, 28) => {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[24..40]);
            let flow = u32::from_be_bytes([bytes[20], bytes[21], bytes[22], bytes[23]]);
            let scope = u32::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]);
            SocketAddrV6::new(Ipv6Addr::from(octets), port, flow, scope).into()
        }
        other => panic!("family and length {other:?}"),
    }
}

/// A request as it lay in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FakeRequest {
    /// The frontend's number for it.
    pub req_id: u32,
    /// The number of the command.
    pub cmd: u32,
    /// The socket.
    pub id: u64,
    /// What is asked.
    pub call: Call,
}

/// The arguments of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the specification's names")]
pub enum Call {
    /// SOCKET.
    Socket {
        domain: u32,
        kind: u32,
        protocol: u32,
    },
    /// CONNECT.
    Connect {
        to: SocketAddr,
        len: u32,
        flags: u32,
        grant: u32,
        port: u32,
    },
    /// RELEASE.
    Release { reuse: u8 },
    /// SHUTDOWN.
    Shutdown { how: u32, out_prod: u32 },
    /// SETOPT.
    SetOption { option: u32, value: i64 },
    /// GETOPT.
    GetOption { option: u32 },
    /// BIND.
    Bind { at: SocketAddr, len: u32 },
    /// LISTEN.
    Listen { backlog: u32 },
    /// ACCEPT; `new` is the id of the stream.
    Accept { new: u64, grant: u32, port: u32 },
    /// POLL.
    Poll,
    /// ATTACH.
    Attach { grant: u32, port: u32 },
    /// RESOLVE.
    Resolve { grant: u32, len: u32, family: u32 },
    /// Anything else.
    Other,
}

impl FakeRequest {
    pub(super) fn decode(bytes: &[u8; REQUEST_BYTES]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(word)
        };
        let double = |at: usize| u64::from(word(at + 4)) << 32 | u64::from(word(at));
        let call = match word(4) {
            0 => Call::Socket {
                domain: word(16),
                kind: word(20),
                protocol: word(24),
            },
            1 => Call::Connect {
                to: address(bytes),
                len: word(44),
                flags: word(48),
                grant: word(52),
                port: word(56),
            },
            2 => Call::Release { reuse: bytes[16] },
            3 => Call::Bind {
                at: address(bytes),
                len: word(44),
            },
            4 => Call::Listen { backlog: word(16) },
            5 => Call::Accept {
                new: double(16),
                grant: word(24),
                port: word(28),
            },
            6 => Call::Poll,
            11 => Call::Attach {
                grant: word(16),
                port: word(20),
            },
            7 => Call::Shutdown {
                how: word(16),
                out_prod: word(20),
            },
            9 => Call::SetOption {
                option: word(16),
                value: double(24).cast_signed(),
            },
            10 => Call::GetOption { option: word(16) },
            12 => Call::Resolve {
                grant: word(16),
                len: word(20),
                family: word(24),
            },
            _ => Call::Other,
        };
        Self {
            req_id: word(0),
            cmd: word(4),
            id: double(8),
            call,
        }
    }
}
