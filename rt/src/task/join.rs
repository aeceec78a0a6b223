//! Waiting for a task's result.

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use spin::Mutex;

use super::executor::Task;
use crate::io;

/// Where a task leaves its result.
pub(super) type State<T> = Arc<Mutex<Progress<T>>>;

pub(super) enum Progress<T> {
    /// Who waits for it, if somebody does.
    Running(Option<Waker>),
    /// The result, until it is taken.
    Done(Option<T>),
    /// There will be none.
    Gone,
}

/// The task's end of a [`State`].
pub(super) struct Completer<T>(State<T>);

pub(super) fn pair<T>() -> (State<T>, Completer<T>) {
    let state = Arc::new(Mutex::new(Progress::Running(None)));
    (state.clone(), Completer(state))
}

impl<T> Completer<T> {
    pub(super) fn complete(self, value: T) {
        self.end(Progress::Done(Some(value)));
    }

    fn end(&self, end: Progress<T>) {
        let mut progress = self.0.lock();
        if let Progress::Running(waiting) = &mut *progress {
            let waiting = waiting.take();
            *progress = end;
            drop(progress);
            if let Some(waker) = waiting {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        // Does nothing after `complete`.
        self.end(Progress::Gone);
    }
}

/// A task that was started: await it for its result. Dropped, it lets the task go on by itself.
pub struct JoinHandle<T> {
    state: State<T>,
    /// What to abort; a thread cannot be.
    task: Option<Arc<Task>>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(state: State<T>, task: Option<Arc<Task>>) -> JoinHandle<T> {
        JoinHandle { state, task }
    }

    /// Has the task dropped where it stands, soon, by the thread that runs it. Awaiting the handle
    /// then tells [`JoinError`], unless the task was done before. No effect on
    /// [`super::spawn_blocking`].
    pub fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Lets the task go on by itself, as dropping the handle does.
    pub fn detach(self) {}

    /// Whether the task is done, or was aborted and dropped.
    pub fn is_finished(&self) -> bool {
        !matches!(*self.state.lock(), Progress::Running(_))
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    /// When polled again after the result was taken.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let before = match &mut *self.state.lock() {
            Progress::Running(waiting) => waiting.replace(context.waker().clone()),
            Progress::Done(value) => {
                let value = value.take().expect("a task's result is taken once");
                return Poll::Ready(Ok(value));
            }
            Progress::Gone => return Poll::Ready(Err(JoinError)),
        };
        // Not under the lock: it may be anybody's.
        drop(before);
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// The task has no result: it was aborted, or its [`super::block_on`] returned before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinError;

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task was dropped before it was done")
    }
}

impl core::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::new(io::ErrorKind::Other, error)
    }
}
