//! Files on volumes of the host, with std's names.
//!
//! The host gives a domain folders, each with a tag (`p9=["tag=T,path=/srv/x,security_model=none"]`
//! in its configuration), and the command line says where they are seen: `mount=T:/data`, or
//! `mount=A:/a,B:/b:ro` for several; `:ro` for those that the guest must not change. [`mount`] does
//! the same at run time. A volume is brought up when it is first used.
//!
//! Paths are those of the guest: relative ones begin at `/`; `/` and what lies between mounts is a
//! directory that cannot be changed. Symbolic links are followed in the guest's namespace, by the
//! guest: an absolute one, or one that climbs over its volume's root, leads to what the guest has
//! there, never to what the host has. What is on no volume is
//! [`NotFound`](crate::io::ErrorKind::NotFound).
//!
//! Nothing is kept back: what a write returned, the server has, and the attributes of files are
//! asked for each time. Only who reads a file from front to back gets what was asked for ahead.
//! docs/files.md says more, docs/std-api.md what differs from std.
//!
//! | file | what |
//! |---|---|
//! | `namespace.rs`, `reach.rs`, `above.rs` | mounts, from a path to a volume, what is above them |
//! | `ops.rs`, `remove.rs` | std's functions for paths |
//! | `file.rs`, `stream.rs`, `lock.rs` | [`File`] |
//! | `options.rs`, `metadata.rs`, `kind.rs` | how files are opened, what is known about them |
//! | `dir.rs` | [`read_dir`], [`DirBuilder`] |
//! | `error.rs` | the client's errors as std's |
//! | `driver/` | the 9pfs driver on the kernel |

// The volumes of tests belong to one thread.
#![cfg_attr(test, allow(clippy::arc_with_non_send_sync))]

mod above;
mod dir;
#[cfg(guest)]
mod driver;
mod error;
#[cfg(test)]
mod fake;
mod file;
mod kind;
mod lock;
mod metadata;
mod namespace;
mod ops;
mod options;
mod reach;
mod remove;
mod stream;
#[cfg(test)]
mod tests;

#[cfg(guest)]
use driver as volumes;
#[cfg(test)]
use fake as volumes;

#[cfg(guest)]
pub(crate) use crate::time::{SystemTime, UNIX_EPOCH};
#[cfg(not(guest))]
pub(crate) use std::time::{SystemTime, UNIX_EPOCH};

pub use dir::{DirBuilder, DirEntry, ReadDir, read_dir};
#[cfg(guest)]
pub use driver::stats;
pub use file::File;
pub use kind::FileType;
pub use lock::TryLockError;
pub use metadata::{FileTimes, Metadata, Permissions};
pub use namespace::Mount;
pub use ops::{
    canonicalize, copy, create_dir, create_dir_all, exists, hard_link, metadata, mount,
    mount_read_only, mounts, read, read_link, read_to_string, remove_dir, remove_file, rename,
    set_permissions, set_times, soft_link, statfs, symlink_metadata, write,
};
pub use options::OpenOptions;
pub use p9_front::wire::Statfs;
pub use remove::remove_dir_all;

#[cfg(guest)]
pub(crate) use driver::shut_down;
pub(crate) use ops::set_owner;

/// Permissions that files and directories are not made with: a domain has no umask, and this is what
/// systems have by default.
const UMASK: u32 = 0o022;

/// Files can be handed to other threads, as in std.
#[cfg(guest)]
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<File>();
    const fn sent<T: Send>() {}
    sent::<ReadDir>();
    sent::<DirEntry>();
};
