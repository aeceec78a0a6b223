//! What a user of files needs, as `async fn`s over a [`Connection`].
//!
//! | file | what |
//! |---|---|
//! | `connection.rs` | [`Connection`]: calls and file identifiers, which others implement |
//! | `shared.rs`, `pending.rs` | what all users of one volume share; an identifier and a call that clean up after themselves |
//! | `attach.rs` | [`Client`]: the version is agreed, the root attached |
//! | `path.rs`, `walk.rs` | a path taken to pieces; from a path to a file, with `..` and symbolic links |
//! | `node.rs`, `parent.rs` | what can be done to a file that is not open; to a name in a directory |
//! | `open.rs` | opening and creating |
//! | `file.rs`, `write.rs`, `ahead.rs` | an open file: several requests in flight; reading ahead |
//! | `directory.rs` | what is in a directory |
//!
//! # Names
//! A path is resolved here, not by the server, which is only ever sent names without `/`, never
//! `.` or `..`. A path that leaves the volume (through an absolute symbolic link, or `..` above the
//! root) is given back as [`Escape`], for the caller to go on with in its own namespace.
//!
//! # Who waits, and what happens if nobody does
//! The futures wait for answers only, and need no executor of any kind. Each can be dropped at any
//! time: its calls are given up, its identifiers forgotten. What a call that was given up did or
//! did not do on the server is unknown, a write included.
//!
//! # What a server can do
//! Anything it answers is checked before it is used. It can make any call fail, and lie about the
//! content of files; it cannot make a call use memory without bound or go on for ever.

mod ahead;
mod attach;
mod connection;
mod directory;
mod file;
mod node;
mod open;
mod parent;
mod path;
mod pending;
mod shared;
#[cfg(test)]
mod tests;
mod walk;
mod write;

pub use ahead::ReadAhead;
pub use attach::{Client, Limits, Options};
pub use connection::{Call, CallId, Connection};
pub use directory::{Directory, Entry};
pub use file::{File, Range};
pub use node::Node;
pub use open::{Create, OpenHow};
pub use parent::Parent;
pub use path::{Escape, PathError};
