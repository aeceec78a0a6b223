//! What stands for a network device: the host.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Poll, Waker};

use kernel::thread::{self, Thread};
use kernel::time::{NS_PER_MS, monotonic_ns};
use smoltcp::time::Duration;
use spin::Mutex;

/// The host's sockets, where smoltcp has a device.
#[derive(Debug, Default)]
pub struct Host(Arc<Alarm>);

/// Remembers that something happened.
#[derive(Debug, Default)]
struct Alarm {
    rang: AtomicBool,
    /// Who is to be told.
    thread: Mutex<Option<Thread>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

impl Host {
    /// The one there is.
    #[must_use]
    pub fn new() -> Host {
        Host::default()
    }

    /// Ends the present or next [`wait`] of this thread.
    pub(super) fn waker(&self) -> Waker {
        let before = self.0.thread.lock().replace(thread::current());
        drop(before);
        Waker::from(self.0.clone())
    }
}

/// Waits until something happened to a socket since the last
/// [`Interface::poll`](super::iface::Interface::poll) with this device began, or for `delay`, if
/// there is one.
pub fn wait(device: &Host, delay: Option<Duration>) {
    let deadline = delay.map(|delay| {
        let ns = delay.total_micros().saturating_mul(NS_PER_MS / 1000);
        monotonic_ns().saturating_add(ns)
    });
    thread::wait(deadline, |_| {
        match device.0.rang.swap(false, Ordering::AcqRel) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    });
}
