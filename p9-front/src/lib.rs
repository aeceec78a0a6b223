//! A file system client for Xen guests: 9P2000.L messages over the Xen 9pfs transport.
//!
//! Messages travel over data rings in memory shared with a backend that is not trusted. As
//! [`xen_front`]'s other users, the crate knows no hypervisor and never waits.
//!
//! # Layers, from the wire up
//! | folder | what |
//! |---|---|
//! | [`wire`] | the messages of 9P2000.L: requests to bytes, bytes to responses |
//! | `session/` | one connected device: rings, tags, requests in flight, file identifiers |
//! | `handshake/` | from the toolstack's directory to Connected |
//! | [`client`] | what a user of files needs, as `async fn`s: paths, reads in pieces, read-ahead |
//!
//! Sources: the Xen 9pfs transport specification (`docs/misc/9pfs.pandoc`, `xen/io/9pfs.h`), the
//! protocol 9P2000 (`intro(5)` of Plan 9's manual) and its Linux dialect 9P2000.L.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod client;
mod config;
mod error;
mod handshake;
mod session;
#[cfg(any(test, feature = "test-utils"))]
pub mod test_utils;
#[cfg(test)]
mod tests;
pub mod wire;

pub use config::Config;
pub use error::Error;
pub use handshake::{DEVICES_DIR, Handshake, HandshakeError, Step};
pub use session::{Afterwards, Fault, Session, Stats};
pub use xen_front::errno::Errno;
