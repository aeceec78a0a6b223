//! Who has which port, of one transport.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::error::Error;
use crate::socket::SocketId;

/// The ports that are given to those who ask for any, as on Linux.
const EPHEMERAL: core::ops::RangeInclusive<u16> = 32768..=60999;

/// What a socket is bound to, in canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) at: SocketAddr,
    /// `::` without IPv4.
    pub(crate) only_v6: bool,
}

impl Claim {
    /// Whether packets to that canonical address are for it, as far as the address goes.
    fn covers(&self, ip: IpAddr) -> bool {
        match (self.at.ip(), ip) {
            (own, ip) if own == ip => true,
            (own, _) if !own.is_unspecified() => false,
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => true,
            (IpAddr::V6(_), IpAddr::V4(_)) => !self.only_v6,
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }

    /// Whether some packet could be for both.
    fn collides(&self, other: &Self) -> bool {
        self.covers(other.at.ip()) || other.covers(self.at.ip())
    }
}

/// The ports of one transport.
#[derive(Debug)]
pub(crate) struct Ports {
    claims: BTreeMap<u16, Vec<(Claim, SocketId)>>,
    /// Where the search for a free port begins.
    next: u16,
}

impl Ports {
    pub(crate) const fn new() -> Self {
        Self {
            claims: BTreeMap::new(),
            next: *EPHEMERAL.start(),
        }
    }

    /// Gives `owner` the address, with a free port if it asks for port 0; says which it is.
    ///
    /// # Errors
    /// [`Error::AddrInUse`], also if a socket bound to all addresses has the port or would get
    /// it, and if all ports are taken for one that listens.
    pub(crate) fn claim(&mut self, claim: Claim, owner: SocketId) -> Result<SocketAddr, Error> {
        let mut claim = claim;
        if claim.at.port() == 0 {
            claim
                .at
                .set_port(self.free_port(&claim).ok_or(Error::AddrInUse)?);
        } else if self.taken(&claim) {
            return Err(Error::AddrInUse);
        }
        self.claims
            .entry(claim.at.port())
            .or_default()
            .push((claim, owner));
        Ok(claim.at)
    }

    /// Frees what `owner` has at that port.
    pub(crate) fn release(&mut self, port: u16, owner: SocketId) {
        if let Some(claims) = self.claims.get_mut(&port) {
            claims.retain(|(_, other)| *other != owner);
            if claims.is_empty() {
                self.claims.remove(&port);
            }
        }
    }

    /// Who gets what is sent to that canonical address: rather one that is bound to the address
    /// than one that is bound to all.
    pub(crate) fn owners(&self, to: SocketAddr) -> impl Iterator<Item = SocketId> {
        let claims = self.claims.get(&to.port()).map_or(&[][..], Vec::as_slice);
        let covering = move |exact: bool| {
            claims.iter().filter(move |(claim, _)| {
                claim.covers(to.ip()) && (claim.at.ip() == to.ip()) == exact
            })
        };
        covering(true)
            .chain(covering(false))
            .map(|(_, owner)| *owner)
    }

    /// How many addresses are taken.
    pub(crate) fn len(&self) -> usize {
        self.claims.values().map(Vec::len).sum()
    }

    fn taken(&self, claim: &Claim) -> bool {
        let claims = self.claims.get(&claim.at.port());
        claims.is_some_and(|claims| claims.iter().any(|(other, _)| claim.collides(other)))
    }

    fn free_port(&mut self, claim: &Claim) -> Option<u16> {
        for _ in EPHEMERAL {
            let port = self.next;
            self.next = match port {
                last if last == *EPHEMERAL.end() => *EPHEMERAL.start(),
                port => port + 1,
            };
            let mut candidate = *claim;
            candidate.at.set_port(port);
            if !self.taken(&candidate) {
                return Some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(text: &str) -> Claim {
        let (text, only_v6) = match text.strip_suffix(" only") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let at = text.parse().expect("an address");
        Claim { at, only_v6 }
    }

    #[test]
    fn what_collides_and_what_does_not() {
        for (first, second, collide) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("0.0.0.0:80", "0.0.0.0:80", true),
            ("127.0.0.1:80", "[::1]:80", false),
            ("[::1]:80", "[::]:80", true),
            ("[::1]:80", "[::]:80 only", true),
            ("[::1]:80", "0.0.0.0:80", false),
            ("0.0.0.0:80", "[::]:80", true),
            ("127.0.0.1:80", "[::]:80", true),
            ("0.0.0.0:80", "[::]:80 only", false),
            ("127.0.0.1:80", "[::]:80 only", false),
        ] {
            for (first, second) in [(first, second), (second, first)] {
                let mut ports = Ports::new();
                ports.claim(claim(first), SocketId(1)).expect("free");
                let result = ports.claim(claim(second), SocketId(2));
                assert_eq!(result.is_err(), collide, "{first} and {second}");
                assert_eq!(ports.len(), if collide { 1 } else { 2 });
                // The first one's end frees what it had.
                ports.release(80, SocketId(1));
                let again = ports.claim(claim(second), SocketId(3));
                assert_eq!(again.is_ok(), collide, "{second}");
            }
        }
    }

    #[test]
    fn every_free_port_is_found_and_then_none() {
        let mut ports = Ports::new();
        let any = claim("127.0.0.1:0");
        let taken = claim("0.0.0.0:40000");
        ports.claim(taken, SocketId(0)).expect("free");
        let mut seen = std::collections::BTreeSet::new();
        for id in 1..EPHEMERAL.len() {
            let at = ports.claim(any, SocketId(id as u64)).expect("a free port");
            assert!(EPHEMERAL.contains(&at.port()) && seen.insert(at.port()));
        }
        assert!(!seen.contains(&40000));
        assert_eq!(ports.claim(any, SocketId(0)), Err(Error::AddrInUse));
        // Another address has all of its own, but for the one that all addresses share.
        assert!(ports.claim(claim("127.0.0.2:0"), SocketId(0)).is_ok());
    }

    #[test]
    fn the_nearest_owner_comes_first() {
        let mut ports = Ports::new();
        ports.claim(claim("[::1]:80"), SocketId(1)).expect("free");
        ports.claim(claim("0.0.0.0:80"), SocketId(2)).expect("free");
        let owner = |to: &str| ports.owners(to.parse().expect("an address")).next();
        assert_eq!(owner("[::1]:80"), Some(SocketId(1)));
        assert_eq!(owner("127.9.9.9:80"), Some(SocketId(2)));
        assert_eq!(owner("127.0.0.1:81"), None);
        assert_eq!(owner("[::2]:80"), None);
    }
}
