//! The list of DNS servers.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The port of DNS.
pub const DNS_PORT: u16 = 53;
/// How many servers may be listed: each costs a time-out when it does not answer.
const MOST: usize = 8;

/// DNS servers, in the order in which they are asked: `ADDRESS[:PORT],ADDRESS[:PORT]`. An IPv6
/// address with a port is in brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers(Vec<SocketAddr>);

/// Why a list of servers makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadServers {
    /// That entry is no address.
    Address(String),
    /// There are more than eight.
    TooMany,
}

impl Servers {
    /// Reads a list. Empty entries are skipped.
    ///
    /// # Errors
    /// [`BadServers`].
    pub fn parse(text: &str) -> Result<Servers, BadServers> {
        let mut servers = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let server = server(entry).ok_or_else(|| BadServers::Address(entry.into()))?;
            if servers.len() == MOST {
                return Err(BadServers::TooMany);
            }
            servers.push(server);
        }
        Ok(Servers(servers))
    }

    /// The servers.
    #[must_use]
    pub fn as_slice(&self) -> &[SocketAddr] {
        &self.0
    }
}

fn server(entry: &str) -> Option<SocketAddr> {
    let with_port = entry.parse().ok().filter(|it: &SocketAddr| it.port() != 0);
    let alone = || entry.parse::<IpAddr>().ok();
    let bracketed = || {
        let inner = entry.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let default_port = || Some(SocketAddr::new(alone().or_else(bracketed)?, DNS_PORT));
    with_port.or_else(default_port)
}

impl fmt::Display for BadServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(entry) => write!(f, "{entry:?} is not of the form ADDRESS[:PORT]"),
            Self::TooMany => write!(f, "more than {MOST} servers"),
        }
    }
}

impl core::error::Error for BadServers {}
