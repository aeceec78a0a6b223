//! What the scheduler promises, in turns: nobody waits longer than one turn of everybody else,
//! and events and timers are looked at even if no thread ever blocks.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rt::kernel::xenstore;
use rt::thread::{self, JoinHandle};
use rt::time::{Duration, Instant};

/// Threads that never block.
const SPINNERS: usize = 5;

pub(crate) fn all() {
    woken_threads_run_within_a_turn();
    timers_fire_between_turns();
    events_are_handled_between_turns();
    wake_ups_do_not_starve_those_who_yield();
}

/// Threads that only yield, and call `at_turn` each time.
struct Spinners {
    stop: Arc<AtomicBool>,
    handles: Vec<JoinHandle<()>>,
}

impl Spinners {
    fn start(at_turn: impl Fn() + Clone + Send + 'static) -> Spinners {
        let stop = Arc::new(AtomicBool::new(false));
        let handles = (0..SPINNERS).map(|_| {
            let (stop, at_turn) = (stop.clone(), at_turn.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    at_turn();
                    thread::yield_now();
                }
            })
        });
        let handles = handles.collect();
        Spinners { stop, handles }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for handle in self.handles {
            handle.join().expect("ends");
        }
    }
}

fn woken_threads_run_within_a_turn() {
    let turns = Arc::new(AtomicUsize::new(0));
    let ran_at = Arc::new(AtomicUsize::new(0));
    let spinners = Spinners::start({
        let turns = turns.clone();
        move || {
            turns.fetch_add(1, Ordering::Relaxed);
        }
    });
    let sleeper = thread::spawn({
        let (turns, ran_at) = (turns.clone(), ran_at.clone());
        move || {
            for _ in 0..100 {
                thread::park();
                ran_at.store(turns.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    });
    // It parks.
    thread::yield_now();
    for _ in 0..100 {
        let woken_at = turns.load(Ordering::Relaxed);
        ran_at.store(usize::MAX, Ordering::Relaxed);
        sleeper.thread().unpark();
        while ran_at.load(Ordering::Relaxed) == usize::MAX {
            thread::yield_now();
        }
        let waited = ran_at.load(Ordering::Relaxed) - woken_at;
        assert!(waited <= SPINNERS, "it waited for {waited} turns of others");
    }
    sleeper.join().expect("ends");
    spinners.stop();
}

fn timers_fire_between_turns() {
    for _ in 0..20 {
        let deadline = Instant::now() + Duration::from_millis(2);
        // Turns that began when the sleeper should run already.
        let late = Arc::new(AtomicUsize::new(0));
        let spinners = Spinners::start({
            let late = late.clone();
            move || {
                if Instant::now() >= deadline {
                    late.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        thread::sleep_until(deadline);
        let late = late.load(Ordering::Relaxed);
        // The time comes in the middle of one's turn; then everybody has at most one.
        assert!(late <= SPINNERS + 1, "{late} turns after its time");
        spinners.stop();
    }
}

/// xenstored answers by an event; it is seen although nobody blocks. If it were not, this would
/// never end.
fn events_are_handled_between_turns() {
    let turns = Arc::new(AtomicUsize::new(0));
    let spinners = Spinners::start({
        let turns = turns.clone();
        move || {
            turns.fetch_add(1, Ordering::Relaxed);
        }
    });
    for _ in 0..20 {
        let before = turns.load(Ordering::Relaxed);
        let name = xenstore::read("name").expect("a domain has a name");
        assert!(!name.is_empty());
        let passed = turns.load(Ordering::Relaxed) - before;
        assert!(passed >= SPINNERS, "others had {passed} turns meanwhile");
    }
    spinners.stop();
}

/// Two threads wake each other all the time; a third that yields has its turn in between.
fn wake_ups_do_not_starve_those_who_yield() {
    const ROUNDS: usize = 1000;
    let done = Arc::new(AtomicBool::new(false));
    let yielding = thread::spawn({
        let done = done.clone();
        move || {
            let mut turns = 0;
            while !done.load(Ordering::Relaxed) {
                turns += 1;
                thread::yield_now();
            }
            turns
        }
    });
    let main = thread::current();
    let ball = Arc::new(AtomicUsize::new(0));
    let other = thread::spawn({
        let ball = ball.clone();
        move || {
            for round in 0..ROUNDS {
                while ball.load(Ordering::Relaxed) != 2 * round + 1 {
                    thread::park();
                }
                ball.store(2 * round + 2, Ordering::Relaxed);
                main.unpark();
            }
        }
    });
    for round in 0..ROUNDS {
        ball.store(2 * round + 1, Ordering::Relaxed);
        other.thread().unpark();
        while ball.load(Ordering::Relaxed) != 2 * round + 2 {
            thread::park();
        }
    }
    done.store(true, Ordering::Relaxed);
    let turns = yielding.join().expect("ends");
    assert!(
        turns >= ROUNDS,
        "{turns} turns in {ROUNDS} rounds of others"
    );
    other.join().expect("ends");
}
