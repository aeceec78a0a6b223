//! What `http-server` is made of, apart from the guest: everything here runs in host tests.
//!
//! | module | what |
//! |---|---|
//! | [`request`] | requests, taken apart without copying them |
//! | [`site`] | what is served |
//! | [`connection`] | one client, without its socket |
//! | [`date`] | the time, as HTTP writes it |
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod connection;
pub mod date;
pub mod request;
pub mod site;
