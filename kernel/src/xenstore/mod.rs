//! xenstore for this domain: blocking calls over the ring that the toolstack set up.
//!
//! The protocol is the `xenstore` crate's business; `ring` carries its bytes between the
//! client state machine and the shared page. Calls here block the thread (never the domain),
//! any number may be under way, and each has a deadline: a xenstored that says nothing for
//! a minute gives an error, not a hang.
//!
//! Relative paths start at the domain's own directory, `/local/domain/<id>`.

#[cfg(guest)]
mod calls;
#[cfg(guest)]
mod connection;
#[cfg(guest)]
mod error;
#[cfg(guest)]
pub mod raw;
mod ring;
#[cfg(guest)]
mod watch;

pub use ::xenstore::request::{Access, DomainId, Permission};
pub use ::xenstore::{Errno, ProtocolError, SubmitError as NotSent, WatchEvent};
#[cfg(guest)]
pub use calls::{
    PAUSE_MAX_NS, TRANSACTION_TRIES, Transaction, directory, domain_path, mkdir, permissions, read,
    rm, set_permissions, transaction, transaction_with, write,
};
#[cfg(guest)]
pub(crate) use connection::init;
#[cfg(guest)]
pub use error::{Error, Reason};
#[cfg(guest)]
pub use watch::{Watch, watch};
