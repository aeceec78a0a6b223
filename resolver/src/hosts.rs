//! The list of hosts: names whose addresses are known beforehand.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use crate::host::{Name, NotAName};

/// Names and their addresses: `NAME=ADDRESS,NAME=ADDRESS`, a name as often as it has addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<(Name, IpAddr)>);

/// Why a list of hosts makes no sense, and the entry where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadHosts {
    /// No `=`.
    NoAddress(String),
    /// What is left of `=` is no name.
    Name(String, NotAName),
    /// What is right of it is no IPv4 or IPv6 address.
    Address(String),
}

impl Hosts {
    /// Reads a list. Empty entries are skipped.
    ///
    /// # Errors
    /// [`BadHosts`] for the first entry that makes no sense.
    pub fn parse(text: &str) -> Result<Hosts, BadHosts> {
        let entries = text.split(',').map(str::trim);
        let hosts = entries.filter(|entry| !entry.is_empty()).map(|entry| {
            let no_address = || BadHosts::NoAddress(entry.into());
            let (name, address) = entry.split_once('=').ok_or_else(no_address)?;
            let name = Name::parse(name).map_err(|error| BadHosts::Name(entry.into(), error))?;
            let address = address.parse();
            let address = address.map_err(|_| BadHosts::Address(entry.into()))?;
            Ok((name, address))
        });
        hosts.collect::<Result<_, _>>().map(Hosts)
    }

    /// The addresses of a name, in the order of the list.
    pub fn addresses(&self, name: &Name) -> impl Iterator<Item = IpAddr> {
        let fitting = self.0.iter().filter(move |(known, _)| known == name);
        fitting.map(|(_, address)| *address)
    }
}

impl fmt::Display for BadHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(entry) => write!(f, "{entry:?} is not of the form NAME=ADDRESS"),
            Self::Name(entry, error) => write!(f, "{entry:?}: {error}"),
            Self::Address(entry) => write!(f, "{entry:?}: not an IPv4 or IPv6 address"),
        }
    }
}

impl core::error::Error for BadHosts {}
