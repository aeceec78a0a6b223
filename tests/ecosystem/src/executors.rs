//! Executors and clocks of others: embassy's and edge-executor, unchanged.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicU32, Ordering};

use edge_executor::LocalExecutor;
use embassy_executor::Spawner;
use embassy_time::{Duration, Instant, Ticker, Timer, with_timeout};
use futures_util::future::{join, join_all};
use rt::{compat, println, task, thread};

pub(crate) fn all() {
    embassy_time();
    println!("executors: embassy-time");
    embassy_executor();
    println!("executors: embassy-executor");
    edge_executor();
    println!("executors: edge-executor");
    critical_sections();
    println!("executors: critical sections");
}

/// embassy's timers in `rt`'s tasks.
fn embassy_time() {
    let before = Instant::now();
    task::block_on(async {
        // In one task, so with one waker.
        let sleep = async |ms| {
            let start = Instant::now();
            Timer::after_millis(ms).await;
            assert!(start.elapsed() >= Duration::from_millis(ms));
        };
        join_all([30, 10, 20].map(sleep)).await;
        // In tasks of their own: the one that is due first is woken first, however late that is.
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles = [30, 10, 20].map(|ms| {
            let order = order.clone();
            let timer = Timer::after_millis(ms);
            task::spawn_local(async move {
                timer.await;
                order.borrow_mut().push(ms);
            })
        });
        for handle in handles {
            handle.await.unwrap();
        }
        assert_eq!(order.take(), [10, 20, 30]);
        // More than any queue of fixed size holds.
        let handles: Vec<_> = (0..500_u64)
            .map(|number| task::spawn(async move { Timer::after_millis(number % 11).await }))
            .collect();
        for handle in handles {
            handle.await.unwrap();
        }
        let never = core::future::pending::<()>();
        assert!(with_timeout(Duration::from_millis(5), never).await.is_err());
        assert_eq!(
            with_timeout(Duration::from_secs(3600), async { 1 }).await,
            Ok(1)
        );
        let mut ticker = Ticker::every(Duration::from_millis(2));
        for _ in 0..5 {
            ticker.next().await;
        }
        // Polled again and again before its time: still one alarm, at the right time.
        let start = Instant::now();
        let spinning = async {
            for _ in 0..50 {
                task::yield_now().await;
            }
        };
        join(Timer::after_millis(10), spinning).await;
        assert!(start.elapsed() >= Duration::from_millis(10));
    });
    assert!(before.elapsed() >= Duration::from_millis(60));
}

static STEPS: AtomicU32 = AtomicU32::new(0);

#[embassy_executor::task(pool_size = 3)]
async fn step(number: u32) {
    for _ in 0..10 {
        Timer::after_millis(1).await;
        STEPS.fetch_add(number, Ordering::Relaxed);
        task::yield_now().await;
    }
}

/// An embassy executor on a thread of its own, beside this one.
fn embassy_executor() {
    let start = |spawner: Spawner| {
        for number in [1, 10, 100] {
            spawner.spawn(step(number).unwrap());
        }
    };
    thread::Builder::new()
        .name("embassy".into())
        .spawn(move || compat::embassy::run(start))
        .unwrap();
    while STEPS.load(Ordering::Relaxed) < 1110 {
        thread::sleep(rt::time::Duration::from_millis(5));
    }
    assert_eq!(STEPS.load(Ordering::Relaxed), 1110);
}

/// The example of edge-executor's own documentation, and timers in it.
fn edge_executor() {
    let local: LocalExecutor = LocalExecutor::default();
    let mut data = 3;
    let borrowed = &mut data;
    let doubled = local.spawn(async move {
        *borrowed += 1;
        *borrowed
    });
    let woken = Rc::new(Cell::new(false));
    let wake = woken.clone();
    let sleeping = local.spawn(async move {
        task::sleep(rt::time::Duration::from_millis(5)).await;
        wake.set(true);
    });
    let result = task::block_on(local.run(async {
        sleeping.await;
        doubled.await * 2
    }));
    assert_eq!(result, 8);
    assert!(woken.get());
}

/// They nest and protect a counter.
fn critical_sections() {
    static COUNT: spin::Mutex<u32> = spin::Mutex::new(0);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                for _ in 0..100 {
                    count_in_a_section();
                    thread::yield_now();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*COUNT.lock(), 400);

    fn count_in_a_section() {
        critical_section::with(|_| critical_section::with(|_| *COUNT.lock() += 1));
    }
}
