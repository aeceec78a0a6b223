//! Threads, as in std, on the kernel's cooperative scheduler.
//!
//! What the scheduler promises: a thread runs until it waits or calls [`yield_now`]; then
//! every other thread that was ready runs once before it runs again. Between turns events and
//! timers are looked at, even if no thread ever waits. A thread that computes for long should
//! yield now and then, for nobody takes the processor from it.
//!
//! A stack has 48 KiB unless [`Builder::stack_size`] says otherwise, and an unmapped page below it:
//! who runs over it crashes the domain rather than another thread's memory. A thousand threads fit
//! into a domain of 64 MiB.
//!
//! A panic names its thread on the console and ends the whole domain, so [`JoinHandle::join`]
//! never returns an error; it has one in its type because std's has.

mod scope;

use alloc::boxed::Box;
use alloc::string::String;
use core::any::Any;
use core::num::NonZeroUsize;
use core::time::Duration;

use crate::io;
use crate::time::{Instant, deadline_ns};

pub use kernel::panic::panicking;
pub use kernel::thread::{AccessError, LocalKey, Thread, ThreadId, current, park, yield_now};
pub use scope::{Scope, ScopedJoinHandle, scope};

/// What [`JoinHandle::join`] returns.
pub type Result<T> = core::result::Result<T, Box<dyn Any + Send + 'static>>;

/// Waits for a thread and takes its result; dropping it lets the thread go on by itself.
#[derive(Debug)]
pub struct JoinHandle<T> {
    inner: kernel::thread::JoinHandle<T>,
}

impl<T> JoinHandle<T> {
    /// The thread.
    pub fn thread(&self) -> &Thread {
        self.inner.thread()
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }

    /// Waits for the end of the thread; always `Ok`.
    pub fn join(self) -> Result<T> {
        Ok(self.inner.join())
    }
}

/// Starts a thread with the default settings.
///
/// # Panics
/// When there is no memory for its stack; [`Builder::spawn`] returns an error instead.
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f).expect("failed to spawn thread")
}

/// Settings of a thread to be.
#[derive(Debug, Default)]
pub struct Builder {
    inner: kernel::thread::Builder,
}

impl Builder {
    /// The defaults: no name, 48 KiB of stack.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the thread, for panics and faults.
    pub fn name(self, name: String) -> Builder {
        Builder {
            inner: self.inner.name(name),
        }
    }

    /// Size of the stack in bytes, rounded up to pages; at least 16 KiB.
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder {
            inner: self.inner.stack_size(bytes),
        }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.inner.spawn(f) {
            Ok(inner) => Ok(JoinHandle { inner }),
            Err(error) => Err(io::Error::new(io::ErrorKind::OutOfMemory, error)),
        }
    }
}

/// Sleeps at least that long.
pub fn sleep(duration: Duration) {
    kernel::thread::sleep_until(deadline_ns(duration));
}

/// Sleeps until then.
pub fn sleep_until(deadline: Instant) {
    kernel::thread::sleep_until(deadline.system_ns());
}

/// As [`park`], for that long at most.
pub fn park_timeout(duration: Duration) {
    kernel::thread::park_until(deadline_ns(duration));
}

/// How many threads can run at the same time: one, since a domain has one processor.
///
/// # Errors
/// None.
pub fn available_parallelism() -> io::Result<NonZeroUsize> {
    Ok(NonZeroUsize::MIN)
}
