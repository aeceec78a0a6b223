//! xenstore from the guest's side; the cases look at the other.

use alloc::vec::Vec;

use rt::kernel::xenstore::{self, Error};
use rt::{println, thread};

pub(crate) fn all() {
    let base = "data/test";
    assert!(xenstore::read("data/test/none").is_err_and(|error| error.is_not_found()));
    xenstore::write("data/test/one", b"first").expect("write");
    xenstore::write("data/test/two", b"\x00\xff any bytes\n").expect("write bytes");
    xenstore::mkdir("data/test/three").expect("mkdir");
    assert_eq!(
        xenstore::read("data/test/two").expect("read"),
        b"\x00\xff any bytes\n"
    );
    assert_eq!(xenstore::read("data/test/three").expect("read"), b"");
    let mut names = xenstore::directory(base).expect("directory");
    names.sort();
    assert_eq!(names, ["one", "three", "two"]);
    let permissions = xenstore::permissions("data/test/one").expect("permissions");
    assert!(!permissions.is_empty());
    xenstore::set_permissions("data/test/one", &permissions).expect("set permissions");

    let error = xenstore::write("/local/domain/0/name", b"mine").expect_err("not ours");
    println!("{error}");
    let error = xenstore::read("data//test").expect_err("no such path can be");
    println!("{error}");
    let error = xenstore::write("data/test/big", &[b'x'; 5000]).expect_err("too long");
    println!("{error}");
    // Longer than the ring, and close to what the server takes.
    let long = [b'l'; 2000];
    xenstore::write("data/test/long", &long).expect("write 2,000 bytes");
    assert_eq!(xenstore::read("data/test/long").expect("read"), long);

    // More at once than the server reads from one client.
    let readers: Vec<_> = (0..50)
        .map(|_| thread::spawn(|| xenstore::read("data/test/one").expect("read")))
        .collect();
    for reader in readers {
        assert_eq!(reader.join().expect("no panic"), b"first");
    }
    // An error of the closure undoes what it did.
    let undone: Result<(), Error> = xenstore::transaction(|transaction| {
        transaction.write("data/test/one", b"changed")?;
        transaction.read("data/test/none").map(|_| ())
    });
    assert!(undone.is_err_and(|error| error.is_not_found()));
    assert_eq!(xenstore::read("data/test/one").expect("read"), b"first");
    xenstore::rm(base).expect("rm");
    assert!(xenstore::read("data/test/one").is_err_and(|error| error.is_not_found()));
}

/// Counts up a node 50 times, while dom0 changes it, too: no count may be lost.
pub(crate) fn contended_transaction() {
    let add = |transaction: &xenstore::Transaction| {
        let value = transaction.read("data/counter")?;
        let count: u32 = core::str::from_utf8(&value)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(0);
        transaction.write("data/counter", alloc::format!("{}", count + 1).as_bytes())
    };
    xenstore::write("data/counter", b"0").expect("write");
    xenstore::write("data/ready", b"1").expect("write");
    let mut tries = 0;
    for _ in 0..50 {
        xenstore::transaction(|transaction| {
            tries += 1;
            add(transaction)
        })
        .expect("a transaction that conflicts is tried again");
    }
    println!("50 transactions in {tries} tries");
    xenstore::write("data/counted", b"1").expect("write");
}

/// Tells what dom0 writes, until it writes `end`.
pub(crate) fn watch() {
    xenstore::write("data/watched", b"").expect("write");
    let watch = xenstore::watch("data/watched").expect("watch");
    xenstore::write("data/ready", b"1").expect("write");
    loop {
        watch.wait();
        let value = xenstore::read("data/watched").expect("read");
        println!("seen: {}", value.escape_ascii());
        if value == b"end" {
            return;
        }
    }
}
