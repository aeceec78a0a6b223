//! The server's limits for a domain: each is met by an error of its kind, and what is given back can
//! be had again. The limits are those of Xen 4.17.

use alloc::format;
use alloc::vec::Vec;

use rt::io::{self, ErrorKind};
use rt::xenstore::{self, Access, DomainId, Permission, Watch};
use rt::{println, thread};

use crate::wire::{TRANSACTION_START, Tool};

pub(crate) fn all() {
    let watches = watches();
    let transactions = transactions();
    println!("{watches} watches, {transactions} transactions");
    for _ in 0..3 {
        assert_eq!(self::watches(), watches);
        assert_eq!(self::transactions(), transactions);
    }
    permissions();
    nodes();
}

/// As many as there are, typed; then dropped.
fn watches() -> usize {
    let all: Vec<io::Result<Watch>> = (0..200)
        .map(|n| xenstore::watch(format!("data/watched/{n}")))
        .collect();
    let made = all.iter().filter(|watch| watch.is_ok()).count();
    for error in all.iter().filter_map(|watch| watch.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
    }
    assert!((100..=128).contains(&made), "{made} watches");
    made
}

/// As many as there are, raw; then the stream is closed.
fn transactions() -> usize {
    let mut tool = Tool::new();
    let made = (0..20)
        .take_while(|_| match tool.ask(TRANSACTION_START, 0, b"\0") {
            Ok(_) => true,
            Err(name) => {
                assert_eq!(name, "ENOSPC");
                false
            }
        })
        .count();
    // Typed ones wait for a while, and are told the kind.
    let error = xenstore::transaction(|store| store.read("name")).expect_err("none is left");
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    // xenstored lets one more through than it says.
    assert!((10..=11).contains(&made), "{made} transactions");
    made
}

fn permissions() {
    let own = xenstore::domid().expect("a number");
    let owner = Permission {
        access: Access::None,
        domain: own,
    };
    let mut permissions = Vec::from([owner]);
    permissions.extend((1..8).map(|n| Permission {
        access: Access::Read,
        domain: DomainId(1000 + n),
    }));
    xenstore::write("data/listed", "x").expect("write");
    let error = xenstore::set_permissions("data/listed", &permissions).expect_err("too many");
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    xenstore::set_permissions("data/listed", &permissions[..5]).expect("as many as may be");
}

/// More writes than the server takes in a second, from eight threads, until there are no more nodes.
fn nodes() {
    let made: usize = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| scope.spawn(move || fill(writer)))
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().expect("no panic"))
            .sum()
    });
    println!("{made} nodes");
    assert!((800..1000).contains(&made), "{made} nodes");
    xenstore::rm("data/filled").expect("rm");
    xenstore::write("data/filled/again", "x").expect("there is room again");
}

/// Makes nodes until it may not. How many.
fn fill(writer: usize) -> usize {
    // A node holds the names of its children: 2048 bytes of them.
    for n in 0..1000usize {
        let path = format!("data/filled/{writer}/{}/{n}", n / 100);
        if let Err(error) = xenstore::write(&path, "x") {
            assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
            return n + n.div_ceil(100);
        }
    }
    panic!("a thousand nodes of one writer");
}
