//! What `http-server` is made of: everything here runs in host tests. `file-server` serves with it,
//! too.
//!
//! | module | what |
//! |---|---|
//! | [`request`] | requests, taken apart without copying them |
//! | [`answer`] | what is sent before a body |
//! | [`connection`] | one client, without its socket |
//! | [`service`] | sockets and threads for many |
//! | [`site`] | what is served here |
//! | [`date`] | the time, as HTTP writes it |
#![no_std]

extern crate alloc;
// Sockets, threads and clocks have std's names in the guest, too.
#[cfg(guest)]
extern crate rt as std;
#[cfg(not(guest))]
extern crate std;

pub mod answer;
pub mod connection;
pub mod date;
pub mod request;
pub mod service;
pub mod site;
