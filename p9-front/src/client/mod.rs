//! What a user of files needs, as `async fn`s over a [`Connection`].

mod connection;

pub use connection::{Call, CallId, Connection};
