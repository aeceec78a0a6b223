//! What `rt::task` promises. Counts and orders, no times.

use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::{pending, poll_fn};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::task::{Poll, Waker};

use futures_util::future::join3;
use futures_util::{FutureExt, select_biased};
use rt::task::{self, JoinError};
use rt::thread;
use rt::time::{Duration, Instant};
use rt::{kernel, println};
use spin::Mutex;

pub(crate) fn all() {
    let tests: &[(&str, fn())] = &[
        ("results", results),
        ("rounds", rounds),
        ("threads_have_their_turn", threads_have_their_turn),
        ("nesting", nesting),
        ("wakers_of_other_threads", wakers_of_other_threads),
        ("wakes_are_counted_once", wakes_are_counted_once),
        ("aborting", aborting),
        ("what_is_left_is_dropped_here", what_is_left_is_dropped_here),
        ("wakers_outlive", wakers_outlive),
        ("timers", timers),
        ("intervals", intervals),
        ("no_polling", no_polling),
        ("many", many),
    ];
    for (name, test) in tests {
        test();
        println!("tasks: {name}");
    }
}

/// Values come out of both kinds of tasks, of threads, and through `join`.
fn results() {
    let local = Rc::new(Cell::new(0));
    let seen = local.clone();
    let (a, b, c) = task::block_on(async move {
        let a = task::spawn_local(async move {
            seen.set(7);
            1
        });
        let b = task::spawn(async { task::spawn(async { 2 }).await.unwrap() });
        let c = task::spawn_blocking(|| {
            thread::yield_now();
            3
        });
        join3(a, b, c).await
    });
    assert_eq!((a, b, c), (Ok(1), Ok(2), Ok(3)));
    assert_eq!(local.get(), 7);
    // A handle is awaited wherever one likes.
    assert_eq!(task::block_on(task::spawn(async { 5 })), Ok(5));
}

/// First woken, first run; a task that yields comes after all others.
fn rounds() {
    let order = Rc::new(RefCell::new(Vec::new()));
    task::block_on(async {
        let handles: Vec<_> = (0..3)
            .map(|number| {
                let order = order.clone();
                task::spawn_local(async move {
                    for step in 0..2 {
                        order.borrow_mut().push((step, number));
                        task::yield_now().await;
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.await.unwrap();
        }
    });
    let expected = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)];
    assert_eq!(*order.borrow(), expected);
}

/// Tasks that are always ready do not keep threads out.
fn threads_have_their_turn() {
    let done = Arc::new(AtomicBool::new(false));
    let set = done.clone();
    let thread = thread::spawn(move || {
        for _ in 0..10 {
            thread::yield_now();
        }
        set.store(true, Ordering::Relaxed);
    });
    task::block_on(async {
        while !done.load(Ordering::Relaxed) {
            task::yield_now().await;
        }
    });
    thread.join().unwrap();
}

/// A `block_on` inside of a task runs what is started inside it, and the outer ones go on later.
fn nesting() {
    let result = task::block_on(async {
        let outer = task::spawn_local(async { 1 });
        let inner = task::block_on(async { task::spawn_local(async { 2 }).await.unwrap() });
        outer.await.unwrap() + inner
    });
    assert_eq!(result, 3);
}

/// A waker works from other threads, also one that has been cloned and kept.
fn wakers_of_other_threads() {
    let kept = Arc::new(Mutex::new(None::<Waker>));
    let ready = Arc::new(AtomicBool::new(false));
    let waking = {
        let (kept, ready) = (kept.clone(), ready.clone());
        thread::spawn(move || {
            let waker: Waker = loop {
                let waker = kept.lock().take();
                match waker {
                    Some(waker) => break waker,
                    None => thread::yield_now(),
                }
            };
            thread::sleep(Duration::from_millis(5));
            ready.store(true, Ordering::Relaxed);
            waker.wake();
        })
    };
    task::block_on(async {
        let waiting = task::spawn_local(poll_fn(move |context| {
            *kept.lock() = Some(context.waker().clone());
            match ready.load(Ordering::Relaxed) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        waiting.await.unwrap();
    });
    waking.join().unwrap();
}

/// However often a task is woken before it runs, it is polled once.
fn wakes_are_counted_once() {
    let polls = Rc::new(Cell::new(0));
    let kept = Rc::new(RefCell::new(None::<Waker>));
    task::block_on(async {
        let handle = {
            let (polls, kept) = (polls.clone(), kept.clone());
            task::spawn_local(poll_fn(move |context| {
                polls.set(polls.get() + 1);
                *kept.borrow_mut() = Some(context.waker().clone());
                match polls.get() {
                    2 => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            }))
        };
        while kept.borrow().is_none() {
            task::yield_now().await;
        }
        assert_eq!(polls.get(), 1);
        let waker = kept.borrow().clone().unwrap();
        for _ in 0..10 {
            waker.wake_by_ref();
            let other = waker.clone();
            thread::spawn(move || other.wake()).join().unwrap();
        }
        handle.await.unwrap();
        task::yield_now().await;
    });
    assert_eq!(polls.get(), 2);
}

/// Tells which thread dropped it.
struct Witness(Arc<AtomicU64>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0
            .store(thread::current().id().as_u64().get(), Ordering::Relaxed);
    }
}

/// Aborted tasks are dropped by the thread that runs them, and their handles tell.
fn aborting() {
    let dropped_by = Arc::new(AtomicU64::new(0));
    let witness = Witness(dropped_by.clone());
    let handle = task::spawn(async move {
        let _witness = witness;
        pending::<()>().await;
    });
    thread::yield_now();
    assert_eq!(dropped_by.load(Ordering::Relaxed), 0, "nobody aborted it");
    assert!(!handle.is_finished());
    handle.abort();
    assert_eq!(dropped_by.load(Ordering::Relaxed), 0, "not by this thread");
    assert_eq!(task::block_on(handle), Err(JoinError));
    let by = dropped_by.load(Ordering::Relaxed);
    assert!(
        by != 0 && by != thread::current().id().as_u64().get(),
        "dropped by {by}"
    );

    task::block_on(async {
        // Before its first poll, and after its end.
        let never = task::spawn_local(async { unreachable!("aborted before it began") });
        never.abort();
        assert_eq!(never.await, Err::<(), _>(JoinError));
        let done = task::spawn_local(async { 1 });
        while !done.is_finished() {
            task::yield_now().await;
        }
        done.abort();
        assert_eq!(done.await, Ok(1));
    });
}

/// Local tasks do not outlive `block_on`, and are dropped by this thread.
#[expect(clippy::async_yields_async, reason = "that is the test")]
fn what_is_left_is_dropped_here() {
    let dropped_by = Arc::new(AtomicU64::new(0));
    let witness = Witness(dropped_by.clone());
    let handle = task::block_on(async {
        task::spawn_local(async move {
            let _witness = witness;
            pending::<()>().await;
        })
    });
    assert_eq!(
        dropped_by.load(Ordering::Relaxed),
        thread::current().id().as_u64().get()
    );
    assert_eq!(task::block_on(handle), Err(JoinError));
}

/// A waker may be woken and dropped when its task is long gone, by anybody.
fn wakers_outlive() {
    let kept = Rc::new(RefCell::new(None::<Waker>));
    let keep = kept.clone();
    task::block_on(poll_fn(move |context| {
        *keep.borrow_mut() = Some(context.waker().clone());
        Poll::Ready(())
    }));
    let waker = kept.borrow_mut().take().unwrap();
    waker.wake_by_ref();
    thread::spawn(move || waker.wake()).join().unwrap();
}

/// Deadlines in order, time-outs both ways, a sleep that is dropped.
fn timers() {
    let order = Rc::new(RefCell::new(Vec::new()));
    task::block_on(async {
        let handles = [30, 10, 20].map(|ms| {
            let order = order.clone();
            let (start, sleep) = (Instant::now(), task::sleep(Duration::from_millis(ms)));
            task::spawn_local(async move {
                sleep.await;
                assert!(start.elapsed() >= Duration::from_millis(ms));
                order.borrow_mut().push(ms);
            })
        });
        for handle in handles {
            handle.await.unwrap();
        }
        let long = Duration::from_secs(3600);
        let short = Duration::from_millis(5);
        assert_eq!(task::timeout(long, async { 1 }).await, Ok(1));
        assert_eq!(
            task::timeout(short, task::sleep(long)).await,
            Err(task::Elapsed)
        );
        assert_eq!(
            task::timeout(Duration::ZERO, pending::<()>()).await,
            Err(task::Elapsed)
        );
        assert_eq!(task::timeout(Duration::MAX, async { 2 }).await, Ok(2));
        let first = select_biased! {
            () = task::sleep(long).fuse() => "long",
            () = task::sleep(short).fuse() => "short",
        };
        assert_eq!(first, "short");
    });
    assert_eq!(*order.borrow(), [10, 20, 30]);
}

/// Ticks are a period apart, and those that were missed are made up for.
fn intervals() {
    let period = Duration::from_millis(5);
    task::block_on(async {
        let mut interval = task::interval(period);
        let first = interval.tick().await;
        thread::sleep(3 * period);
        for number in 1..=4 {
            let due = interval.tick().await;
            assert_eq!(due, first + number * period);
            assert!(Instant::now() >= due);
        }
    });
}

/// Who waits is not polled, and does not run: the guest sleeps in Xen.
fn no_polling() {
    let polls = Arc::new(AtomicU32::new(0));
    let count = polls.clone();
    let waiting = task::spawn(poll_fn(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Poll::<()>::Pending
    }));
    task::block_on(task::sleep(Duration::from_millis(50)));
    assert_eq!(polls.load(Ordering::Relaxed), 1);
    waiting.abort();
}

/// Thousands at once; nothing is left on the heap.
fn many() {
    const COUNT: u32 = 5000;
    let run = || {
        let sum = Arc::new(AtomicU32::new(0));
        let handles: Vec<_> = (0..COUNT)
            .map(|number| {
                let sum = sum.clone();
                task::spawn(async move {
                    task::sleep(Duration::from_millis(u64::from(number % 7))).await;
                    sum.fetch_add(number, Ordering::Relaxed);
                })
            })
            .collect();
        task::block_on(async {
            for handle in handles {
                handle.await.unwrap();
            }
        });
        assert_eq!(sum.load(Ordering::Relaxed), COUNT * (COUNT - 1) / 2);
    };
    run();
    let before = kernel::mem::heap_use().bytes;
    run();
    let after = kernel::mem::heap_use().bytes;
    assert_eq!(before, after, "bytes on the heap");
}
