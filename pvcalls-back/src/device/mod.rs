//! The control side: follows xenstore and the states of every device.
//!
//! The toolstack writes a directory `backend/pvcalls/<domain>/<device>` for each guest that has
//! PV Calls; watching that area is all it takes to be the backend. Frontend and backend then walk
//! through the states of xenbus, each by a key `state` in its own directory.
//!
//! * [`machine`]: what to do when, as a table; knows neither xenstore nor sessions.
//! * [`model`]: the loop around it: watches and what they say is to be looked at. `actions.rs`:
//!   what follows: writes and sessions.
//! * [`store`]: what the loop needs of xenstore.
//! * [`keys`]: names and values of the keys.
//!
//! Everything in a frontend's directory is the guest's to write: any value, of any length, as
//! often as it likes. Values are parsed strictly, changes are looked at once however many there
//! were, and links of the guest's are never followed.

mod actions;
mod kernel;
pub mod keys;
pub mod machine;
pub mod model;
mod queue;
pub mod store;

pub use kernel::{KernelDriver, refuse_kernel_driver};
pub use model::DeviceModel;
pub use store::Store;

#[cfg(test)]
mod tests;
