//! A call that keeps its volume, so that it can wait in a queue.

use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::shared::Shared;
use super::{CallId, Connection};
use crate::Error;
use crate::wire::{Request, Response};

/// What a response of another kind is.
pub(super) const OTHER_KIND: Error = Error::Answer("it answers another request");

/// A call; given up when it is dropped before its answer came.
#[derive(Debug)]
#[must_use = "an answer that nobody waits for is given up"]
pub(super) struct Pending<C: Connection> {
    shared: Arc<Shared<C>>,
    id: Option<CallId>,
}

impl<C: Connection> Pending<C> {
    pub(super) fn new(shared: &Arc<Shared<C>>, request: &Request<'_>) -> Result<Self, Error> {
        let id = Some(shared.connection.submit(request)?);
        Ok(Self {
            shared: shared.clone(),
            id,
        })
    }
}

impl<C: Connection> Future for Pending<C> {
    type Output = Result<Response, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id.expect("polled after it was ready");
        let answer = self.shared.connection.poll_call(id, context.waker());
        if answer.is_ready() {
            self.id = None;
        }
        answer
    }
}

impl<C: Connection> Drop for Pending<C> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.connection.drop_call(id);
        }
    }
}

/// Asks, and waits for the answer.
pub(super) async fn ask<C: Connection>(
    shared: &Arc<Shared<C>>,
    request: &Request<'_>,
) -> Result<Response, Error> {
    Pending::new(shared, request)?.await
}

/// Asks for something that is answered by "done".
pub(super) async fn order<C: Connection>(
    shared: &Arc<Shared<C>>,
    request: &Request<'_>,
) -> Result<(), Error> {
    match ask(shared, request).await? {
        Response::Done => Ok(()),
        _ => Err(OTHER_KIND),
    }
}
