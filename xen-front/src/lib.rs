//! What the frontend drivers of Xen devices have in common. It knows no hypervisor and no protocol.
//!
//! | module | what |
//! |---|---|
//! | [`platform`] | what a driver needs from the world: two traits |
//! | [`memory`] | pages that a peer can write; the only `unsafe` |
//! | [`ring`] | the pages and the port of a data ring |
//! | [`quarantine`] | pages that a peer may still map |
//! | [`xenbus`], [`backoff`] | what handshakes read and write; how long to wait after one that failed |
//! | [`index`], [`units`], [`errno`] | numbers with a meaning |
//! | [`wakers`], [`timers`], [`budget`] | who waits, until when, and how many events may bring nothing |
//!
//! With the feature `test-utils` there is a fake guest for tests, `test_utils`.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod backoff;
pub mod budget;
pub mod errno;
pub mod index;
pub mod memory;
pub mod platform;
pub mod quarantine;
pub mod ring;
pub mod timers;
pub mod units;
pub mod wakers;
pub mod xenbus;

#[cfg(any(test, feature = "test-utils"))]
pub mod test_utils;
