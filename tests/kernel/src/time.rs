//! Clocks go forward, sleeps last, the wall clock is the host's.

use alloc::vec::Vec;

use rt::println;
use rt::thread;
use rt::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) fn all() {
    let mut last = Instant::now();
    for _ in 0..100_000 {
        let now = Instant::now();
        assert!(now >= last, "the clock went back");
        last = now;
    }
    for ms in [1, 10, 50] {
        let start = Instant::now();
        thread::sleep(Duration::from_millis(ms));
        let slept = start.elapsed();
        assert!(
            slept >= Duration::from_millis(ms),
            "slept {slept:?} instead of {ms} ms"
        );
        println!("sleep of {ms} ms took {} us", slept.as_micros());
    }
    thread::sleep(Duration::ZERO);
    // Many short ones at once: a wake-up that is lost stops one of these for ever.
    let sleepers: Vec<_> = (0..8u64)
        .map(|sleeper| {
            thread::spawn(move || {
                for round in 0..100 {
                    thread::sleep(Duration::from_micros(
                        100 + (sleeper * 37 + round * 101) % 2000,
                    ));
                }
            })
        })
        .collect();
    for sleeper in sleepers {
        sleeper
            .join()
            .expect("a thread that panics ends the domain");
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    println!("epoch {}", now.as_secs());
}
