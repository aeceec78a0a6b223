//! Which addresses are the guest's own.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where the peers of a socket bound to some address can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In the guest alone: 127.0.0.0/8 and ::1, also IPv4-mapped.
    Guest,
    /// In the guest and outside: 0.0.0.0 and `::`.
    Both,
    /// Outside only: an address of the host.
    Host,
}

impl Reach {
    /// The reach of a socket that is bound to `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            ip if ip.is_unspecified() => Self::Both,
            ip if ip.is_loopback() => Self::Guest,
            _ => Self::Host,
        }
    }
}

/// Whether a packet to `address` stays in the guest: its loopback addresses, and 0.0.0.0 and
/// `::`, which as destinations mean "this machine". IPv4-mapped forms count as what they map.
#[must_use]
pub fn is_own(address: IpAddr) -> bool {
    Reach::of(address) != Reach::Host
}

/// The form that addresses are compared in: IPv4-mapped ones become IPv4.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The address that a destination means, in canonical form: "this machine" is its loopback
/// address.
pub(crate) fn destination(to: SocketAddr) -> SocketAddr {
    let ip = match to.ip().to_canonical() {
        ip if ip.is_unspecified() => loopback_of(ip),
        ip => ip,
    };
    SocketAddr::new(ip, to.port())
}

/// The loopback address of the same family: where packets come from unless a socket is bound to
/// another one.
pub(crate) fn loopback_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// A canonical address as a socket of a family shows it: to IPv6 ones, IPv4 is mapped.
pub(crate) fn shown(address: SocketAddr, to_v6: bool) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if to_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches() {
        for (text, reach) in [
            ("127.0.0.1", Reach::Guest),
            ("127.255.255.255", Reach::Guest),
            ("128.0.0.1", Reach::Host),
            ("126.255.255.255", Reach::Host),
            ("0.0.0.0", Reach::Both),
            ("0.0.0.1", Reach::Host),
            ("192.0.2.1", Reach::Host),
            ("::1", Reach::Guest),
            ("::", Reach::Both),
            ("::2", Reach::Host),
            ("::ffff:127.0.0.1", Reach::Guest),
            ("::ffff:0.0.0.0", Reach::Both),
            ("::ffff:192.0.2.1", Reach::Host),
        ] {
            let ip: IpAddr = text.parse().expect(text);
            assert_eq!(Reach::of(ip), reach, "{text}");
            assert_eq!(is_own(ip), reach != Reach::Host, "{text}");
        }
    }
}
