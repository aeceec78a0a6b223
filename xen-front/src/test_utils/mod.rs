//! A fake guest, for tests of drivers and of their users.
//!
//! It is not friendly: memory that was given back is poisoned and watched, grants that the backend
//! still maps cannot be ended, events can be delayed, repeated and dropped, and the backend can be
//! made to write anything a hostile one could. A clone of a [`FakePlatform`] is another handle to
//! the same world: one is the driver's, the others are the test's and the fake backend's.

mod keys;
mod platform;
mod waker;

pub use keys::Keys;
pub use platform::{FakePlatform, Mischief};
pub use waker::CountingWaker;
