//! Maps: where the host puts what the guest asks for, and back.
//!
//! A map is a permission of its own: no rule is asked for what it leads to. It works both ways, so
//! its host side is the map's alone: the guest does not get there directly.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Transport;
use super::address::Address;
use super::rule::{Rule, RuleError, is_guarded_at};

/// A port that the guest listens on, and where the host does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMap {
    /// Streams or datagrams; both without.
    pub transport: Option<Transport>,
    /// The port that the guest binds.
    pub guest: u16,
    /// The address of the host that is bound then; without one (or with `::`, which is all of
    /// both families), whichever the guest asks for.
    pub host: Option<IpAddr>,
    /// The port of the host.
    pub host_port: u16,
}

impl PortMap {
    /// Where a socket is bound that asks for this address, if the map is about it.
    fn map(&self, transport: Transport, at: SocketAddr) -> Option<SocketAddr> {
        if at.port() != self.guest || self.transport.is_some_and(|one| one != transport) {
            return None;
        }
        let asked = Address::of(at.ip());
        let ip = match self.host {
            // Whichever address was asked for, and all of them.
            None => (!is_guarded_at(asked)).then_some(at.ip())?,
            Some(host) if host == asked.ip => at.ip(),
            Some(host) if host.is_unspecified() && asked.ip.is_ipv4() => {
                (!is_guarded_at(asked)).then_some(at.ip())?
            }
            // "All addresses" becomes the one address of the host.
            Some(IpAddr::V4(host)) if asked.ip.is_unspecified() => match at.ip() {
                IpAddr::V4(_) => host.into(),
                IpAddr::V6(_) => host.to_ipv6_mapped().into(),
            },
            Some(IpAddr::V6(host)) if at.ip().is_unspecified() && at.is_ipv6() => host.into(),
            Some(_) => return None,
        };
        Some(with(at, ip, self.host_port))
    }

    /// Whether an address of the host is what the map leads to.
    fn leads_to(&self, transport: Transport, local: SocketAddr) -> bool {
        let ip = local.ip().to_canonical();
        local.port() == self.host_port
            && self.transport.is_none_or(|one| one == transport)
            && self.host.is_none_or(|host| {
                host == ip
                    || host.is_unspecified() && ip.is_ipv4()
                    || ip.is_unspecified() && (ip.is_ipv6() || host.is_ipv4())
            })
    }

    fn overlaps(&self, other: &Self) -> Option<&'static str> {
        let transport = match (self.transport, other.transport) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        let family = match (self.host, other.host) {
            (Some(one), Some(two)) => one.is_ipv4() == two.is_ipv4(),
            _ => true,
        };
        let address = match (self.host, other.host) {
            (Some(one), Some(two)) => one == two || one.is_unspecified() || two.is_unspecified(),
            _ => true,
        };
        match transport {
            true if family && self.guest == other.guest => Some("the same port of the guest"),
            true if address && self.host_port == other.host_port => {
                Some("the same port of the host")
            }
            _ => None,
        }
    }
}

impl fmt::Display for PortMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port_map {}", self.guest)?;
        match self.host {
            Some(host) => write!(f, " to {}", SocketAddr::new(host, self.host_port)),
            None => write!(f, " to {}", self.host_port),
        }
    }
}

/// A destination that the guest connects or sends to, and where the host does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectMap {
    /// Streams or datagrams; both without.
    pub transport: Option<Transport>,
    /// The destination that the guest names.
    pub guest: SocketAddr,
    /// The destination of the host's socket, of the same family.
    pub host: SocketAddr,
}

impl ConnectMap {
    /// One end, if the address is the other.
    fn map(
        &self,
        transport: Transport,
        address: SocketAddr,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Option<SocketAddr> {
        let fits = self.transport.is_none_or(|one| one == transport)
            && from.port() == address.port()
            && from.ip() == address.ip().to_canonical();
        // An IPv6 socket asks for an IPv4 address by its mapped spelling and gets the same.
        let ip = match (address.ip(), to.ip()) {
            (IpAddr::V6(_), IpAddr::V4(v4)) => v4.to_ipv6_mapped().into(),
            (_, ip) => ip,
        };
        fits.then(|| with(address, ip, to.port()))
    }

    fn overlaps(&self, other: &Self) -> Option<&'static str> {
        let transport = match (self.transport, other.transport) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        match transport {
            true if self.guest == other.guest => Some("the same guest address"),
            true if self.host == other.host => Some("the same host address"),
            _ => None,
        }
    }
}

impl fmt::Display for ConnectMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connect_map {} to {}", self.guest, self.host)
    }
}

/// The address with another IP and port: of an IPv6 address the scope stays.
fn with(mut address: SocketAddr, ip: IpAddr, port: u16) -> SocketAddr {
    address.set_ip(ip);
    address.set_port(port);
    address
}

/// The maps of a domain. None of them are ambiguous, in either direction.
#[derive(Clone, Debug, Default)]
pub struct Maps {
    ports: Arc<[(PortMap, Rule)]>,
    connects: Arc<[(ConnectMap, Rule)]>,
}

impl Maps {
    /// Maps for ports and for destinations.
    ///
    /// # Errors
    /// A port is 0, the families of a destination differ, or two maps have a side in common.
    pub fn new(mut ports: Vec<PortMap>, mut connects: Vec<ConnectMap>) -> Result<Self, RuleError> {
        for map in &mut ports {
            let host = map.host.map(|ip| ip.to_canonical());
            map.host = host.filter(|ip| ip.is_ipv4() || !ip.is_unspecified());
        }
        for map in &mut connects {
            map.guest.set_ip(map.guest.ip().to_canonical());
            map.host.set_ip(map.host.ip().to_canonical());
        }
        // For an IPv6 socket an IPv6 address of the host comes first.
        ports.sort_by_key(|map| map.host.is_some_and(|ip| ip.is_ipv4()));
        for (at, map) in ports.iter().enumerate() {
            if map.guest == 0 || map.host_port == 0 {
                return Err(RuleError(format!("{map}: a port is 1 to 65535")));
            }
            refuse(map, ports.iter().take(at), PortMap::overlaps)?;
        }
        for (at, map) in connects.iter().enumerate() {
            if map.guest.port() == 0 || map.host.port() == 0 {
                return Err(RuleError(format!("{map}: a port is 1 to 65535")));
            }
            if map.guest.is_ipv4() != map.host.is_ipv4() {
                return Err(RuleError(format!("{map}: both are IPv4 or both IPv6")));
            }
            refuse(map, connects.iter().take(at), ConnectMap::overlaps)?;
        }
        Ok(Self {
            ports: with_rules(ports),
            connects: with_rules(connects),
        })
    }

    /// Where a socket is bound, if a map decides it.
    pub(super) fn bind(
        &self,
        transport: Transport,
        at: SocketAddr,
    ) -> Option<Result<SocketAddr, Rule>> {
        if let Some(host) = self
            .ports
            .iter()
            .find_map(|(map, _)| map.map(transport, at))
        {
            return Some(Ok(host));
        }
        let taken = self
            .ports
            .iter()
            .find(|(map, _)| map.leads_to(transport, at));
        taken.map(|(_, rule)| Err(rule.clone()))
    }

    /// Where a socket connects or sends to, if a map decides it.
    pub(super) fn connect(
        &self,
        transport: Transport,
        to: SocketAddr,
    ) -> Option<Result<SocketAddr, Rule>> {
        let there = |map: &ConnectMap| map.map(transport, to, map.guest, map.host);
        if let Some(host) = self.connects.iter().find_map(|(map, _)| there(map)) {
            return Some(Ok(host));
        }
        let back = |map: &ConnectMap| map.map(transport, to, map.host, map.guest);
        let taken = self.connects.iter().find(|(map, _)| back(map).is_some());
        taken.map(|(_, rule)| Err(rule.clone()))
    }

    /// The guest's name for an address of the host that a socket of its is bound to.
    pub(super) fn guest_address(&self, transport: Transport, local: SocketAddr) -> SocketAddr {
        let map = self
            .ports
            .iter()
            .find(|(map, _)| map.leads_to(transport, local));
        map.map_or(local, |(map, _)| with(local, local.ip(), map.guest))
    }

    /// The guest's name for a destination.
    pub(super) fn guest_peer(&self, transport: Transport, peer: SocketAddr) -> SocketAddr {
        let back = |map: &ConnectMap| map.map(transport, peer, map.host, map.guest);
        self.connects
            .iter()
            .find_map(|(map, _)| back(map))
            .unwrap_or(peer)
    }

    /// Whether a port map leads to a port below 1024.
    pub(super) fn opens_privileged_port(&self) -> bool {
        self.ports.iter().any(|(map, _)| map.host_port < 1024)
    }
}

fn refuse<'a, T: fmt::Display + 'a>(
    map: &T,
    mut others: impl Iterator<Item = &'a T>,
    overlaps: impl Fn(&T, &T) -> Option<&'static str>,
) -> Result<(), RuleError> {
    match others.find_map(|other| Some((other, overlaps(map, other)?))) {
        None => Ok(()),
        Some((other, what)) => Err(RuleError(format!("{map} and {other} have {what}"))),
    }
}

/// Each with the words of the audit line, so that none are put together when one is refused.
fn with_rules<T: fmt::Display>(maps: Vec<T>) -> Arc<[(T, Rule)]> {
    maps.into_iter()
        .map(|map| {
            let rule = Rule::written(&format!("{map} only: the host's side is the map's alone"));
            (map, rule)
        })
        .collect()
}
