//! Sharing between threads, as `std::sync` has it.
//!
//! Who has to wait parks; nothing here spins for another thread. Waiters have their turn in the
//! order in which they came: what is released goes to the first of them, so that nobody starves.
//!
//! There is no poisoning: a panic ends the whole domain, so no thread ever finds a lock that
//! another one left behind by a panic. [`LockResult`] is there because std's signatures have
//! it, and is always `Ok`.
//!
//! `wait.rs` is the one place where a thread waits. Everything else is plain Rust that is right
//! for threads that really run at the same time, and is tested so on the machine that builds
//! it, with the threads of its system.

mod barrier;
mod condvar;
pub mod mpsc;
mod mutex;
mod once;
mod poison;
mod rwlock;
#[cfg(test)]
mod tests;
mod wait;

pub use alloc::sync::{Arc, Weak};
pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use core::sync::atomic;
pub use mutex::{Mutex, MutexGuard};
pub use once::{LazyLock, Once, OnceLock, OnceState};
pub use poison::{LockResult, PoisonError, TryLockError, TryLockResult};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
