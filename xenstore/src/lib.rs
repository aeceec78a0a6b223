//! A xenstore client that knows the protocol and nothing else.
//!
//! xenstore is the small tree of strings through which the parts of a Xen host find each other.
//! A client sends requests and receives replies and watch events over a stream of bytes: two
//! rings in a shared page for a kernel, a device or a socket for a daemon. This crate never sees
//! that stream. [`Client`] turns requests into bytes to send and received bytes into replies and
//! events; whoever owns the stream carries the bytes and does the waiting:
//!
//! ```
//! use xenstore::{Client, Path, TransactionId, request::Read};
//!
//! let mut client = Client::new();
//! let mut name = client.submit(&Read(Path::new("name")?), TransactionId::NONE)?;
//! while !client.outgoing().is_empty() {
//!     let sent = client.outgoing().len(); // as many bytes as the stream took
//!     client.consumed(sent);
//! }
//! # let mut reply = vec![2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0];
//! # reply.extend_from_slice(b"guest");
//! client.incoming(&reply)?; // whatever the stream had
//! assert_eq!(client.take(&mut name), Some(Ok(b"guest".to_vec())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The server is not trusted: what it sends is checked, memory is bounded, and the first byte
//! against the protocol ends the connection with a [`ProtocolError`].
//!
//! Reading order: [`wire`] (headers), [`path`], [`request`] (what can be asked and what is
//! answered), [`client`], [`raw`] (many users of one client). [`ring`] is the index arithmetic of the shared page.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod client;
mod errno;
mod error;
mod listing;
pub mod path;
pub mod raw;
mod receive;
pub mod request;
pub mod ring;
#[cfg(any(test, feature = "test-utils"))]
pub mod test_utils;
mod watch;
pub mod wire;

pub use client::{Client, Pending};
pub use errno::Errno;
pub use error::{Error, ProtocolError, SubmitError};
pub use listing::{Listed, Listing};
pub use path::{Path, PathError};
pub use request::TransactionId;
pub use watch::{WatchEvent, WatchToken};
