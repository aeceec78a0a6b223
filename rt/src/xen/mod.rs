//! What the drivers of Xen devices ask of the kernel: the implementation of [`xen_front::platform`].
//!
//! | file | what |
//! |---|---|
//! | `platform.rs` | pages that are shared, and ports |
//! | `store.rs` | keys in xenstore, and how they are watched |

mod platform;
mod store;

pub(crate) use platform::Xen;
pub(crate) use store::{Watching, Xenstore, watch, xenbus_state};
