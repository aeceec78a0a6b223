//! Threads: results, order, parking, sleeping, and what is left of them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rt::kernel::mem::{free_pages, total_pages};
use rt::println;
use rt::sync::Barrier;
use rt::thread::{self, Builder, JoinHandle};
use rt::time::{Duration, Instant};

pub(crate) fn all() {
    results_and_names();
    round_robin();
    parking();
    sleeping();
    many();
    handles();
}

fn join_all(handles: impl IntoIterator<Item = JoinHandle<()>>) {
    for handle in handles {
        handle.join().expect("a thread that panics ends the domain");
    }
}

fn results_and_names() {
    let handle = Builder::new().name("named".into()).spawn(|| {
        assert_eq!(thread::current().name(), Some("named"));
        41 + 1
    });
    assert_eq!(handle.expect("memory for a thread").join().ok(), Some(42));
    assert_eq!(thread::current().name(), Some("main"));
}

/// Threads that yield take turns.
fn round_robin() {
    static LOG: spin::Mutex<Vec<u32>> = spin::Mutex::new(Vec::new());
    let handles: Vec<_> = (0..3)
        .map(|number| {
            thread::spawn(move || {
                for _ in 0..4 {
                    LOG.lock().push(number);
                    thread::yield_now();
                }
            })
        })
        .collect();
    join_all(handles);
    assert_eq!(*LOG.lock(), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
}

fn parking() {
    // A token given before is kept for the next park.
    thread::current().unpark();
    thread::park();

    let turns = Arc::new(AtomicU32::new(0));
    let main = thread::current();
    let ping = {
        let turns = turns.clone();
        thread::spawn(move || {
            for turn in 0..1000 {
                while turns.load(Ordering::Relaxed) != turn * 2 + 1 {
                    thread::park();
                }
                turns.fetch_add(1, Ordering::Relaxed);
                main.unpark();
            }
        })
    };
    for turn in 0..1000 {
        turns.fetch_add(1, Ordering::Relaxed);
        ping.thread().unpark();
        while turns.load(Ordering::Relaxed) != turn * 2 + 2 {
            thread::park();
        }
    }
    join_all([ping]);

    let start = Instant::now();
    thread::park_timeout(Duration::from_millis(20));
    assert!(start.elapsed() >= Duration::from_millis(20));
}

/// Sleepers wake in the order of their times, not of their start.
fn sleeping() {
    static LOG: spin::Mutex<Vec<u64>> = spin::Mutex::new(Vec::new());
    let handles: Vec<_> = [90, 30, 60]
        .map(|ms| {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(ms));
                LOG.lock().push(ms);
            })
        })
        .into_iter()
        .collect();
    join_all(handles);
    assert_eq!(*LOG.lock(), [30, 60, 90]);
}

/// What a handle says; and that it keeps no stack.
fn handles() {
    let (first, second) = (thread::spawn(|| {}), thread::spawn(|| {}));
    assert_ne!(first.thread().id(), second.thread().id());
    assert!(!first.is_finished());
    thread::yield_now();
    assert!(first.is_finished() && second.is_finished());
    join_all([first, second]);
    assert_eq!(thread::available_parallelism().expect("one").get(), 1);
    let before = free_pages();
    let ended: Vec<_> = (0..64)
        .map(|_| {
            let handle = thread::spawn(|| {});
            let thread = handle.thread().clone();
            join_all([handle]);
            thread
        })
        .collect();
    thread::yield_now();
    // Room for the handles themselves, not for one stack.
    let kept = before.saturating_sub(free_pages());
    assert!(kept < 8, "{} handles keep {kept} pages", ended.len());
}

/// A thousand with default settings in a domain of 64 MiB, all there at once, each with most of
/// its stack in use.
pub(crate) fn thousand() {
    /// Of 48 KiB; the rest is for calls.
    const USED_BYTES: usize = 40 * 1024;
    let all_there = Arc::new(Barrier::new(1000));
    let handles: Vec<_> = (0..1000_usize)
        .map(|number| {
            let all_there = all_there.clone();
            let body = move || {
                let mut bytes = [number.to_le_bytes()[0]; USED_BYTES];
                core::hint::black_box(&mut bytes);
                let leads = all_there.wait().is_leader();
                assert!(bytes.iter().all(|&byte| byte == number.to_le_bytes()[0]));
                usize::from(leads)
            };
            Builder::new().spawn(body).expect("memory for a thread")
        })
        .collect();
    let leaders: usize = handles.into_iter().map(|h| h.join().expect("ends")).sum();
    assert_eq!(leaders, 1);
    thread::yield_now();
    println!("{} of {} pages are free again", free_pages(), total_pages());
}

/// A thousand small ones at once, and all their memory comes back.
fn many() {
    let run = || {
        let done = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..1000)
            .map(|number| {
                let done = done.clone();
                let builder = Builder::new().stack_size(16 * 1024);
                let body = move || {
                    thread::sleep(Duration::from_millis(number % 7));
                    done.fetch_add(1, Ordering::Relaxed);
                };
                builder.spawn(body).expect("memory for a thread")
            })
            .collect();
        join_all(handles);
        assert_eq!(done.load(Ordering::Relaxed), 1000);
        // The last one's stack goes when another thread runs.
        thread::yield_now();
    };
    run();
    let before = free_pages();
    run();
    let after = free_pages();
    assert_eq!(
        before, after,
        "pages free before and after a thousand threads"
    );
}
