//! Sixteen threads, more than there are transactions, and dom0 count the same node up: nothing is lost.

use core::sync::atomic::{AtomicU32, Ordering};

use rt::{println, thread, xenstore};

const THREADS: u32 = 16;
const EACH: u32 = 10;

pub(crate) fn all() {
    let tries = AtomicU32::new(0);
    xenstore::write("data/counter", "0").expect("write");
    crate::tell("ready");
    crate::wait_for("go");
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    xenstore::transaction(|store| {
                        tries.fetch_add(1, Ordering::Relaxed);
                        let count: u32 = store.read_parsed("data/counter")?;
                        store.write("data/counter", alloc::format!("{}", count + 1))
                    })
                    .expect("a transaction that conflicts is tried again");
                }
            });
        }
    });
    let tries = tries.load(Ordering::Relaxed);
    println!("{} transactions in {tries} tries", THREADS * EACH);
    crate::tell("counted");
}
