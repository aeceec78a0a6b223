//! Event channels that count their events, and waiting for one.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Poll, Waker};

use rt::io::Result;
use rt::kernel::event::{self, DomId, Port};
use rt::kernel::thread;
use rt::kernel::time::{NS_PER_MS, monotonic_ns};
use spin::Mutex;

use crate::failure;

/// Who waits for any event at all.
static WAITING: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

/// A port that the backend may bind; closed when dropped.
#[derive(Debug)]
pub(crate) struct Channel {
    port: Port,
    events: Arc<AtomicU32>,
}

impl Channel {
    /// A port for domain `peer`.
    pub(crate) fn new(peer: DomId) -> Result<Channel> {
        let port =
            event::open(peer).map_err(|error| failure(alloc::format!("no port: {error}")))?;
        let events = Arc::new(AtomicU32::new(0));
        let count = events.clone();
        let handler = move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            WAITING.lock().drain(..).for_each(Waker::wake);
        };
        event::set_handler(port, Arc::new(handler));
        Ok(Channel { port, events })
    }

    /// What the backend is told.
    pub(crate) fn port(&self) -> Port {
        self.port
    }

    /// How many events were seen so far. Events that come together are seen as one.
    pub(crate) fn events(&self) -> u32 {
        self.events.load(Ordering::Relaxed)
    }

    /// Raises an event at the backend. One that has not bound the port does not get it.
    pub(crate) fn notify(&self) {
        let _ = event::notify(self.port);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let _ = event::close(self.port);
    }
}

/// Looks at once and then after every event, until there is a value or `ms` have passed.
///
/// What is only there when the time is over does not count: somebody forgot to tell us.
pub(crate) fn wait<T>(ms: u64, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = monotonic_ns() + ms * NS_PER_MS;
    let mut first = true;
    thread::wait(Some(deadline), |waker| {
        if !first && monotonic_ns() >= deadline {
            return Poll::Pending;
        }
        first = false;
        match look() {
            Some(value) => Poll::Ready(value),
            None => {
                WAITING.lock().push(waker.clone());
                Poll::Pending
            }
        }
    })
}

/// Does nothing for `ms`; events are counted meanwhile.
pub(crate) fn pause(ms: u64) {
    thread::sleep_until(monotonic_ns() + ms * NS_PER_MS);
}

/// Milliseconds since some moment in the past.
pub(crate) fn now_ms() -> u64 {
    monotonic_ns() / NS_PER_MS
}
