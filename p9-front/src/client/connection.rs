//! What the client runs on: calls and file identifiers.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::Error;
use crate::wire::{Fid, Request, Response};

/// A call that is under way. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(pub(crate) u64);

/// A server that can be asked. The runtime implements it with a session and a lock.
///
/// Requests under way at the same time may be carried out in any order.
pub trait Connection {
    /// Asks. The request is encoded before this returns.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Busy`], [`Error::Gone`].
    fn submit(&self, request: &Request<'_>) -> Result<CallId, Error>;

    /// The answer, taken once; or `waker` is woken when there is one.
    fn poll_call(&self, id: CallId, waker: &Waker) -> Poll<Result<Response, Error>>;

    /// Gives a call up: what was not done yet need not be done.
    fn drop_call(&self, id: CallId);

    /// A file identifier that is not in use.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Gone`].
    fn new_fid(&self) -> Result<Fid, Error>;

    /// Gives an identifier back: the server forgets it once no call uses it, whatever became of the
    /// call that was to make it.
    fn forget(&self, fid: Fid);

    /// How large messages may be, bytes: what the rings allow, until the server said less.
    fn msize(&self) -> u32;

    /// What the server agreed to.
    fn set_msize(&self, msize: u32);
}

/// A call; given up when it is dropped before the answer came.
#[derive(Debug)]
#[must_use = "an answer that nobody waits for is given up"]
pub struct Call<'c, C: Connection> {
    connection: &'c C,
    id: Option<CallId>,
}

impl<'c, C: Connection> Call<'c, C> {
    /// Asks.
    ///
    /// # Errors
    /// As [`Connection::submit`].
    pub fn new(connection: &'c C, request: &Request<'_>) -> Result<Self, Error> {
        let id = Some(connection.submit(request)?);
        Ok(Self { connection, id })
    }
}

impl<C: Connection> Future for Call<'_, C> {
    type Output = Result<Response, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id.expect("polled after it was ready");
        let answer = self.connection.poll_call(id, context.waker());
        if answer.is_ready() {
            self.id = None;
        }
        answer
    }
}

impl<C: Connection> Drop for Call<'_, C> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.connection.drop_call(id);
        }
    }
}
