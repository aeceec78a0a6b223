//! Locks and channels in turns: who waits is parked, and has it in the order of coming.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use rt::sync::mpsc::{self, RecvTimeoutError};
use rt::sync::{Barrier, Condvar, LazyLock, Mutex, OnceLock, RwLock};
use rt::thread;
use rt::time::{Duration, Instant};

pub(crate) fn all() {
    a_mutex_is_handed_over_in_order();
    readers_wait_behind_a_writer();
    conditions_are_told_in_order();
    waits_end();
    barriers_and_once();
    channels();
    hand_to_hand();
}

/// Starts a thread of the scope, and lets it run until it waits.
macro_rules! start {
    ($scope:ident, $body:expr) => {{
        let handle = $scope.spawn($body);
        thread::yield_now();
        handle
    }};
}

fn a_mutex_is_handed_over_in_order() {
    let log = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let mut guard = log.lock().unwrap();
        for number in 0..5 {
            let log = &log;
            start!(scope, move || {
                for _ in 0..3 {
                    // Released and wanted again at once: the others come first.
                    log.lock().unwrap().push(number);
                }
            });
        }
        guard.push(9);
        drop(guard);
        log.lock().unwrap().push(9);
    });
    let turns = log.into_inner().unwrap();
    assert_eq!(turns[..7], [9, 0, 1, 2, 3, 4, 9]);
    assert_eq!(turns[7..], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
}

fn readers_wait_behind_a_writer() {
    let (lock, log) = (RwLock::new(()), Mutex::new(Vec::new()));
    let say = |what| log.lock().unwrap().push(what);
    thread::scope(|scope| {
        let reading = lock.read().unwrap();
        start!(scope, || {
            let _reading = lock.read().unwrap();
            say("a reader beside the first");
        });
        start!(scope, || {
            let _writing = lock.write().unwrap();
            say("the writer");
            thread::yield_now();
            say("still the writer");
        });
        start!(scope, || {
            let _reading = lock.read().unwrap();
            say("a reader after it");
        });
        assert!(lock.try_read().is_err(), "a writer waits");
        say("the first ends");
        drop(reading);
    });
    assert_eq!(
        log.into_inner().unwrap(),
        [
            "a reader beside the first",
            "the first ends",
            "the writer",
            "still the writer",
            "a reader after it",
        ]
    );
}

fn conditions_are_told_in_order() {
    let (log, told) = (Mutex::new(Vec::new()), Condvar::new());
    thread::scope(|scope| {
        for number in 0..4 {
            let (log, told) = (&log, &told);
            start!(scope, move || {
                let mut log = told.wait(log.lock().unwrap()).unwrap();
                log.push(number);
            });
        }
        assert!(log.lock().unwrap().is_empty(), "nobody was told");
        told.notify_one();
        told.notify_one();
        thread::yield_now();
        assert_eq!(*log.lock().unwrap(), [0, 1]);
        told.notify_all();
    });
    assert_eq!(log.into_inner().unwrap(), [0, 1, 2, 3]);
}

fn waits_end() {
    let (mutex, condition) = (Mutex::new(()), Condvar::new());
    let (start, time) = (Instant::now(), Duration::from_millis(20));
    let result = condition.wait_timeout(mutex.lock().unwrap(), time).unwrap();
    assert!(result.1.timed_out() && start.elapsed() >= time);
    let (_sender, receiver) = mpsc::channel::<()>();
    let start = Instant::now();
    assert_eq!(receiver.recv_timeout(time), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= time);
}

fn barriers_and_once() {
    static LAZY: LazyLock<usize> = LazyLock::new(|| {
        // The others come meanwhile, and wait.
        thread::sleep(Duration::from_millis(5));
        7
    });
    let (barrier, value) = (Barrier::new(10), OnceLock::new());
    let leaders = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..10 {
            let (barrier, value, leaders) = (&barrier, &value, &leaders);
            scope.spawn(move || {
                assert_eq!(*LAZY, 7);
                for _ in 0..20 {
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::Relaxed);
                    }
                }
                assert_eq!(value.get_or_init(|| number), value.wait());
            });
        }
    });
    assert_eq!(leaders.into_inner(), 20);
}

fn channels() {
    // From hand to hand: everybody's value is taken in the order in which they came to send.
    let (sender, receiver) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        for number in 0..4 {
            let sender = sender.clone();
            start!(scope, move || {
                for round in 0..2 {
                    sender.send((round, number)).unwrap();
                }
            });
        }
        drop(sender);
        let received: Vec<_> = receiver.iter().collect();
        let expected = [
            (0, 0),
            (0, 1),
            (0, 2),
            (0, 3),
            (1, 0),
            (1, 1),
            (1, 2),
            (1, 3),
        ];
        assert_eq!(received, expected);
    });
    // A narrow one between a fast and a slow end.
    let (sender, receiver) = mpsc::sync_channel(2);
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for value in 0..100 {
                sender.send(value).unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
            }
            drop(sender);
        });
        for (count, value) in receiver.into_iter().enumerate() {
            assert_eq!(count, value);
            thread::yield_now();
            let ahead = sent.load(Ordering::Relaxed) - count;
            assert!(ahead <= 4, "{ahead} values are ahead");
        }
    });
    assert_eq!(sent.into_inner(), 100);
}

/// Without room in the channel, a sender goes on when its own value is taken, not before.
fn hand_to_hand() {
    let (sender, receiver) = mpsc::sync_channel(0);
    let (sent, may_send) = (AtomicUsize::new(0), Barrier::new(2));
    let may_receive = Barrier::new(2);
    thread::scope(|scope| {
        let wait = &may_receive;
        let receiving = start!(scope, move || {
            let first = receiver.recv();
            wait.wait();
            [first, receiver.recv()]
        });
        start!(scope, || {
            may_send.wait();
            sender.send(2).unwrap();
            sent.fetch_add(1, Ordering::Relaxed);
        });
        // It sends while the first value is on its way.
        may_send.wait();
        sender.send(1).unwrap();
        thread::yield_now();
        thread::yield_now();
        assert_eq!(
            sent.load(Ordering::Relaxed),
            0,
            "nobody took the second value"
        );
        may_receive.wait();
        assert_eq!(receiving.join().unwrap(), [Ok(1), Ok(2)]);
    });
    assert_eq!(sent.into_inner(), 1);
}
