//! Xen's devices for programs in dom0 or a driver domain: what a backend in user space needs.
//!
//! * [`evtchn`]: event channels, by `/dev/xen/evtchn`.
//! * [`gntdev`]: pages that another domain granted, by `/dev/xen/gntdev`.
//! * [`store`]: xenstore, by `/dev/xen/xenbus` or the socket of a xenstored in this domain.
//!
//! All three are file descriptors that can be polled or live in an event loop; nothing here has
//! a thread of its own. The protocol of xenstore is the crate `xenstore`'s, shared with guests.
//!
//! The layouts and numbers of the kernel's ioctls are written down here (in [`ioctls`]), with
//! their sizes checked when this is compiled.

pub mod evtchn;
pub mod gntdev;
pub mod ioctls;
pub mod store;

pub use evtchn::{EventChannels, Pending};
pub use gntdev::{GrantDevice, GrantDevices, Mapping};
pub use store::{Store, StoreError};
