//! Who runs tasks: a queue of those that were woken, turned by one thread.
//!
//! A task is in the queue once at most. Its waker holds the task, but not its future alone: the
//! executor keeps every task until it has taken the future out and dropped it itself. So a waker
//! that is dropped or woken, on whatever thread and under whatever lock, frees a few bytes or
//! pushes to a queue, and never runs a destructor of the user's.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::task::Wake;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};

use kernel::thread::{self, Thread};
use spin::Mutex;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Which executor a thread is running, by the thread's number.
static CURRENT: Mutex<BTreeMap<thread::ThreadId, Arc<Executor>>> = Mutex::new(BTreeMap::new());

/// The executor that this thread is running.
pub(super) fn current() -> Option<Arc<Executor>> {
    CURRENT.lock().get(&thread::current().id()).cloned()
}

/// Runs futures on one thread.
pub(super) struct Executor {
    /// Who runs it, once somebody does.
    thread: spin::Once<Thread>,
    /// Tasks that were woken, oldest first.
    ready: Mutex<VecDeque<Arc<Task>>>,
    /// All tasks that have a future.
    tasks: Mutex<BTreeMap<u64, Arc<Task>>>,
    /// Nobody will run it any more.
    closed: AtomicBool,
}

/// A future that an executor runs.
pub(super) struct Task {
    id: u64,
    executor: Arc<Executor>,
    /// Taken out while it is polled; `None` for good when it is done, and for the one of
    /// [`Executor::run`], which lies on the stack.
    future: Mutex<Option<BoxFuture>>,
    /// Whether it is in the queue.
    queued: AtomicBool,
    /// To be dropped rather than polled.
    aborted: AtomicBool,
}

/// What [`Executor::enter`] gives: the executor is the thread's until this is dropped.
pub(super) struct Entered {
    thread: thread::ThreadId,
    before: Option<Arc<Executor>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut current = CURRENT.lock();
        let ended = match self.before.take() {
            Some(before) => current.insert(self.thread, before),
            None => current.remove(&self.thread),
        };
        drop(current);
        drop(ended);
    }
}

impl Executor {
    pub(super) fn new() -> Arc<Executor> {
        Arc::new(Executor {
            thread: spin::Once::new(),
            ready: Mutex::new(VecDeque::new()),
            tasks: Mutex::new(BTreeMap::new()),
            closed: AtomicBool::new(false),
        })
    }

    /// Makes it the one of this thread, for [`current`] and for wake-ups.
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        let thread = self.thread.call_once(thread::current).id();
        let before = CURRENT.lock().insert(thread, self.clone());
        Entered { thread, before }
    }

    /// Runs tasks until `future` is done.
    pub(super) fn run<F: Future>(self: &Arc<Self>, mut future: Pin<&mut F>) -> F::Output {
        let root = Task::new(self, None);
        let waker = Waker::from(root.clone());
        waker.wake_by_ref();
        loop {
            // One round is what is ready at its start: tasks that wake each other must not keep
            // this thread for ever.
            let round = self.ready.lock().len();
            for _ in 0..round {
                let Some(task) = self.pop() else { break };
                if !Arc::ptr_eq(&task, &root) {
                    task.run();
                } else if let Poll::Ready(output) =
                    future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return output;
                }
            }
            if self.ready.lock().is_empty() {
                // Whoever puts something there unparks this thread.
                thread::wait(None, |_| match self.ready.lock().is_empty() {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                });
            } else {
                thread::yield_now();
            }
        }
    }

    fn pop(&self) -> Option<Arc<Task>> {
        let task = self.ready.lock().pop_front()?;
        // Before it is polled: what wakes it from now on means another poll.
        task.queued.store(false, Ordering::Release);
        Some(task)
    }

    /// Drops all tasks that are left. To be called by the thread that ran them.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        loop {
            let first = self.tasks.lock().pop_first();
            let Some((_, task)) = first else { break };
            let future = task.future.lock().take();
            drop(future);
        }
        let ready = core::mem::take(&mut *self.ready.lock());
        drop(ready);
    }
}

impl Task {
    fn new(executor: &Arc<Executor>, future: Option<BoxFuture>) -> Arc<Task> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Task {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            executor: executor.clone(),
            future: Mutex::new(future),
            queued: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
        })
    }

    /// Gives `future` to `executor`, to be polled soon.
    pub(super) fn spawn(
        executor: &Arc<Executor>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Arc<Task> {
        let task = Task::new(executor, Some(Box::pin(future)));
        executor.tasks.lock().insert(task.id, task.clone());
        task.clone().wake();
        task
    }

    /// Has the future dropped by its thread, soon.
    pub(super) fn abort(self: &Arc<Self>) {
        self.aborted.store(true, Ordering::Release);
        self.wake_by_ref();
    }

    /// Polls the future, unless it is done or was aborted.
    fn run(self: Arc<Self>) {
        let Some(mut future) = self.future.lock().take() else {
            return;
        };
        if !self.is_aborted() {
            let waker = Waker::from(self.clone());
            let result = future.as_mut().poll(&mut Context::from_waker(&waker));
            // It may have aborted itself.
            if result.is_pending() && !self.is_aborted() {
                *self.future.lock() = Some(future);
                return;
            }
        }
        drop(future);
        let entry = self.executor.tasks.lock().remove(&self.id);
        drop(entry);
    }

    fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let executor = self.executor.clone();
        if executor.closed.load(Ordering::Acquire) || self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        executor.ready.lock().push_back(self);
        if let Some(thread) = executor.thread.get() {
            thread.unpark();
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Most wake-ups that come twice need no second reference.
        if !self.queued.load(Ordering::Acquire) {
            self.clone().wake();
        }
    }
}
