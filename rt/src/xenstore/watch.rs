//! Watches: a blocking iterator, and a stream of futures.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use futures_core::Stream;
use kernel::thread::wait;
use kernel::xenstore as store;

use super::Event;
use crate::io;
use crate::time::deadline_ns;

/// Tells of changes at a node and below it, until it is dropped.
///
/// An event says "look again": there may be one without a change, and several changes may share
/// one. What changed after the last event that was taken has one still to come, so who reads after
/// each event misses no value that stays. Events wait in bounded memory; if many are not taken, they
/// become one, [`Event::Many`].
///
/// As an [`Iterator`] it waits and goes on for ever, but for one error at its end if the server
/// breaks the protocol. As a [`Stream`] it does the same for tasks.
#[derive(Debug)]
pub struct Watch {
    watch: store::Watch,
    ended: bool,
}

/// Watches a node and all below it, whether it exists or not. The first event comes at once.
///
/// The special paths `@introduceDomain` and `@releaseDomain` are for domains with privileges.
pub fn watch(path: impl AsRef<str>) -> io::Result<Watch> {
    let watch = store::watch(path.as_ref())?;
    Ok(Watch {
        watch,
        ended: false,
    })
}

impl Watch {
    /// Waits for an event.
    pub fn wait(&self) -> io::Result<Event> {
        Ok(wait(None, |waker| self.watch.poll_next(waker)).expect("there is no deadline")?)
    }

    /// Waits for an event, for so long at most; `None` when there was none.
    pub fn wait_timeout(&self, timeout: Duration) -> io::Result<Option<Event>> {
        let deadline = Some(deadline_ns(timeout));
        let event = wait(deadline, |waker| self.watch.poll_next(waker));
        Ok(event.transpose()?)
    }

    /// An event that is there already.
    pub fn try_next(&self) -> io::Result<Option<Event>> {
        self.wait_timeout(Duration::ZERO)
    }

    /// Waits for an event in a task. A call that is dropped before loses none.
    pub async fn changed(&self) -> io::Result<Event> {
        let event = poll_fn(|context| self.watch.poll_next(context.waker())).await;
        Ok(event?)
    }
}

impl Iterator for Watch {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<io::Result<Event>> {
        if self.ended {
            return None;
        }
        let event = self.wait();
        self.ended = event.is_err();
        Some(event)
    }
}

impl Stream for Watch {
    type Item = io::Result<Event>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Event>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.watch.poll_next(context.waker()).map(|event| {
            self.ended = event.is_err();
            Some(event.map_err(io::Error::from))
        })
    }
}
