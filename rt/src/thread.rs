//! Threads, as in std, on the kernel's cooperative scheduler.
//!
//! What the scheduler promises: a thread runs until it waits or calls [`yield_now`]; then
//! every other thread that was ready runs once before it runs again. A thread that computes
//! for long should yield now and then, for nobody takes the processor from it.
//!
//! A panic ends the whole domain, so [`JoinHandle::join`] always has a result.

use alloc::string::String;
use core::time::Duration;

use crate::io;
use crate::time::deadline_ns;

pub use kernel::thread::{JoinHandle, Thread, current, park, spawn, yield_now};

/// Settings of a thread to be.
#[derive(Debug, Default)]
pub struct Builder {
    inner: kernel::thread::Builder,
}

impl Builder {
    /// The defaults: no name, 64 KiB of stack.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the thread, for panics and faults.
    pub fn name(self, name: String) -> Builder {
        Builder {
            inner: self.inner.name(name),
        }
    }

    /// Size of the stack in bytes; at least 16 KiB.
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder {
            inner: self.inner.stack_size(bytes),
        }
    }

    /// Starts the thread; fails with [`io::ErrorKind::OutOfMemory`].
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.inner
            .spawn(f)
            .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))
    }
}

/// Sleeps at least that long.
pub fn sleep(duration: Duration) {
    kernel::thread::sleep_until(deadline_ns(duration));
}

/// As [`park`], for that long at most.
pub fn park_timeout(duration: Duration) {
    kernel::thread::park_until(deadline_ns(duration));
}
