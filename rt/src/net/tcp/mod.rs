//! TCP, blocking, as in std.
//!
//! | file | what |
//! |---|---|
//! | `stream.rs` | connections |
//! | `listener.rs` | listening sockets |
//! | `options.rs` | what the host keeps for them |
//! | `io.rs` | the traits to read and write |

mod io;
mod listener;
pub(super) mod options;
mod stream;

pub use listener::{Incoming, IntoIncoming, TcpListener};
pub use stream::{Shutdown, TcpStream};

use core::net::SocketAddr;

use super::ToSocketAddrs;
use crate::io::{Error, ErrorKind, Result};

/// The first success with one of the addresses, or the last failure.
pub(super) fn try_each<T>(
    addresses: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> Result<T>,
) -> Result<T> {
    let mut last = None;
    for address in addresses.to_socket_addrs()? {
        match attempt(address) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            "could not resolve to any addresses",
        )
    }))
}
