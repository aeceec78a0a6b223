//! The data side in a test's hand: a worker that is turned step by step, and frontends that can
//! write anything anywhere. Sockets are real ones of this machine, pages and ports are
//! [`crate::platform::local`]'s, and there is no thread but the test's.
//!
//! * [`Bed`] is the worker, and the clock of a test: nothing happens between its turns.
//! * [`RawFront`] is a frontend's command ring, [`RawStream`] its end of a data ring. Both are a
//!   reading of the protocol of their own, with the offsets as numbers: they share no constant
//!   with what they test.
//! * [`request`] has the requests, [`RawAnswer`] takes answers apart.
//! * [`fuzz`] makes a run of all of this out of any bytes.
//!
//! Everything here panics where a test is to fail.

mod answer;
mod bed;
mod front;
mod fuzz;
pub mod request;
mod stream;

pub use answer::RawAnswer;
pub use bed::{Bed, open_settings, settings};
pub use front::RawFront;
pub use fuzz::fuzz;
pub use stream::{RawStream, frame};
