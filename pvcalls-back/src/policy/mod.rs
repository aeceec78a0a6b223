//! What a domain may connect to, listen on and send to.
//!
//! Ordered lists of rules, the first match wins; see `docs/policy.md` for what they look like and
//! what is built in. All checks are free of allocation: they run for every datagram.
//!
//! Reading order: this file, `rule.rs` (rules about addresses), `address.rs` (spellings, and what
//! is guarded), `maps.rs`, `names.rs`.

mod address;
mod maps;
mod names;
mod rule;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

pub use maps::{ConnectMap, Maps, PortMap};
pub use names::{NameRule, NameRules};
use rule::Direction;
pub use rule::{AddressRule, AddressRules, Rule, RuleError};

/// The kind of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A stream.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// Its name in rules and log lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What the policy says about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, by this address of the host: the one asked for, or where a map leads. It has the
    /// family of the address asked for; for an IPv6 socket it may be IPv4-mapped.
    Allow(SocketAddr),
    /// No: EACCES for the guest, and the rule that forbids it for the audit line.
    Deny(Rule),
}

/// What one domain may do. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Rules about what it connects and sends to.
    pub connect: AddressRules,
    /// Rules about what it binds to.
    pub listen: AddressRules,
    /// Rules about the names that it may have resolved.
    pub resolve: NameRules,
    /// What the host puts elsewhere.
    pub maps: Maps,
}

impl Policy {
    /// A policy by its rules for connecting and for listening; everything may be resolved.
    ///
    /// # Errors
    /// See [`AddressRules::parse`].
    pub fn parse(connect: &[&str], listen: &[&str]) -> Result<Self, RuleError> {
        Ok(Self {
            connect: AddressRules::parse(connect)?,
            listen: AddressRules::parse(listen)?,
            ..Self::default()
        })
    }

    /// Whether a socket may connect, or a datagram go, to this address, and where it goes then.
    #[must_use]
    pub fn connect(&self, transport: Transport, to: SocketAddr) -> Verdict {
        let mapped = self.maps.connect(transport, to);
        verdict(mapped.unwrap_or_else(|| {
            self.connect.check(Direction::To, transport, to)?;
            Ok(to)
        }))
    }

    /// Whether a socket may be bound to this address, and where it is bound then.
    #[must_use]
    pub fn bind(&self, transport: Transport, at: SocketAddr) -> Verdict {
        let mapped = self.maps.bind(transport, at);
        verdict(mapped.unwrap_or_else(|| {
            self.listen.check(Direction::At, transport, at)?;
            Ok(at)
        }))
    }

    /// The address under which the guest knows one of its own sockets, bound by the host to
    /// `local`: port maps, backwards.
    #[must_use]
    pub fn guest_address(&self, transport: Transport, local: SocketAddr) -> SocketAddr {
        self.maps.guest_address(transport, local)
    }

    /// The address under which the guest knows a destination: connect maps, backwards. For the
    /// peer of a socket that connected and for the sender of a datagram; whoever connects to a
    /// listener of the guest's is called by its own address.
    #[must_use]
    pub fn guest_peer(&self, transport: Transport, peer: SocketAddr) -> SocketAddr {
        self.maps.guest_peer(transport, peer)
    }

    /// Whether the host may resolve this name for the domain.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn resolve(&self, name: &str) -> Result<(), Rule> {
        self.resolve.check(name)
    }

    /// Whether a socket may be bound to some port below 1024: only then does the daemon need the
    /// capability for it.
    #[must_use]
    pub fn opens_privileged_port(&self) -> bool {
        self.listen.opens_privileged_port() || self.maps.opens_privileged_port()
    }
}

fn verdict(answer: Result<SocketAddr, Rule>) -> Verdict {
    match answer {
        Ok(address) => Verdict::Allow(address),
        Err(rule) => Verdict::Deny(rule),
    }
}
