//! Names to addresses without making other tasks wait.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::io;
use crate::net::{ToSocketAddrs, resolve};

/// The addresses of a host, each with `port`, best first: as
/// [`ToSocketAddrs`] finds them, but other tasks run meanwhile.
pub async fn lookup_host(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    resolve::lookup(host, port).await
}

/// The addresses, as [`ToSocketAddrs::to_socket_addrs`] finds them.
pub(super) async fn addresses(address: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    match address.name()? {
        Some((host, port)) => resolve::lookup(host, port).await,
        None => Ok(address.to_socket_addrs()?.collect()),
    }
}
