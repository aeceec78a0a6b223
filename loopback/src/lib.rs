//! Sockets of one guest that talk to each other: 127.0.0.0/8 and ::1, without a network.
//!
//! Streams, listeners and datagrams behave as Linux's do on its loopback interface, as far as a
//! program can tell: refused connects, half-close, a reset when unread bytes are thrown away, full
//! backlogs that make a connect wait, ports in use, addresses at both ends. Bytes are copied into
//! the receiver's buffer and out of it; nothing else is in between. `tests/linux.rs` compares
//! streams with those of the host, call by call.
//!
//! # Layers, from the bottom up
//! | file | what |
//! |---|---|
//! | `address.rs` | which addresses are the guest's own |
//! | `buffer.rs` | bytes that wait for a reader |
//! | `wakers.rs` | tasks that wait for something |
//! | `ports.rs` | who has which port |
//! | `socket.rs` | the three kinds of sockets |
//! | `loopback.rs` | the table of sockets; what all kinds have in common |
//! | `stream.rs`, `listener.rs`, `datagram.rs` | what each kind can do |
//!
//! # How to drive it
//! 1. [`Loopback::connect`], [`Loopback::listen`], [`Loopback::bind_datagram`] give a [`SocketId`];
//!    [`Loopback::close`] takes it back.
//! 2. The `try_` calls say [`TryError::WouldBlock`] when they cannot go on; then
//!    [`Loopback::register`] a waker, and sleep.
//! 3. After every call, and outside of whatever lock protects the [`Loopback`]:
//!    [`Loopback::take_wakes`], and [`Wakes::wake`] it. A waker is foreign code: it may use sockets.
//!
//! # What it does not do
//! * It never waits, knows no time and no hypervisor, and has no `unsafe`.
//! * There are no segments: options about them ([`Options`]) are kept and change nothing.
//! * A write to a stream whose other end is closed, or shut down both ways, fails at once; Linux lets
//!   the first one pass, and throws it away.
//! * Ports of closed streams are free at once: nothing can arrive late.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod address;
mod buffer;
mod datagram;
mod error;
mod listener;
mod loopback;
mod ports;
mod socket;
mod stream;
mod wakers;

#[cfg(test)]
mod tests;

pub use crate::address::{Reach, is_own};
pub use crate::datagram::{DATAGRAM_BYTES, DATAGRAM_BYTES_V6, Received};
pub use crate::error::{Error, TryError};
pub use crate::listener::ListenOptions;
pub use crate::loopback::{Loopback, Stats};
pub use crate::socket::{Interest, Options, Readiness, SocketId};
pub use crate::stream::{BUFFER_BYTES, How};
pub use crate::wakers::Wakes;
