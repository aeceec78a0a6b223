//! Futures that must stay on one thread, in a queue that others may push to.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use kernel::thread;

/// A future that only the thread which made this polls and drops; that is checked each time.
pub(super) struct OfThisThread<F> {
    thread: thread::ThreadId,
    future: F,
}

// SAFETY: what is inside is touched by `poll` and by dropping alone, and both end the domain first
// when they happen on another thread than the one that put it there (panics do not unwind: a guest
// is built with `panic = "abort"`, so the drop of the field cannot follow a failed check). Numbers
// of threads are never used again.
unsafe impl<F> Send for OfThisThread<F> {}

impl<F> OfThisThread<F> {
    pub(super) fn new(future: F) -> OfThisThread<F> {
        OfThisThread {
            thread: thread::current().id(),
            future,
        }
    }

    fn check(&self) {
        assert_eq!(
            self.thread,
            thread::current().id(),
            "a local task is touched by its own thread only"
        );
    }
}

impl<F: Future> Future for OfThisThread<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.check();
        // SAFETY: the field is pinned as the whole is: nothing here moves it, `Drop` below does not
        // touch it, and there is no `Unpin` beyond the automatic one.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        future.poll(context)
    }
}

impl<F> Drop for OfThisThread<F> {
    fn drop(&mut self) {
        self.check();
    }
}
