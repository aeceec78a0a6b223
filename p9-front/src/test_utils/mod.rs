//! A file server in memory, honest or not, for this crate's tests and its users'.
//!
//! Bytes in, bytes out: [`server`] answers whole messages, from the files in a [`tree`] that a test
//! can look at and change as the host would. [`Straight`] is a connection to such a server without
//! rings between, and [`trial`] puts a client on it to the test; [`Rig`] is a session with rings, and [`Peer`] the backend's end of these.

mod peer;
mod rig;
pub mod server;
mod store;
mod straight;
pub mod tree;
pub mod trial;

pub use peer::{Manner, Peer, PeerRing};
pub use rig::{Rig, Shared, bring_up};
pub use store::FakeStore;
pub use straight::{Order, Straight};
