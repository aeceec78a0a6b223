//! xenstore for this domain: blocking calls over the ring that the toolstack set up.
//!
//! The protocol is the `xenstore` crate's business; `ring` carries its bytes between the
//! client state machine and the shared page. Calls here block the thread (never the domain),
//! any number may be under way, and each has a deadline: a xenstored that says nothing for
//! [`ANSWER_NS`] gives an error, not a hang.
//!
//! Relative paths start at the domain's own directory, `/local/domain/<id>`.

mod calls;
mod error;
pub mod raw;
mod ring;
mod watch;

use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::task::{Poll, Waker};

use ::xenstore::request::ResetWatches;
use ::xenstore::{Client, Pending, SubmitError, TransactionId};
use spin::{Mutex, Once};

use crate::event::{self, Port};
use crate::thread::{self, Timer};
use crate::time::{NS_PER_S, monotonic_ns};
use ring::Ring;

pub use ::xenstore::request::{Access, DomainId, Permission};
pub use ::xenstore::{Errno, ProtocolError, SubmitError as NotSent, WatchEvent};
pub use calls::{
    PAUSE_MAX_NS, TRANSACTION_TRIES, Transaction, directory, domain_path, mkdir, permissions, read,
    rm, set_permissions, transaction, transaction_with, write,
};
pub use error::{Error, Reason};
pub use watch::{Watch, watch};

/// How long the server may take to answer.
const ANSWER_NS: u64 = 60 * NS_PER_S;
/// How often the ring is emptied and filled in one go: each time at most its size, 1 KiB, moves
/// either way. A server that is as fast as we are must not keep us here.
const ROUNDS: usize = 16;

/// The connection of this domain.
struct Connection {
    client: Client,
    ring: Ring,
    port: Port,
    /// Threads that wait for a reply or an event; all look again when anything came.
    waiting: Vec<Waker>,
    /// Tools that speak the protocol themselves.
    streams: raw::Streams,
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

fn with<R>(f: impl FnOnce(&mut Connection) -> R) -> R {
    f(&mut CONNECTION
        .get()
        .expect("xenstore is set up at the start of day")
        .lock())
}

impl Connection {
    /// Moves bytes both ways as far as they go, and wakes who waits if any came. If they go on
    /// and on, the rest has its turn after the threads that are ready.
    fn pump(&mut self) {
        self.rest = None;
        let mut moved = false;
        for round in 1.. {
            let step = self.ring.receive(&mut self.client).and_then(|received| {
                self.streams.advance(&mut self.client);
                let sent = self.ring.send(&mut self.client)?;
                Ok((received, sent))
            });
            let (received, sent) = match step {
                Ok(step) => step,
                Err(error) => {
                    self.client.end(error);
                    moved = true;
                    break;
                }
            };
            if !received && !sent {
                break;
            }
            moved |= received;
            // The server sleeps until told, whichever way bytes moved.
            let _ = event::notify(self.port);
            if round == ROUNDS {
                // Due at once, which is after this round of the scheduler.
                self.rest = Some(Timer::new(monotonic_ns(), Arc::new(Pump).into()));
                break;
            }
        }
        if moved {
            self.wake_waiting();
        }
    }

    fn wake_waiting(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
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
    fn register(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }
}

/// Sends what `submit` makes and waits for the reply.
fn exchange<T>(
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
