//! Names of hosts: literals, a list of hosts, and DNS over TCP, without a socket.
//!
//! What a name means is found out in this order: it is an address ([`Host::parse`]), it is
//! `localhost`, it is in a list ([`Hosts`]), somebody else is asked. If that is a DNS server, an
//! [`Exchange`] says what to send to it over TCP, and makes of what comes back an [`Outcome`].
//!
//! A server is not trusted: whatever it sends, an exchange ends, takes no more memory than two
//! messages (128 KiB), and tells addresses only of the name that was asked for. How long to wait
//! for it is up to the caller.
//!
//! | file | what |
//! |---|---|
//! | `host.rs` | what a user may write for a host |
//! | `hosts.rs` | the list of hosts |
//! | `servers.rs` | the list of DNS servers |
//! | `message.rs` | one question, one answer |
//! | `exchange.rs` | both questions (IPv4, IPv6) to one server, over one connection |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod exchange;
mod host;
mod hosts;
mod message;
mod servers;

#[cfg(test)]
mod tests;

pub use exchange::{Exchange, Outcome, Progress};
pub use host::{Host, Name, NotAName};
pub use hosts::{BadHosts, Hosts};
pub use message::{BadAnswer, Family};
pub use servers::{BadServers, DNS_PORT, Servers};
