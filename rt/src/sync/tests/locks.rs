//! Mutexes, condition variables, reader-writer locks and barriers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{ROUNDS, Room, THREADS, together};
use crate::sync::{Barrier, Condvar, Mutex, RwLock, RwLockWriteGuard, TryLockError};

#[test]
fn a_mutex_lets_one_in_at_a_time() {
    let (room, count) = (Room::default(), Mutex::new(0));
    together(|_| {
        for _ in 0..ROUNDS {
            let mut count = count.lock().unwrap();
            room.visit();
            *count += 1;
        }
    });
    assert_eq!(
        (room.most(), count.into_inner().unwrap()),
        (1, THREADS * ROUNDS)
    );
}

#[test]
fn a_locked_mutex_says_so() {
    let mut mutex = Mutex::from(1);
    {
        let guard = mutex.lock().unwrap();
        assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        assert_eq!(
            format!("{mutex:?} {guard:?} {guard}"),
            "Mutex { data: <locked>, .. } 1 1"
        );
    }
    assert_eq!(*mutex.try_lock().unwrap(), 1);
    *mutex.get_mut().unwrap() = 2;
    assert_eq!(format!("{mutex:?}"), "Mutex { data: 2, .. }");
    assert!(!mutex.is_poisoned());
}

#[test]
fn a_mutex_holds_what_has_no_size() {
    let mutex: &Mutex<[u8]> = &Mutex::new([1, 2, 3]);
    mutex.lock().unwrap()[1] = 7;
    assert_eq!(&*mutex.lock().unwrap(), [1, 7, 3]);
}

/// Every token that is put in is taken out: no wake-up is lost, with one token per wake-up.
#[test]
fn a_condition_variable_loses_no_wake_up() {
    let (tokens, some) = (Mutex::new(0usize), Condvar::new());
    together(|number| {
        for _ in 0..ROUNDS {
            if number % 2 == 0 {
                *tokens.lock().unwrap() += 1;
                some.notify_one();
            } else {
                let mut tokens = some
                    .wait_while(tokens.lock().unwrap(), |t| *t == 0)
                    .unwrap();
                *tokens -= 1;
            }
        }
    });
    assert_eq!(tokens.into_inner().unwrap(), 0);
}

#[test]
fn all_are_told() {
    let (open, opened) = (Mutex::new(false), Condvar::new());
    let through = AtomicUsize::new(0);
    together(|number| {
        if number == 0 {
            *open.lock().unwrap() = true;
            opened.notify_all();
        } else {
            drop(opened.wait_while(open.lock().unwrap(), |open| !*open));
        }
        through.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(through.into_inner(), THREADS);
}

#[test]
fn a_wait_ends_when_its_time_is_over_and_leaves_nothing_behind() {
    let (mutex, condition) = (Mutex::new(5), Condvar::new());
    let short = Duration::from_millis(2);
    let (guard, result) = condition
        .wait_timeout(mutex.lock().unwrap(), short)
        .unwrap();
    assert!(result.timed_out() && *guard == 5);
    let result = condition
        .wait_timeout_while(guard, short, |_| true)
        .unwrap();
    assert!(result.1.timed_out());
    let (guard, result) = condition
        .wait_timeout_while(result.0, short, |_| false)
        .unwrap();
    assert!(!result.timed_out());
    drop(guard);
    assert_eq!(format!("{condition:?}").matches("Waiter").count(), 0);
}

/// Time-outs and wake-ups race: a wake-up goes to one that takes it, or stays for the next.
#[test]
fn a_wake_up_is_not_lost_on_one_whose_time_is_over() {
    let (tokens, some) = (Mutex::new(0usize), Condvar::new());
    let taken = AtomicUsize::new(0);
    together(|number| {
        if number == 0 {
            for _ in 0..ROUNDS {
                *tokens.lock().unwrap() += 1;
                some.notify_one();
            }
            return;
        }
        while taken.load(Ordering::SeqCst) < ROUNDS {
            let guard = tokens.lock().unwrap();
            let wait = some.wait_timeout_while(guard, Duration::from_micros(50), |t| *t == 0);
            let (mut tokens, result) = wait.unwrap();
            if !result.timed_out() {
                *tokens -= 1;
                taken.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    assert_eq!(tokens.into_inner().unwrap(), 0);
}

/// Writers change two numbers at a time; readers never see them differ.
#[test]
fn readers_see_whole_changes() {
    let (pair, writers) = (RwLock::new((0, 0)), Room::default());
    together(|number| {
        for round in 0..ROUNDS {
            if (number + round) % 4 == 0 {
                let mut pair = pair.write().unwrap();
                writers.visit();
                pair.0 += 1;
                pair.1 += 1;
            } else {
                let pair = pair.read().unwrap();
                assert_eq!(pair.0, pair.1);
            }
        }
    });
    assert_eq!(writers.most(), 1);
    assert_eq!(pair.into_inner().unwrap().0, THREADS * ROUNDS / 4);
}

#[test]
fn readers_are_together() {
    let (lock, inside) = (RwLock::new(()), Barrier::new(THREADS));
    together(|_| {
        let _reading = lock.read().unwrap();
        // Nobody would pass if they were not all here.
        inside.wait();
    });
}

#[test]
fn a_reader_writer_lock_says_who_has_it() {
    let lock = RwLock::new(1);
    let first = lock.read().unwrap();
    assert!(lock.try_read().is_ok() && lock.try_write().is_err());
    drop(first);
    let mut writing = lock.write().unwrap();
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    *writing = 2;
    let reading = RwLockWriteGuard::downgrade(writing);
    assert!(*reading == 2 && lock.try_read().is_ok() && lock.try_write().is_err());
    drop(reading);
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_barrier_has_one_leader_each_time() {
    let (barrier, leaders, before) = (
        Barrier::new(THREADS),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    together(|_| {
        for round in 1..=ROUNDS / 10 {
            before.fetch_add(1, Ordering::SeqCst);
            if barrier.wait().is_leader() {
                leaders.fetch_add(1, Ordering::SeqCst);
            }
            assert!(
                before.load(Ordering::SeqCst) >= round * THREADS,
                "all have come"
            );
            barrier.wait();
        }
    });
    assert_eq!(leaders.into_inner(), ROUNDS / 10);
    assert!(Barrier::new(0).wait().is_leader());
}
