//! Names to addresses without making other tasks wait.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::io;
use crate::net::resolve;

/// The addresses of a host, each with `port`, best first: as
/// [`ToSocketAddrs`](crate::net::ToSocketAddrs) finds them, but other tasks run meanwhile.
pub async fn lookup_host(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    resolve::lookup(host, port).await
}
