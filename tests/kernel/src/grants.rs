//! The grant table grows, and everything comes back.

use alloc::vec::Vec;

use rt::kernel::grant;
use rt::kernel::mem::Pages;
use rt::println;

pub(crate) fn all() {
    let before = grant::in_use();
    let page = Pages::zeroed(1).expect("a page");
    // More than four pages of the table hold.
    let references: Vec<_> = (0..2500)
        .map(|_| grant::share(0, page.mfn(0), false).expect("the table grows"))
        .collect();
    let mut distinct = references.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(
        distinct.len(),
        references.len(),
        "a grant was handed out twice"
    );
    assert!(distinct[0] >= 8, "the first eight are the toolstack's");
    assert_eq!(grant::in_use(), before + 2500);
    for reference in &references {
        grant::revoke(*reference).expect("nobody maps it");
        grant::revoke(*reference).expect("revoking twice changes nothing");
    }
    references.into_iter().for_each(grant::free);
    assert_eq!(grant::in_use(), before);

    // The host allows so many pages of 512; then it is an error, not a panic.
    let mut many = Vec::new();
    let error = loop {
        match grant::share(0, page.mfn(0), true) {
            Ok(reference) => many.push(reference),
            Err(error) => break error,
        }
    };
    println!("after {} grants: {error}", many.len());
    for reference in many {
        grant::revoke(reference).expect("nobody maps it");
        grant::free(reference);
    }
    assert_eq!(grant::in_use(), before);
}
