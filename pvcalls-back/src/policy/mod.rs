//! What a domain may connect to, listen on and send to.

use std::net::SocketAddr;

/// The kind of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A stream.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What the policy says about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, by this address of the host: the one asked for, or where a port map leads.
    Allow(SocketAddr),
    /// No: EACCES for the guest, and the rule that forbids it for the audit line.
    Deny(String),
}

/// What one domain may do.
#[derive(Clone, Debug, Default)]
pub struct Policy {}

impl Policy {
    /// Whether a socket may connect, or a datagram go, to this address.
    #[must_use]
    pub fn connect(&self, _transport: Transport, to: SocketAddr) -> Verdict {
        Verdict::Allow(to)
    }

    /// Whether a socket may be bound to this address, and where it is bound then.
    #[must_use]
    pub fn bind(&self, _transport: Transport, at: SocketAddr) -> Verdict {
        Verdict::Allow(at)
    }

    /// The address under which the guest knows one of its own sockets, bound by the host to
    /// `local`: port maps, backwards.
    #[must_use]
    pub fn guest_address(&self, _transport: Transport, local: SocketAddr) -> SocketAddr {
        local
    }

    /// Whether the host may resolve this name for the domain; the rule that forbids it if not.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn resolve(&self, _name: &str) -> Result<(), String> {
        Ok(())
    }
}
