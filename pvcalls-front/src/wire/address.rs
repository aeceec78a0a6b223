//! Addresses on the wire: `struct sockaddr` in requests, *names* in answers and datagrams.
//!
//! The family stands in host order, port, flow information and address in network order.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// `AF_INET`.
pub(crate) const AF_INET: u16 = 2;
/// `AF_INET6` as Linux on x86 counts, whatever the backend runs on.
pub(crate) const AF_INET6: u16 = 10;

/// What requests have room for.
pub(crate) const SOCKADDR_BYTES: usize = 28;

/// Bytes of a `struct sockaddr_in`.
const SOCKADDR_IN_BYTES: u32 = 16;
/// Bytes of a `struct sockaddr_in6`: all there is room for.
const SOCKADDR_IN6_BYTES: u32 = 28;

const _: () = assert!(SOCKADDR_BYTES == SOCKADDR_IN6_BYTES as usize);

/// Bytes of a name.
pub(crate) const NAME_BYTES: usize = 20;

/// The family's number.
pub(crate) const fn family(address: &SocketAddr) -> u16 {
    match address {
        SocketAddr::V4(_) => AF_INET,
        SocketAddr::V6(_) => AF_INET6,
    }
}

/// A `struct sockaddr_in` or `sockaddr_in6`, and its length for the `len` word.
pub(crate) fn sockaddr(address: &SocketAddr) -> ([u8; SOCKADDR_BYTES], u32) {
    let mut bytes = [0; SOCKADDR_BYTES];
    bytes[0..2].copy_from_slice(&family(address).to_le_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(address) => {
            bytes[4..8].copy_from_slice(&address.ip().octets());
            (bytes, SOCKADDR_IN_BYTES)
        }
        SocketAddr::V6(address) => {
            bytes[4..8].copy_from_slice(&address.flowinfo().to_be_bytes());
            bytes[8..24].copy_from_slice(&address.ip().octets());
            bytes[24..28].copy_from_slice(&address.scope_id().to_le_bytes());
            (bytes, SOCKADDR_IN6_BYTES)
        }
    }
}

/// A name (docs/extensions.md, "Names"); `None` is family 0.
pub(crate) fn encode_name(address: Option<&SocketAddr>) -> [u8; NAME_BYTES] {
    let mut bytes = [0; NAME_BYTES];
    let Some(address) = address else {
        return bytes;
    };
    bytes[0..2].copy_from_slice(&family(address).to_le_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(address) => bytes[4..8].copy_from_slice(&address.ip().octets()),
        SocketAddr::V6(address) => bytes[4..20].copy_from_slice(&address.ip().octets()),
    }
    bytes
}

/// Reads a name that the backend wrote. A family that is neither IPv4 nor IPv6 reads as none.
pub(crate) fn decode_name(bytes: &[u8; NAME_BYTES]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    match u16::from_le_bytes([bytes[0], bytes[1]]) {
        AF_INET => {
            let ip = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
            Some(SocketAddrV4::new(ip, port).into())
        }
        AF_INET6 => {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[4..20]);
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, 0, 0).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_has_the_layout_of_the_specification() {
        let ip = Ipv6Addr::from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        let address = SocketAddrV6::new(ip, 0x1234, 0x0a0b_0c0d, 5);
        let (bytes, len) = sockaddr(&address.into());
        assert_eq!(len, 28);
        assert_eq!(bytes[0..8], [10, 0, 0x12, 0x34, 0x0a, 0x0b, 0x0c, 0x0d]);
        assert_eq!(bytes[8..24], ip.octets());
        assert_eq!(bytes[24..28], [5, 0, 0, 0]);
    }

    #[test]
    fn names_come_back_as_they_went() {
        let v4: SocketAddr = "192.0.2.1:80".parse().expect("an address");
        let v6: SocketAddr = "[2001:db8::7]:65535".parse().expect("an address");
        for name in [Some(v4), Some(v6), None] {
            assert_eq!(decode_name(&encode_name(name.as_ref())), name);
        }
        assert_eq!(encode_name(Some(&v4))[0..8], [2, 0, 0, 80, 192, 0, 2, 1]);
        assert_eq!(decode_name(&[7; NAME_BYTES]), None, "no such family");
    }
}
