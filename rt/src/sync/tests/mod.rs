//! Tests with threads that really run at the same time, those of the machine that builds this.
//! What needs an order of turns is tested in guests.

mod channels;
mod locks;
mod once;

use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads of a test.
const THREADS: usize = 4;
/// Rounds of each.
const ROUNDS: usize = 2000;

/// Runs `f` with each number in a thread of its own, and waits for all.
fn together(f: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let f = &f;
            scope.spawn(move || f(number));
        }
    });
}

/// Counts how many are there at the same time.
#[derive(Default)]
struct Room {
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Room {
    fn visit(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        std::hint::spin_loop();
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}
