//! Async code beside threads: a small executor with timers.
//!
//! ```ignore
//! use core::time::Duration;
//! use rt::task;
//!
//! let answer = task::block_on(async {
//!     let slow = task::spawn(async {
//!         task::sleep(Duration::from_millis(20)).await;
//!         42
//!     });
//!     task::timeout(Duration::from_secs(1), slow).await
//! });
//! ```
//!
//! [`block_on`] runs a future on the thread that calls it, which waits in the kernel while there is
//! nothing to do: no polling. Meanwhile it runs what [`spawn_local`] started on this thread.
//! [`spawn`] hands a future that is `Send` to a thread of its own, `tasks`, which runs all of them
//! in turns, whatever other threads do; [`spawn_blocking`] makes a call that waits awaitable.
//!
//! Wakers may be used from any thread, under any lock: waking puts a task in the queue of its
//! thread, once however often it is woken, and neither runs nor drops anything. A future is dropped
//! by the thread that runs it, and by nobody else.
//!
//! All that is ready is polled once, then the other threads of the domain have their turn. A future
//! that computes for long should await [`yield_now`] now and then.
//!
//! `join`, `select` and the like are futures-util's (`default-features = false`). Sockets for async
//! code are in [`crate::net::aio`].

mod executor;
mod join;
mod local;
mod timer;

use core::future::{Future, poll_fn};
use core::pin::pin;
pub use core::task::Poll;

use executor::{Executor, Task};
use local::OfThisThread;

// What std has in its module of this name.
pub use alloc::task::Wake;
pub use core::task::{Context, RawWaker, RawWakerVTable, Waker, ready};
pub use join::{JoinError, JoinHandle};
pub use timer::{Elapsed, Interval, Sleep, interval, sleep, sleep_until, timeout, timeout_at};

/// Stack of the thread that runs what [`spawn`] starts, in bytes: cryptography needs much.
const TASKS_STACK_BYTES: usize = 256 * 1024;

/// Runs a future on this thread until it is done, along with what [`spawn_local`] starts meanwhile.
///
/// What is left of the latter then is dropped. Inside another `block_on` of the same thread it runs
/// the tasks that were started inside; those of the outer one wait.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let executor = Executor::new();
    let _entered = executor.enter();
    let output = executor.run(pin!(future));
    executor.close();
    output
}

/// Starts a future on the thread `tasks`, which runs it to its end unless it is aborted.
///
/// # Panics
/// When there is no memory for the stack of that thread, which the first call starts.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (state, completer) = join::pair();
    let task = Task::spawn(
        everywhere(),
        async move { completer.complete(future.await) },
    );
    JoinHandle::new(state, Some(task))
}

/// Starts a future on this thread. It runs while the thread is in the present [`block_on`], and is
/// dropped when that returns; awaiting it then tells [`JoinError`].
///
/// # Panics
/// Outside of [`block_on`].
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let executor = executor::current().expect("spawn_local is called inside of block_on");
    let (state, completer) = join::pair();
    let future = async move { completer.complete(future.await) };
    let task = Task::spawn(&executor, OfThisThread::new(future));
    JoinHandle::new(state, Some(task))
}

/// Runs a closure that waits, on a thread of its own with the default stack; the handle is awaited.
/// It cannot be aborted.
///
/// # Panics
/// When there is no memory for the stack.
pub fn spawn_blocking<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (state, completer) = join::pair();
    crate::thread::spawn(move || completer.complete(f()));
    JoinHandle::new(state, None)
}

/// Lets all other tasks and threads that are ready run first.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// The executor of [`spawn`].
fn everywhere() -> &'static alloc::sync::Arc<Executor> {
    static EXECUTOR: spin::Once<alloc::sync::Arc<Executor>> = spin::Once::new();
    EXECUTOR.call_once(|| {
        let executor = Executor::new();
        let run = executor.clone();
        crate::thread::Builder::new()
            .name("tasks".into())
            .stack_size(TASKS_STACK_BYTES)
            .spawn(move || {
                let _entered = run.enter();
                run.run::<core::future::Pending<()>>(pin!(core::future::pending()))
            })
            .expect("a thread for tasks");
        executor
    })
}
