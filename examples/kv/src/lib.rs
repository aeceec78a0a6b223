//! What `kv` is made of, apart from the guest: everything here runs in host tests.
//!
//! | module | what |
//! |---|---|
//! | [`resp`] | requests, taken apart without copying them |
//! | [`reply`] | answers |
//! | [`store`] | the keys, in bounded memory; knows nothing of the protocol |
//! | [`commands`] | from a request to the store and back |
//! | [`connection`] | one client, without its socket |
//! | [`journal`] | what has changed, as records |
//! | [`log`] | the file they are kept in |
//! | [`keeper`] | what all clients share, and when they may be answered |
#![no_std]

extern crate alloc;
// Files, locks and clocks have std's names in the guest, too.
#[cfg(guest)]
extern crate rt as std;
#[cfg(not(guest))]
extern crate std;

pub mod commands;
pub mod connection;
pub mod journal;
pub mod keeper;
pub mod log;
pub mod reply;
pub mod resp;
pub mod store;
