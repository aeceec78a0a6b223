//! What `kv` is made of, apart from the guest: everything here runs in host tests.
//!
//! | module | what |
//! |---|---|
//! | [`resp`] | requests, taken apart without copying them |
//! | [`reply`] | answers |
//! | [`store`] | the keys, in bounded memory; knows nothing of the protocol |
//! | [`commands`] | from a request to the store and back |
//! | [`connection`] | one client, without its socket |
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod commands;
pub mod connection;
pub mod reply;
pub mod resp;
pub mod store;
