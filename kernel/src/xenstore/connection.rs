//! The one connection of this domain: who waits for what, and the moving of bytes.

use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::task::{Poll, Waker};

use ::xenstore::request::ResetWatches;
use ::xenstore::{Client, Pending, SubmitError, TransactionId};
use spin::{Mutex, Once};

use super::error::Reason;
use super::raw;
use super::ring::Ring;
use crate::event::{self, Port};
use crate::thread::{self, Timer};
use crate::time::{NS_PER_S, monotonic_ns};

/// How long the server may take to answer.
const ANSWER_NS: u64 = 60 * NS_PER_S;
/// The connection of this domain.
pub(super) struct Connection {
    pub(super) client: Client,
    ring: Ring,
    port: Port,
    /// Threads that wait for a reply or an event; all look again when anything came.
    waiting: Vec<Waker>,
    /// Those who look again when the lock is free.
    woken: Vec<Waker>,
    /// Tools that speak the protocol themselves.
    pub(super) streams: raw::Streams,
    /// Goes on with what was too much for one go.
    rest: Option<Timer>,
}

/// A waker that moves bytes.
struct Pump;

impl Wake for Pump {
    fn wake(self: Arc<Self>) {
        with(Connection::pump);
    }
}

static CONNECTION: Once<Mutex<Connection>> = Once::new();

/// # Safety
/// `page` must be this domain's xenstore ring, mapped for good.
pub(crate) unsafe fn init(page: *mut u8, port: Port) {
    // SAFETY: passed on.
    let ring = unsafe { Ring::new(page) };
    let connection = Connection {
        client: Client::new(),
        ring,
        port,
        waiting: Vec::new(),
        woken: Vec::new(),
        streams: raw::Streams::default(),
        rest: None,
    };
    CONNECTION.call_once(|| Mutex::new(connection));
    event::set_handler(port, Arc::new(|_| with(Connection::pump)));
    // What a kernel that ran in this domain before us watched is not ours. Nobody waits for
    // the answer: the server takes requests in order, and old ones do not know this one,
    // which is as good.
    with(|connection| {
        if let Ok(pending) = connection.client.submit(&ResetWatches, TransactionId::NONE) {
            connection.client.abandon(pending);
            connection.pump();
        }
    });
}

pub(super) fn with<R>(f: impl FnOnce(&mut Connection) -> R) -> R {
    let connection = CONNECTION.get();
    let (result, woken) = {
        let mut connection = connection
            .expect("xenstore is set up at the start of day")
            .lock();
        let result = f(&mut connection);
        (result, core::mem::take(&mut connection.woken))
    };
    // Without the lock: what wakers do is the executors' business, and may be to come back here.
    woken.into_iter().for_each(Waker::wake);
    result
}

impl Connection {
    /// Moves bytes both ways as far as they go, and has those woken who wait if any came. If they go on
    /// and on, the rest has its turn after the threads that are ready.
    pub(super) fn pump(&mut self) {
        self.rest = None;
        let Connection {
            client,
            ring,
            port,
            streams,
            ..
        } = self;
        let pumped = ring.pump(
            client,
            |client| streams.advance(client),
            // The server sleeps until told, whichever way bytes moved.
            || {
                let _ = event::notify(*port);
            },
        );
        if pumped.more {
            // Due at once, which is after this round of the scheduler.
            self.rest = Some(Timer::new(monotonic_ns(), Arc::new(Pump).into()));
        }
        if pumped.received {
            self.wake_waiting();
        }
    }

    /// Has those woken who wait, once the lock is free.
    pub(super) fn wake_waiting(&mut self) {
        self.woken.append(&mut self.waiting);
    }

    fn take<T>(&mut self, pending: &Pending<T>, waker: &Waker) -> Poll<Result<T, Reason>> {
        match self.client.take(pending) {
            Some(result) => {
                // A place for another request is free: who waits for one looks again, and a
                // stream may have one ready.
                self.pump();
                self.wake_waiting();
                Poll::Ready(result.map_err(Reason::Server))
            }
            None => {
                self.register(waker);
                Poll::Pending
            }
        }
    }

    /// Has `waker` woken when anything comes. Once, however often it asks meanwhile.
    pub(super) fn register(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }
}

/// Sends what `submit` makes and waits for the reply.
pub(super) fn exchange<T>(
    mut submit: impl FnMut(&mut Client) -> Result<Pending<T>, SubmitError>,
) -> Result<T, Reason> {
    let deadline = monotonic_ns() + ANSWER_NS;
    let mut ticket: Option<Pending<T>> = None;
    let result = thread::wait(Some(deadline), |waker| {
        with(|connection| {
            let pending = match &ticket {
                Some(pending) => pending,
                None => match submit(&mut connection.client) {
                    Ok(pending) => {
                        connection.pump();
                        ticket.insert(pending)
                    }
                    Err(SubmitError::TooManyRequests) => {
                        connection.register(waker);
                        return Poll::Pending;
                    }
                    Err(error) => return Poll::Ready(Err(Reason::Submit(error))),
                },
            };
            connection.take(pending, waker)
        })
    });
    result.unwrap_or_else(|| {
        if let Some(pending) = ticket {
            with(|connection| {
                connection.client.abandon(pending);
                connection.pump();
                connection.wake_waiting();
            });
        }
        Err(Reason::TimedOut)
    })
}
