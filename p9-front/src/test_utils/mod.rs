//! A file server in memory, honest or not, for this crate's tests and its users'.
//!
//! Bytes in, bytes out: [`server`] answers whole messages, from the files in a [`tree`] that a test
//! can look at and change as the host would. [`Straight`] is a connection to such a server without
//! rings between.

pub mod server;
mod straight;
pub mod tree;

pub use straight::{Order, Straight};
