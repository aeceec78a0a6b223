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
/// In a `for` loop it waits for one event after the other, without end: if the server breaks the
/// protocol, there is an error, and nothing after it. As a [`Stream`] it does the same for tasks.
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

    /// The events, waited for one after the other.
    pub fn events(&self) -> Events<'_> {
        Events {
            watch: self,
            ended: false,
        }
    }

    /// Waits for the next event, or for the error after which there is none.
    fn following(&self, ended: &mut bool) -> Option<io::Result<Event>> {
        if *ended {
            return None;
        }
        let event = self.wait();
        *ended = event.is_err();
        Some(event)
    }

    /// Waits for an event in a task. A call that is dropped before loses none.
    pub async fn changed(&self) -> io::Result<Event> {
        let event = poll_fn(|context| self.watch.poll_next(context.waker())).await;
        Ok(event?)
    }
}

impl IntoIterator for Watch {
    type Item = io::Result<Event>;
    type IntoIter = IntoEvents;

    fn into_iter(self) -> IntoEvents {
        IntoEvents(self)
    }
}

impl<'w> IntoIterator for &'w Watch {
    type Item = io::Result<Event>;
    type IntoIter = Events<'w>;

    fn into_iter(self) -> Events<'w> {
        self.events()
    }
}

/// The events of a [`Watch`], waited for one after the other.
#[derive(Debug)]
pub struct Events<'w> {
    watch: &'w Watch,
    ended: bool,
}

impl Iterator for Events<'_> {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<io::Result<Event>> {
        self.watch.following(&mut self.ended)
    }
}

/// A [`Watch`] and its events, waited for one after the other.
#[derive(Debug)]
pub struct IntoEvents(Watch);

impl Iterator for IntoEvents {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<io::Result<Event>> {
        let mut ended = self.0.ended;
        let event = self.0.following(&mut ended);
        self.0.ended = ended;
        event
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
