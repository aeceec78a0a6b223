//! What `https-get` is made of, apart from the guest: everything here runs in host tests.
//!
//! | module | what |
//! |---|---|
//! | [`provider`] | the cryptography, from RustCrypto's crates, as rustls wants it |
//! | [`trust`] | the authorities, and a client that trusts no others |
//! | [`session`] | one TLS connection over any stream |
//! | [`explain`] | why a server is not trusted, in a sentence |
//! | [`answer`] | the head of an HTTP answer |
//! | [`url`] | what to fetch |
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answer;
pub mod explain;
pub mod provider;
pub mod session;
pub mod trust;
pub mod url;

#[cfg(test)]
mod tests;
