//! Threads that borrow, and values of which every thread has its own.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicUsize, Ordering};

use rt::thread::{self, AccessError, Builder};
use rt::time::Duration;

pub(crate) fn all() {
    borrowing();
    results_that_nobody_takes();
    locals_are_each_threads_own();
    locals_are_dropped_at_the_end();
}

fn borrowing() {
    let mut numbers = [1, 2, 3, 4];
    let text = String::from("borrowed");
    let length = thread::scope(|scope| {
        for number in &mut numbers {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(5));
                *number *= 10;
            });
        }
        let nested = scope.spawn(|| {
            let inner = scope.spawn(|| text.len());
            inner.join().expect("ends")
        });
        let named = Builder::new().name("scoped".into());
        let named = named.spawn_scoped(scope, || thread::current().name().map(String::from));
        let named = named.expect("memory").join().expect("ends");
        assert_eq!(named.as_deref(), Some("scoped"));
        nested.join().expect("ends")
    });
    // Nobody joined those.
    assert_eq!((numbers, length), ([10, 20, 30, 40], 8));
}

/// A result that borrows is dropped before what it borrows, also if its handle is gone.
fn results_that_nobody_takes() {
    struct Result<'a>(&'a AtomicUsize);
    impl Drop for Result<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = AtomicUsize::new(0);
    thread::scope(|scope| {
        // One handle goes before its thread ends, one after, one with the scope.
        drop(scope.spawn(|| Result(&dropped)));
        let ended = scope.spawn(|| Result(&dropped));
        let _kept = scope.spawn(|| Result(&dropped));
        while !ended.is_finished() {
            thread::yield_now();
        }
        drop(ended);
    });
    assert_eq!(dropped.into_inner(), 3);
}

fn locals_are_each_threads_own() {
    rt::thread_local! {
        static COUNT: Cell<u32> = const { Cell::new(1) };
        static NAMES: RefCell<Vec<String>> = RefCell::new(Vec::new())
    }
    COUNT.set(5);
    let other = thread::spawn(|| {
        let first = COUNT.replace(7);
        thread::yield_now();
        NAMES.with_borrow_mut(|names| names.push("other".into()));
        (first, COUNT.get(), NAMES.take().len())
    });
    thread::yield_now();
    COUNT.set(COUNT.get() + 1);
    assert_eq!(other.join().expect("ends"), (1, 7, 1));
    assert_eq!(COUNT.get(), 6);
    assert!(NAMES.with_borrow(Vec::is_empty));
}

fn locals_are_dropped_at_the_end() {
    static LOG: spin::Mutex<Vec<&str>> = spin::Mutex::new(Vec::new());

    /// Says so when it is dropped, and looks at others.
    struct Witness(Arc<()>, thread::ThreadId);
    impl Drop for Witness {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.1, "dropped by its own thread");
            LOG.lock().push("witness");
            assert_eq!(WITNESS.try_with(|_| ()), Err(AccessError));
            // Made only now, and dropped, too. Waiting is allowed.
            LATE.with(|_| thread::yield_now());
        }
    }
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            LOG.lock().push("late");
        }
    }
    rt::thread_local! {
        static WITNESS: RefCell<Option<Witness>> = const { RefCell::new(None) };
        static LATE: Late = const { Late };
    }
    let value = Arc::new(());
    let given = value.clone();
    let handle = thread::spawn(move || {
        let witness = Witness(given, thread::current().id());
        assert_eq!(Arc::strong_count(&witness.0), 2);
        WITNESS.set(Some(witness));
    });
    handle.join().expect("ends");
    assert_eq!(*LOG.lock(), ["witness", "late"]);
    assert_eq!(Arc::strong_count(&value), 1);
}
