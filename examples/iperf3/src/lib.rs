//! What `iperf3` is made of, apart from the guest: everything here runs in host tests.
//!
//! | module | what |
//! |---|---|
//! | [`protocol`] | what goes over the control connection |
//! | [`session`] | one test, from its parameters to its results, over any control connection |
//!
//! The protocol is iperf3's own and is not specified anywhere; what is here was seen on the wire
//! between stock programs of version 3.12.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod protocol;
pub mod session;
