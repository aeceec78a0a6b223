//! The PV Calls backend in user space: what gives Xen guests sockets, as a library.
//!
//! A guest's frontend puts commands (connect, listen, ...) into a ring of shared memory and its
//! bytes into further rings, one per connection; this side owns the real sockets. The daemon
//! `pvcallsd` is this library plus a command line.
//!
//! Reading order: [`features`] and `docs/extensions.md` (what is spoken), [`sessions`] (the seam
//! between the control side and the data side), [`device`] (control: xenstore and the states of a
//! device), [`policy`] and [`config`] (what a domain may do), [`counters`].
//!
//! Nothing here trusts a guest: see `docs/safety.md`.

pub mod config;
pub mod counters;
pub mod device;
pub mod features;
pub mod metrics;
pub mod policy;
pub mod sessions;
