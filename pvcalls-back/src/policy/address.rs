//! Addresses: their spellings, networks of them, and those that are guarded.
//!
//! One IPv4 address can be written as several IPv6 addresses, and Linux or a translator on the way
//! sends all of them to the same place. A rule that could be passed by another spelling would be
//! none, so every address is looked at in all its spellings ([`Address`]).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and what else it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The address itself; an IPv4-mapped IPv6 address is the IPv4 address.
    pub(super) ip: IpAddr,
    /// The IPv4 address in an IPv6 address that a translator or tunnel would send it to.
    pub(super) inner: Option<Ipv4Addr>,
}

impl Address {
    /// Looks at an address in all its spellings.
    pub(super) fn of(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let inner = match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => inner(v6),
        };
        Self { ip, inner }
    }

    /// What guards a destination.
    pub(super) fn guard_to(self) -> Option<Guard> {
        Guard::ALL
            .into_iter()
            .find(|guard| self.is_in(guard.networks()) || self.is_in(guard.more_networks_to()))
    }

    /// What guards an address that a socket would be bound to. The unspecified address is
    /// none of the host's, so it is not guarded.
    pub(super) fn guard_at(self) -> Option<Guard> {
        Guard::ALL
            .into_iter()
            .find(|guard| self.is_in(guard.networks()))
    }

    fn is_in(self, networks: &[Network]) -> bool {
        networks.iter().any(|network| network.has(self))
    }
}

/// The IPv4 address inside an IPv6 address of a translator or tunnel: RFC 6052 (the well-known
/// prefix), RFC 2765 (translated), RFC 4291 section 2.5.5.1 (compatible), RFC 3056 (6to4).
fn inner(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0, 0, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

/// Addresses that no rule opens unless it names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Guard {
    /// The host itself; as a destination also the unspecified addresses, which Linux sends there.
    Loopback,
    /// Addresses of the link: metadata services, routers.
    LinkLocal,
    /// Groups and broadcast.
    Multicast,
}

impl Guard {
    const ALL: [Self; 3] = [Self::Loopback, Self::LinkLocal, Self::Multicast];

    /// What it guards in any case; [`Address::guard_to`] adds to it.
    const fn networks(self) -> &'static [Network] {
        const LOOPBACK: [Network; 2] = [
            Network::v4(Ipv4Addr::new(127, 0, 0, 0), 8),
            Network::v6(Ipv6Addr::LOCALHOST, 128),
        ];
        const LINK_LOCAL: [Network; 2] = [
            Network::v4(Ipv4Addr::new(169, 254, 0, 0), 16),
            Network::v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
        ];
        const MULTICAST: [Network; 3] = [
            Network::v4(Ipv4Addr::new(224, 0, 0, 0), 4),
            Network::v4(Ipv4Addr::BROADCAST, 32),
            Network::v6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
        ];
        match self {
            Self::Loopback => &LOOPBACK,
            Self::LinkLocal => &LINK_LOCAL,
            Self::Multicast => &MULTICAST,
        }
    }

    /// The networks that a destination is guarded by on top of [`Guard::networks`].
    const fn more_networks_to(self) -> &'static [Network] {
        const THIS_HOST: [Network; 2] = [
            Network::v4(Ipv4Addr::UNSPECIFIED, 8),
            Network::v6(Ipv6Addr::UNSPECIFIED, 128),
        ];
        match self {
            Self::Loopback => &THIS_HOST,
            Self::LinkLocal | Self::Multicast => &[],
        }
    }

    /// The rule in words, for the audit line.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Loopback => "built in: no loopback",
            Self::LinkLocal => "built in: no link-local",
            Self::Multicast => "built in: no multicast",
        }
    }
}

/// A set of guards: those that a rule opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Guards(u8);

impl Guards {
    /// The guards that a network lies within: who writes such a network means it.
    pub(super) fn around(network: Network) -> Self {
        Self(Guard::ALL.into_iter().fold(0, |set, guard| {
            let within = guard
                .networks()
                .iter()
                .chain(guard.more_networks_to())
                .any(|outer| outer.contains(network));
            set | u8::from(within) << guard as u8
        }))
    }

    /// Whether this guard is in the set.
    pub(super) const fn has(self, guard: Guard) -> bool {
        self.0 & 1 << guard as u8 != 0
    }
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// IPv4: the bits, and the mask of those that count.
    V4 {
        /// The address.
        bits: u32,
        /// The bits that count.
        mask: u32,
    },
    /// IPv6.
    V6 {
        /// The address.
        bits: u128,
        /// The bits that count.
        mask: u128,
    },
}

impl Network {
    const fn v4(address: Ipv4Addr, prefix: u32) -> Self {
        Self::V4 {
            bits: address.to_bits(),
            mask: !u32::MAX.unbounded_shr(prefix),
        }
    }

    const fn v6(address: Ipv6Addr, prefix: u32) -> Self {
        Self::V6 {
            bits: address.to_bits(),
            mask: !u128::MAX.unbounded_shr(prefix),
        }
    }

    /// `192.0.2.0/24`, `2001:db8::/32`, or a single address.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("{address:?} is not an IPv4 or IPv6 address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|prefix| *prefix <= most && digits.bytes().all(|b| b.is_ascii_digit()))
                .ok_or_else(|| format!("the prefix length /{digits} is not 0 to {most}"))?,
        };
        let network = match address {
            IpAddr::V4(v4) => Self::v4(v4, prefix),
            IpAddr::V6(v6) => Self::v6(v6, prefix),
        };
        let start = network.start();
        if start != address {
            return Err(format!(
                "{text} has bits set behind its prefix; the network is {start}/{prefix}"
            ));
        }
        match Self::v6(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96).contains(network) {
            true => Err(format!(
                "{text} is IPv4-mapped: write it as an IPv4 network, which matches all spellings"
            )),
            false => Ok(network),
        }
    }

    fn start(self) -> IpAddr {
        match self {
            Self::V4 { bits, mask } => Ipv4Addr::from_bits(bits & mask).into(),
            Self::V6 { bits, mask } => Ipv6Addr::from_bits(bits & mask).into(),
        }
    }

    /// Whether an address lies in it, in any of its spellings.
    pub(super) fn has(self, address: Address) -> bool {
        self.has_ip(address.ip) || address.inner.is_some_and(|v4| self.has_ip(IpAddr::V4(v4)))
    }

    fn has_ip(self, ip: IpAddr) -> bool {
        match (self, ip) {
            (Self::V4 { bits, mask }, IpAddr::V4(ip)) => (ip.to_bits() ^ bits) & mask == 0,
            (Self::V6 { bits, mask }, IpAddr::V6(ip)) => (ip.to_bits() ^ bits) & mask == 0,
            _ => false,
        }
    }

    /// Whether the whole of another network lies in it.
    fn contains(self, other: Self) -> bool {
        let wider = match (self, other) {
            (Self::V4 { mask, .. }, Self::V4 { mask: inner, .. }) => mask & inner == mask,
            (Self::V6 { mask, .. }, Self::V6 { mask: inner, .. }) => mask & inner == mask,
            _ => false,
        };
        wider && self.has_ip(other.start())
    }
}
