//! xenstore for this domain: blocking calls over the ring that the toolstack set up.
//!
//! The protocol is the `xenstore` crate's business; `ring` carries its bytes between the
//! client state machine and the shared page. Calls here block the thread (never the domain),
//! any number may be under way, and each has a deadline: a xenstored that says nothing for
//! [`ANSWER_NS`] gives an error, not a hang.
//!
//! Relative paths start at the domain's own directory, `/local/domain/<id>`.

mod ring;

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::fmt;
use core::task::{Poll, Waker};

use ::xenstore::request::{
    Directory, GetPerms, Mkdir, Permission, Read, Request, ResetWatches, Rm, SetPerms,
    TransactionEnd, TransactionStart, Write,
};
use ::xenstore::{Client, Errno, Path, Pending, SubmitError, TransactionId, WatchToken};
use spin::{Mutex, Once};

use crate::event::{self, Port};
use crate::thread::{self, Timer};
use crate::time::{NS_PER_S, monotonic_ns};
use ring::Ring;

pub use ::xenstore::WatchEvent;

/// How long the server may take to answer.
const ANSWER_NS: u64 = 60 * NS_PER_S;
/// How often a transaction is tried again when others keep changing what it touches.
const TRANSACTION_TRIES: usize = 100;

/// How often the ring is emptied and filled in one go: each time at most its size, 1 KiB, moves
/// either way. A server that is as fast as we are must not keep us here.
const ROUNDS: usize = 16;

/// What a xenstore call failed on: names the operation, the path and the reason.
#[derive(Clone, Debug)]
pub struct Error {
    operation: &'static str,
    path: String,
    reason: Reason,
}

/// Why a xenstore call failed.
#[derive(Clone, Debug)]
pub enum Reason {
    /// The path cannot be one.
    Path(::xenstore::PathError),
    /// The request could not be sent.
    Submit(SubmitError),
    /// The server refused, or broke the protocol.
    Server(::xenstore::Error),
    /// The server did not answer in time.
    TimedOut,
    /// The transaction met with changes by others each time it was tried.
    Contended,
}

impl Error {
    /// The error number that the server answered, if it did.
    pub fn errno(&self) -> Option<Errno> {
        match &self.reason {
            Reason::Server(error) => error.errno(),
            _ => None,
        }
    }

    /// Whether the server says that there is no such node.
    pub fn is_not_found(&self) -> bool {
        self.errno() == Some(Errno::ENOENT)
    }

    /// Why it failed.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xenstore {} {}: ", self.operation, self.path)?;
        match &self.reason {
            Reason::Path(error) => error.fmt(f),
            Reason::Submit(error) => error.fmt(f),
            Reason::Server(error) => error.fmt(f),
            Reason::TimedOut => f.write_str("xenstored does not answer"),
            Reason::Contended => f.write_str("others keep changing what it touches"),
        }
    }
}

impl core::error::Error for Error {}

/// The connection of this domain.
struct Connection {
    client: Client,
    ring: Ring,
    port: Port,
    /// Threads that wait for a reply or an event; all look again when anything came.
    waiting: Vec<Waker>,
    /// Watches that were dropped when no request could be made.
    ended_watches: Vec<WatchToken>,
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
        ended_watches: Vec::new(),
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
        self.end_watches();
        let mut moved = false;
        for round in 1.. {
            let step = self.ring.receive(&mut self.client).and_then(|received| {
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

    /// Ends the watches that nobody has any more, as far as requests may be made now.
    fn end_watches(&mut self) {
        while let Some(token) = self.ended_watches.pop() {
            match self.client.unwatch(token) {
                Ok(pending) => self.client.abandon(pending),
                Err(SubmitError::TooManyRequests) => {
                    self.ended_watches.push(token);
                    break;
                }
                // The connection has ended, and the watch with it.
                Err(_) => {}
            }
        }
    }

    fn take<T>(&mut self, pending: &Pending<T>, waker: &Waker) -> Poll<Result<T, Reason>> {
        match self.client.take(pending) {
            Some(result) => {
                // A place for another request is free: who waits for one looks again.
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
                connection.wake_waiting();
            });
        }
        Err(Reason::TimedOut)
    })
}

fn call<R: Request>(
    operation: &'static str,
    path: &str,
    request: &R,
    transaction: TransactionId,
) -> Result<R::Reply, Error> {
    exchange(|client| client.submit(request, transaction)).map_err(|reason| Error {
        operation,
        path: path.to_string(),
        reason,
    })
}

fn checked<'a>(operation: &'static str, path: &'a str) -> Result<Path<'a>, Error> {
    Path::new(path).map_err(|error| Error {
        operation,
        path: path.to_string(),
        reason: Reason::Path(error),
    })
}

/// Requests inside one transaction, or outside of any.
#[derive(Debug)]
pub struct Transaction {
    id: TransactionId,
}

/// Outside of any transaction.
const PLAIN: Transaction = Transaction {
    id: TransactionId::NONE,
};

impl Transaction {
    /// The value of a node, any bytes.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let checked = checked("read", path)?;
        call("read", path, &Read(checked), self.id)
    }

    /// Sets the value of a node, making it and its parents as needed.
    pub fn write(&self, path: &str, value: &[u8]) -> Result<(), Error> {
        let checked = checked("write", path)?;
        call("write", path, &Write(checked, value), self.id)
    }

    /// The names of a node's children.
    pub fn directory(&self, path: &str) -> Result<Vec<String>, Error> {
        let checked = checked("directory", path)?;
        call("directory", path, &Directory(checked), self.id)
    }

    /// Makes an empty node, unless it is there.
    pub fn mkdir(&self, path: &str) -> Result<(), Error> {
        let checked = checked("mkdir", path)?;
        call("mkdir", path, &Mkdir(checked), self.id)
    }

    /// Removes a node and everything below it.
    pub fn rm(&self, path: &str) -> Result<(), Error> {
        let checked = checked("rm", path)?;
        call("rm", path, &Rm(checked), self.id)
    }

    /// Who may do what with a node: its owner first.
    pub fn permissions(&self, path: &str) -> Result<Vec<Permission>, Error> {
        let checked = checked("get permissions", path)?;
        call("get permissions", path, &GetPerms(checked), self.id)
    }

    /// Sets who may do what with a node: its owner first.
    pub fn set_permissions(&self, path: &str, permissions: &[Permission]) -> Result<(), Error> {
        let checked = checked("set permissions", path)?;
        call(
            "set permissions",
            path,
            &SetPerms(checked, permissions),
            self.id,
        )
    }
}

/// See [`Transaction::read`].
pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    PLAIN.read(path)
}

/// See [`Transaction::write`].
pub fn write(path: &str, value: &[u8]) -> Result<(), Error> {
    PLAIN.write(path, value)
}

/// See [`Transaction::directory`].
pub fn directory(path: &str) -> Result<Vec<String>, Error> {
    PLAIN.directory(path)
}

/// See [`Transaction::mkdir`].
pub fn mkdir(path: &str) -> Result<(), Error> {
    PLAIN.mkdir(path)
}

/// See [`Transaction::rm`].
pub fn rm(path: &str) -> Result<(), Error> {
    PLAIN.rm(path)
}

/// See [`Transaction::permissions`].
pub fn permissions(path: &str) -> Result<Vec<Permission>, Error> {
    PLAIN.permissions(path)
}

/// See [`Transaction::set_permissions`].
pub fn set_permissions(path: &str, permissions: &[Permission]) -> Result<(), Error> {
    PLAIN.set_permissions(path, permissions)
}

/// Runs `f` in a transaction: its changes happen all at once, and again from the start when
/// somebody changed what it touched. An error of `f` undoes everything.
pub fn transaction<T>(mut f: impl FnMut(&Transaction) -> Result<T, Error>) -> Result<T, Error> {
    for _ in 0..TRANSACTION_TRIES {
        let id = call(
            "start a transaction",
            "",
            &TransactionStart,
            TransactionId::NONE,
        )?;
        let result = f(&Transaction { id });
        let commit = result.is_ok();
        let ended = call("end a transaction", "", &TransactionEnd { commit }, id);
        match (result, ended) {
            (Ok(value), Ok(())) => return Ok(value),
            // Reads inside a transaction that already conflicts may answer this, too.
            (_, Err(error)) if error.errno() == Some(Errno::EAGAIN) => thread::yield_now(),
            (Err(error), _) if error.errno() == Some(Errno::EAGAIN) => thread::yield_now(),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        }
    }
    Err(Error {
        operation: "transaction",
        path: String::new(),
        reason: Reason::Contended,
    })
}

/// Tells of changes at a node and below it; ends when dropped.
#[derive(Debug)]
pub struct Watch {
    token: WatchToken,
}

/// Watches a node. The first event comes at once, whether the node exists or not.
pub fn watch(path: &str) -> Result<Watch, Error> {
    let operation = "watch";
    let checked = checked(operation, path)?;
    let mut token = None;
    let result = exchange(|client| {
        let (new, pending) = client.watch(checked)?;
        token = Some(new);
        Ok(pending)
    });
    result.map_err(|reason| Error {
        operation,
        path: path.to_string(),
        reason,
    })?;
    Ok(Watch {
        token: token.expect("a watch that was answered was submitted"),
    })
}

impl Watch {
    /// Waits for the next event. Events only say "look again": several changes may share
    /// one, and there may be one without a change.
    pub fn wait(&self) -> WatchEvent {
        thread::wait(None, |waker| self.poll(waker)).expect("there is no deadline")
    }

    /// As [`Watch::wait`], until system time `deadline_ns` at the latest.
    pub fn wait_until(&self, deadline_ns: u64) -> Option<WatchEvent> {
        thread::wait(Some(deadline_ns), |waker| self.poll(waker))
    }

    /// The next event, or `waker` is woken when there may be one.
    pub fn poll(&self, waker: &Waker) -> Poll<WatchEvent> {
        with(
            |connection| match connection.client.take_event(self.token) {
                Some(event) => Poll::Ready(event),
                None => {
                    connection.register(waker);
                    Poll::Pending
                }
            },
        )
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        with(|connection| {
            connection.ended_watches.push(self.token);
            connection.pump();
        });
    }
}
