//! The PV Calls backend in user space: what gives Xen guests sockets, as a library.
//!
//! A guest's frontend puts commands (connect, listen, ...) into a ring of shared memory and its
//! bytes into further rings, one per connection; this side owns the real sockets. The daemon
//! `pvcallsd` is this library plus a command line.
//!
//! Reading order: [`abi`] and `docs/extensions.md` (what is spoken), [`sessions`] (the seam between
//! the two sides). The data side: [`memory`] and [`platform`] (a guest's pages and ports),
//! [`command_ring`], [`data_ring`], then `session/` (what a frontend may say), `worker/` (the event
//! loop), [`pool`] (its threads), [`net`] (the host's sockets). The control side: [`device`]
//! (xenstore and the states of a device), [`policy`] and [`config`] (what a domain may do). Around
//! them: [`audit`], [`counters`], [`metrics`], [`resolve`], [`sandbox`].
//!
//! Nothing here trusts a guest: see `docs/safety.md`.

pub mod abi;
pub mod audit;
pub mod command_ring;
pub mod config;
pub mod counters;
pub mod data_ring;
pub mod device;
pub mod errno;
pub mod features;
pub mod memory;
pub mod metrics;
pub mod net;
pub mod platform;
pub mod policy;
pub mod pool;
pub mod resolve;
pub mod sandbox;
mod session;
pub mod sessions;
#[cfg(feature = "test-utils")]
pub mod testbed;
mod worker;
