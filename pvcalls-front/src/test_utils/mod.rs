//! Fakes of the outer world, for tests of this crate and of its users.
//!
//! They are not friendly: memory that was given back is poisoned and watched, grants that the
//! backend still maps cannot be ended, events can be delayed, repeated and dropped, and the
//! backend can be made to write anything a hostile one could.
//!
//! * [`FakePlatform`] shares heap pages; a clone of it is another handle to the same world.
//! * [`FakeStore`] is a xenstore with a toolstack's and a Linux backend's habits.
//! * [`FakeBackend`] is the other end of the rings: by script ([`FakeBackend::next_request`],
//!   [`FakeBackend::answer`]) or by itself ([`FakeBackend::serve`]).
//! * [`Rig`] is a frontend connected to a fake backend, and a clock.

mod backend;
mod frames;
mod request;
mod rig;
mod store;
mod stream;

pub use backend::FakeBackend;
pub use frames::{FakeDatagram, frame};
pub use request::{Call, FakeRequest};
pub use rig::Rig;
pub use store::{BACKEND_DIR, FakeStore};
pub use stream::{FakeStream, Word};
pub use xen_front::test_utils::{CountingWaker, FakePlatform, Mischief};
