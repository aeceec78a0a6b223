//! What happens once.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{THREADS, together};
use crate::sync::{LazyLock, Once, OnceLock};

#[test]
fn it_is_done_once_and_all_see_it_done() {
    for _ in 0..50 {
        let (once, count) = (Once::new(), AtomicUsize::new(0));
        together(|number| {
            if number == 1 {
                once.wait();
            }
            once.call_once(|| {
                std::thread::yield_now();
                count.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(count.load(Ordering::Relaxed), 1);
            assert!(once.is_completed());
        });
        once.call_once_force(|_| unreachable!("it is done"));
    }
}

#[test]
fn one_value_is_set_and_the_others_come_back() {
    for _ in 0..50 {
        let (lock, refused) = (OnceLock::new(), AtomicUsize::new(0));
        together(|number| {
            if lock.set(number).is_err() {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(lock.get(), Some(lock.wait()));
        });
        assert_eq!(refused.into_inner(), THREADS - 1);
    }
    let mut lock = OnceLock::from(String::from("a"));
    assert_eq!(format!("{lock:?}"), "OnceLock(\"a\")");
    assert_eq!(lock, lock.clone());
    lock.get_mut().expect("it is set").push('b');
    assert_eq!(lock.take().as_deref(), Some("ab"));
    assert_eq!(lock.get_or_init(|| "c".into()), "c");
    assert_eq!(lock.into_inner().as_deref(), Some("c"));
}

#[test]
fn a_lazy_value_is_made_by_its_first_use() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static LAZY: LazyLock<Vec<usize>> =
        LazyLock::new(|| vec![MADE.fetch_add(1, Ordering::Relaxed)]);
    assert_eq!(format!("{LAZY:?}"), "LazyLock(<uninit>)");
    together(|_| assert_eq!(*LAZY, [0]));
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
    let captured = 7;
    let lazy = LazyLock::new(|| captured + 1);
    assert_eq!(*LazyLock::force(&lazy), 8);
}
