//! embassy-executor on a thread: its tasks run beside other threads and `rt::task`'s.
//!
//! ```ignore
//! #[rt::main]
//! fn main() {
//!     rt::compat::embassy::run(|spawner| spawner.spawn(blink().unwrap()));
//! }
//! ```
//!
//! A program may bring its own `__pender` instead, and not use the feature.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;

use embassy_executor::{Spawner, raw};
use kernel::thread::{self, Thread};

/// What an executor tells when there is work to do.
struct Pender {
    thread: Thread,
    pending: AtomicBool,
}

/// Runs an embassy executor on this thread for good; `init` starts the first tasks.
///
/// Any number of threads may do that, each with tasks of its own; a `SendSpawner` starts tasks on
/// another one's. A round polls what is ready, then other threads have their turn.
pub fn run(init: impl FnOnce(Spawner)) -> ! {
    let pender: &'static Pender = Box::leak(Box::new(Pender {
        thread: thread::current(),
        pending: AtomicBool::new(false),
    }));
    let context = core::ptr::from_ref(pender).cast_mut().cast();
    let executor: &'static raw::Executor = Box::leak(Box::new(raw::Executor::new(context)));
    init(executor.spawner());
    loop {
        // SAFETY: this thread alone polls, here, and the pender does not.
        unsafe { executor.poll() };
        if pender.pending.load(Ordering::Acquire) {
            thread::yield_now();
        }
        thread::wait(None, |_| {
            match pender.pending.swap(false, Ordering::AcqRel) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
    }
}

/// embassy-executor calls this when a task of an executor is to be polled, from anywhere.
#[unsafe(export_name = "__pender")]
fn pender(context: *mut ()) {
    // SAFETY: all executors of a program with this file are made by `run`, which passes a
    // `Pender` that is never freed.
    let pender = unsafe { &*context.cast::<Pender>() };
    if !pender.pending.swap(true, Ordering::AcqRel) {
        pender.thread.unpark();
    }
}
