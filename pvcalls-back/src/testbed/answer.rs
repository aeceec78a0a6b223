//! An answer, as the frontend finds it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A slot that holds an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    bytes: [u8; 64],
}

impl RawAnswer {
    pub(super) fn new(bytes: [u8; 64]) -> Self {
        Self { bytes }
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    fn long(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("eight bytes"))
    }

    /// Which request it answers.
    #[must_use]
    pub fn req_id(&self) -> u32 {
        self.word(0)
    }

    /// The command, repeated.
    #[must_use]
    pub fn cmd(&self) -> u32 {
        self.word(4)
    }

    /// 0, or a negative error number.
    #[must_use]
    pub fn ret(&self) -> i32 {
        self.word(8).cast_signed()
    }

    /// The socket, repeated.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.long(16)
    }

    /// The bytes after version 1's answer.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.bytes[24..]
    }

    /// The local name, where the answer has names.
    #[must_use]
    pub fn local(&self) -> Option<SocketAddr> {
        name(&self.bytes[24..44])
    }

    /// The peer's name, where the answer has names.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        name(&self.bytes[44..64])
    }

    /// The value, in an answer to GETOPT.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.long(24).cast_signed()
    }

    /// How many names there are, in an answer to RESOLVE.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.word(24)
    }
}

/// The address in the 20 bytes of a name; `None` for family 0.
pub(super) fn name(bytes: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let ip = match (bytes[0], bytes[1]) {
        (0, 0) => return None,
        (2, 0) => IpAddr::from(Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7])),
        (10, 0) => {
            let octets: [u8; 16] = bytes[4..20].try_into().expect("16 bytes");
            IpAddr::from(Ipv6Addr::from(octets))
        }
        family => panic!("a name of family {family:?}"),
    };
    Some(SocketAddr::new(ip, port))
}
