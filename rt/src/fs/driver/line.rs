//! One session and its lock: what the file client runs on.
//!
//! A line belongs to one session. When that breaks, the line is dead for good, and so is every open
//! file on it; a new session has a new line.
//!
//! Wakers are foreign code, and the driver drops and wakes them under the lock: with one of them
//! the last handle of a task may go, and with that the task's files. So giving up calls and
//! identifiers may happen at any time: what cannot be done at once is done by whoever holds the
//! lock, before he goes on. Nothing else of this module may be called under the lock.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::{Poll, Waker};

use kernel::time::monotonic_ns;
use p9_front::client::{CallId, Connection as Asks};
use p9_front::wire::{Fid, Request, Response};
use p9_front::{Error, Session};
use spin::Mutex;

use crate::xen::Xen;

/// A session, as long as it is in use.
pub(super) struct Line {
    session: Mutex<Option<Session<Xen>>>,
    /// What is to be done as soon as the lock is released.
    deferred: Mutex<Vec<GivenUp>>,
}

/// What somebody gives up.
enum GivenUp {
    Call(CallId),
    Fid(Fid),
}

impl GivenUp {
    fn carry_out(self, session: &mut Session<Xen>) {
        match self {
            GivenUp::Call(id) => session.drop_call(id, monotonic_ns()),
            GivenUp::Fid(fid) => session.forget(fid, monotonic_ns()),
        }
    }
}

impl Line {
    pub(super) fn new(session: Session<Xen>) -> Arc<Line> {
        Arc::new(Line {
            session: Mutex::new(Some(session)),
            deferred: Mutex::new(Vec::new()),
        })
    }

    /// Runs `f` on the session, unless it is over. The lock is never contended: nobody waits or
    /// yields while he holds it.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Session<Xen>) -> T) -> Option<T> {
        let value = self.session.lock().as_mut().map(f);
        loop {
            // Each may put more into the queue.
            let next = self.deferred.lock().pop();
            let Some(given_up) = next else { return value };
            if let Some(session) = &mut *self.session.lock() {
                given_up.carry_out(session);
            }
        }
    }

    /// The session, if it is not over; from now on it is.
    pub(super) fn end(&self) -> Option<Session<Xen>> {
        self.session.lock().take()
    }

    /// Does it now, or when the lock is released.
    fn see_to(&self, given_up: GivenUp) {
        match self.session.try_lock() {
            Some(mut session) => {
                if let Some(session) = &mut *session {
                    given_up.carry_out(session);
                }
            }
            None => {
                self.deferred.lock().push(given_up);
                return;
            }
        }
        // What this gave up has given up in turn.
        self.with(|_| ());
    }
}

/// What files and clients have of a line.
#[derive(Clone)]
pub(in crate::fs) struct Connection(pub(super) Arc<Line>);

impl Connection {
    fn session<T>(
        &self,
        f: impl FnOnce(&mut Session<Xen>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.0.with(f).unwrap_or(Err(Error::Gone))
    }
}

impl Asks for Connection {
    fn submit(&self, request: &Request<'_>) -> Result<CallId, Error> {
        self.session(|session| session.submit(request, monotonic_ns()))
    }

    fn poll_call(&self, id: CallId, waker: &Waker) -> Poll<Result<Response, Error>> {
        let answer = self.0.with(|session| session.poll_call(id, waker));
        answer.unwrap_or(Poll::Ready(Err(Error::Gone)))
    }

    fn drop_call(&self, id: CallId) {
        self.0.see_to(GivenUp::Call(id));
    }

    fn new_fid(&self) -> Result<Fid, Error> {
        self.session(Session::new_fid)
    }

    fn forget(&self, fid: Fid) {
        self.0.see_to(GivenUp::Fid(fid));
    }

    fn msize(&self) -> u32 {
        self.0.with(|session| session.msize()).unwrap_or(0)
    }

    fn set_msize(&self, msize: u32) {
        self.0.with(|session| session.set_msize(msize));
    }
}
