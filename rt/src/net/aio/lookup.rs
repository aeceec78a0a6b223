//! Names to addresses without making other tasks wait.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::io;
use crate::net::ToSocketAddrs;
use crate::task;

/// The addresses of a host, each with `port`, best first: as [`ToSocketAddrs`] finds them, but other
/// tasks run meanwhile. A name is looked up on a thread of its own.
pub async fn lookup_host(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(alloc::vec![SocketAddr::new(address, port)]);
    }
    let host = String::from(host);
    let looking = task::spawn_blocking(move || {
        (host, port)
            .to_socket_addrs()
            .map(Iterator::collect::<Vec<_>>)
    });
    looking.await?
}
