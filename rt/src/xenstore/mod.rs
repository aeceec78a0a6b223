//! xenstore: the tree of small values through which the parts of a Xen host find each other.
//!
//! A domain has a home there, `/local/domain/<id>`, in which the toolstack leaves its configuration
//! and the domain what others may know. Relative paths begin at the home.
//!
//! ```ignore
//! use rt::xenstore;
//!
//! let name = xenstore::read_to_string("name")?;
//! let target_kib: u64 = xenstore::read_parsed("memory/target")?;
//! xenstore::write("data/greeting", format!("{name} is up"))?;
//! for child in xenstore::directory("device")? {
//!     println!("a device of class {child}");
//! }
//! ```
//!
//! What belongs together is changed together. Others see all of a transaction or nothing of it, and
//! it is done again when they came in between:
//!
//! ```ignore
//! let ticket = xenstore::transaction(|store| {
//!     let next: u32 = store.read_parsed("data/next")?;
//!     store.write("data/next", (next + 1).to_string())?;
//!     Ok(next)
//! })?;
//! ```
//!
//! A watch tells that something changed, not what it is now: read it again. The first event comes
//! at once, so this loop sees every configuration there is, from the first on:
//!
//! ```ignore
//! for event in xenstore::watch("data/config")? {
//!     event?;
//!     match xenstore::read_to_string("data/config") {
//!         Ok(config) => apply(&config),
//!         Err(error) if error.kind() == io::ErrorKind::NotFound => {} // not there yet
//!         Err(error) => return Err(error),
//!     }
//! }
//! ```
//!
//! Calls wait for the server, a minute at most, and may be made from any thread. They wait, so async
//! code makes them with [`task::spawn_blocking`](crate::task::spawn_blocking); a [`Watch`] is a
//! [`Stream`](futures_core::Stream) as well.
//!
//! # Who may do what, and how much
//!
//! A guest may write what it owns: below `data`, as toolstacks set it up, and what it made itself.
//! The server's limits for a domain (those of Xen 4.17): 1000 nodes, 2048 bytes in a node with the
//! names of its children, 128 watches, 10 transactions at a time, and 200 writes a second, beyond
//! which it answers late.
//!
//! # Errors
//!
//! Each names what was tried and the path, as in `xenstore write data/a: EACCES: permission denied`.
//! [`raw_os_error`](io::Error::raw_os_error) is the number that the server answered.
//!
//! | kind | when |
//! |---|---|
//! | `InvalidInput` | the path cannot be one (the text says why), or the request is too long |
//! | `NotFound` | no such node |
//! | `PermissionDenied` | the node is somebody else's |
//! | `QuotaExceeded` | too many nodes, watches, transactions or permissions, or the node is too large |
//! | `InvalidData` | the value is no text, or not one that can be parsed |
//! | `ResourceBusy` | others kept changing what a transaction touched |
//! | `TimedOut` | the server did not answer for a minute |
//! | `ConnectionAborted` | the server broke the protocol: nothing more will come from it |
//! | `Unsupported`, `OutOfMemory`, … | as the server says |
//!
//! The protocol itself, for tools that speak it, is [`raw`].

mod error;
pub mod raw;
mod transaction;
mod watch;

use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use kernel::xenstore as store;

use crate::io;

pub use kernel::xenstore::{Access, DomainId, Permission, WatchEvent as Event};
pub use transaction::{Transaction, transaction};
pub use watch::{Events, IntoEvents, Watch, watch};

/// The value of a node: any bytes.
pub fn read(path: impl AsRef<str>) -> io::Result<Vec<u8>> {
    Ok(store::read(path.as_ref())?)
}

/// The value of a node, as text. `InvalidData` if it is none.
pub fn read_to_string(path: impl AsRef<str>) -> io::Result<String> {
    let path = path.as_ref();
    error::text(path, read(path)?)
}

/// The value of a node, as a number or whatever else can be parsed. Blanks around it do not
/// count. `InvalidData` if it cannot be parsed.
pub fn read_parsed<T: FromStr>(path: impl AsRef<str>) -> io::Result<T> {
    let path = path.as_ref();
    error::parsed(path, read(path)?)
}

/// Whether there is such a node. An error if that cannot be known: the server says `PermissionDenied`
/// of nodes that may not be read, be they there or not.
pub fn exists(path: impl AsRef<str>) -> io::Result<bool> {
    error::exists(store::read(path.as_ref()))
}

/// Sets the value of a node, making it and its parents as needed.
pub fn write(path: impl AsRef<str>, value: impl AsRef<[u8]>) -> io::Result<()> {
    Ok(store::write(path.as_ref(), value.as_ref())?)
}

/// The names of a node's children, in no particular order. Directories may be of any length; one
/// that is longer than a message and changes each time it is listed is `ResourceBusy`.
pub fn directory(path: impl AsRef<str>) -> io::Result<Vec<String>> {
    Ok(store::directory(path.as_ref())?)
}

/// Makes a node with an empty value, and its parents, unless it is there.
pub fn mkdir(path: impl AsRef<str>) -> io::Result<()> {
    Ok(store::mkdir(path.as_ref())?)
}

/// Removes a node and everything below it. A node that is not there is no error if its parent is.
pub fn rm(path: impl AsRef<str>) -> io::Result<()> {
    Ok(store::rm(path.as_ref())?)
}

/// Who may do what with a node. The first entry names the owner, who may do everything, and what
/// those may do who are not listed.
pub fn permissions(path: impl AsRef<str>) -> io::Result<Vec<Permission>> {
    Ok(store::permissions(path.as_ref())?)
}

/// Sets who may do what with a node: its owner, and what others may do, first. Only the owner may,
/// and an ordinary domain cannot give a node away.
pub fn set_permissions(path: impl AsRef<str>, permissions: &[Permission]) -> io::Result<()> {
    Ok(store::set_permissions(path.as_ref(), permissions)?)
}

/// The number of this domain.
pub fn domid() -> io::Result<DomainId> {
    read_parsed("domid").map(DomainId)
}

/// The home of this domain, as in `/local/domain/3`, where relative paths begin: for those who are
/// told a path by this one.
pub fn domain_path() -> io::Result<String> {
    Ok(store::domain_path(domid()?)?)
}
