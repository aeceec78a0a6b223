//! What `file-server` is made of, apart from the guest: everything here runs in host tests. Sockets,
//! threads and HTTP are those of `http-server`.
//!
//! | module | what |
//! |---|---|
//! | [`target`] | which file a request means |
//! | [`range`] | which part of it |
//! | [`media`] | what kind of file it is |
//! | [`files`] | the answers |
#![no_std]

extern crate alloc;
// Files have std's names in the guest, too.
#[cfg(guest)]
extern crate rt as std;
#[cfg(not(guest))]
extern crate std;

pub mod files;
pub mod media;
pub mod range;
pub mod target;
