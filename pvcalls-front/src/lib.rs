//! The PV Calls frontend driver: TCP and UDP sockets whose other half lives in another Xen domain.
//!
//! Commands (socket, connect, release) travel over one ring per device, bytes over one data ring
//! per connection; both are memory shared with a backend that is not trusted. The crate knows no
//! hypervisor: it asks a [`Platform`] for shared pages and event ports, and a [`Store`] for
//! xenstore during the handshake. It never waits.
//!
//! # Layers, from the wire up
//! | file | what |
//! |---|---|
//! | `wire/` | offsets, addresses, requests, responses |
//! | `notify.rs` | when to tell the peer, with the argument |
//! | `in_ring.rs`, `out_ring.rs`, `ring.rs`, `pool.rs`, `salvage.rs` | the two halves of a data ring, its resources, keeping them, and what is left of one |
//! | `datagram.rs` | frames: what lies in the data ring of a datagram socket |
//! | `commands.rs` | the command ring |
//! | `socket.rs`, `listener.rs`, `names.rs`, `frontend/` | the state of a socket; the calls of the runtime |
//! | `options.rs`, `host.rs`, `calls.rs` | what can be asked of a socket, or for; who waits for which answer |
//! | `handshake/`, `features.rs` | from the toolstack's directory to Connected, with what both sides know |
//!
//! What all drivers share (shared pages, indexes, quarantine, the traits) is in `xen-front`.
//!
//! # How to drive it
//! 1. [`Handshake::new`], then [`Handshake::step`] until [`Step::Connected`] gives a [`Frontend`].
//! 2. [`Frontend::connect`], then [`Frontend::try_connect`]; [`Frontend::try_read`],
//!    [`Frontend::try_write`]; [`Frontend::close`]. [`Frontend::listen`], [`Frontend::try_listen`],
//!    [`Frontend::try_accept`]. [`Frontend::bind_datagram`], [`Frontend::try_bound`],
//!    [`Frontend::try_send_to`], [`Frontend::try_receive_from`]. Each says [`TryError::WouldBlock`] when it
//!    cannot go on; then [`Frontend::register`] a waker, and sleep.
//!    [`Frontend::call`] and [`Frontend::resolve`] ask for more, and [`Frontend::try_call`] and
//!    [`Frontend::try_resolve`] take the waker themselves.
//! 3. For every event, its pending bit cleared first: [`Frontend::on_event`].
//! 4. Before the vCPU blocks or turns to other work for long: [`Frontend::flush`], then look for
//!    pending events once more, then block, no longer than [`Frontend::next_deadline_ns`]; when
//!    that has come: [`Frontend::poll`].
//! 5. When the backend's state key changes: [`Frontend::on_backend_state`].
//! 6. When the device breaks ([`Frontend::register_fault`]): [`Frontend::reconnect`], then
//!    [`Handshake::step`] as at first, and [`Frontend::resume`]. Everything else goes on meanwhile.
//! 7. Before the guest ends: wait until [`Frontend::draining`] is 0, and for a while also for
//!    [`Frontend::unanswered_connects`].
//!
//! # What it relies on, and what not
//! * One caller at a time (`&mut self`); any number of waiters.
//! * No panic, no hang and no memory error whatever the backend writes; it can only make its own
//!   connections fail. A device that it broke comes up again, ever more rarely if it does so
//!   again and again.
//! * Nothing a backend may still map is freed: such pages wait in quarantine.
//! * Nothing is sent that is known to bring a Linux backend down.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub(crate) use xen_front::{budget, errno, index, memory, platform, quarantine, timers, wakers};

mod calls;
mod commands;
mod config;
mod datagram;
mod error;
mod features;
mod frontend;
mod handshake;
mod host;
mod in_ring;
mod listener;
mod names;
mod notify;
mod options;
mod out_ring;
mod pool;
mod ring;
mod salvage;
mod socket;
mod table;
mod units;
mod wire;

#[cfg(any(test, feature = "test-utils"))]
pub mod test_utils;
#[cfg(test)]
mod tests;

pub use config::{Config, ConnectOptions, ListenOptions};
pub use errno::Errno;
pub use error::{
    Blame, ConnectError, DeviceFault, ResourceError, RingFault, SocketError, TryError,
};
pub use features::Features;
pub use frontend::{Frontend, Readiness, Received, Stats};
pub use handshake::{FRONTEND_DIR, Handshake, HandshakeError, Step};
pub use host::{HostError, ResolveFamily};
pub use memory::SharedPages;
pub use options::{Call, How, SocketOption};
pub use platform::{NoPort, Platform, ShareError, StillMapped, Store, XenbusState};
pub use socket::Interest;
pub use units::{CallId, DomainId, GrantRef, PAGE_SIZE, PageCount, Port, RingOrder, SocketId};
