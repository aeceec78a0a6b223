//! Watches.

use core::task::{Poll, Waker};

use ::xenstore::{WatchEvent, WatchToken};

use super::connection::{exchange, with};
use super::error::{Error, checked};
use crate::thread;

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
    // Made or not: dropping it ends what there is of it.
    let watch = token.map(|token| Watch { token });
    result.map_err(|reason| Error::new(operation, path, reason))?;
    Ok(watch.expect("a watch that was answered was submitted"))
}

impl Watch {
    /// Waits for the next event. Events only say "look again": several changes may share
    /// one, and there may be one without a change. When the connection has ended, there will
    /// never be one, and this never returns: [`Watch::poll_next`] tells.
    pub fn wait(&self) -> WatchEvent {
        thread::wait(None, |waker| self.poll(waker)).expect("there is no deadline")
    }

    /// As [`Watch::wait`], until system time `deadline_ns` at the latest.
    pub fn wait_until(&self, deadline_ns: u64) -> Option<WatchEvent> {
        thread::wait(Some(deadline_ns), |waker| self.poll(waker))
    }

    /// The next event, or `waker` is woken when there may be one.
    pub fn poll(&self, waker: &Waker) -> Poll<WatchEvent> {
        match self.poll_next(waker) {
            Poll::Ready(Ok(event)) => Poll::Ready(event),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }

    /// The next event, or `waker` is woken when there may be one. When there will be no more,
    /// because the server broke the protocol, an error: each time.
    pub fn poll_next(&self, waker: &Waker) -> Poll<Result<WatchEvent, Error>> {
        with(|connection| {
            if let Some(event) = connection.client.take_event(self.token) {
                return Poll::Ready(Ok(event));
            }
            if let Some(error) = connection.client.ended() {
                let path = connection.client.watched_path(self.token);
                return Poll::Ready(Err(Error::new("watch", path.unwrap_or(""), error.into())));
            }
            connection.register(waker);
            Poll::Pending
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        with(|connection| {
            connection.client.discard_watch(self.token);
            connection.pump();
        });
    }
}
