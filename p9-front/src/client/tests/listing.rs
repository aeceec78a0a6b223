//! Directories, large and odd.

use super::super::Entry;
use super::*;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

impl Bed {
    #[track_caller]
    fn list(&self, path: &str) -> Result<Vec<Entry>, Error> {
        let node = self.run(self.client().resolve(path.as_bytes(), true, 0));
        let mut directory = self.run(node.unwrap().entries())?;
        let mut all = Vec::new();
        while let Some(entry) = self.run(directory.next())? {
            all.push(entry);
        }
        assert_eq!(self.run(directory.next()), Ok(None), "it stays at the end");
        Ok(all)
    }
}

#[test]
fn ten_thousand_files_in_any_order() {
    for order in ORDERS {
        let bed = Bed::new(|tree| {
            for i in 0..10_000 {
                tree.put_file(&std::format!("d/file-{i}"), b"");
            }
        });
        bed.straight.set_order(order);
        let before = bed.requests();
        let all = bed.list("d").unwrap();
        let names: BTreeSet<_> = all.iter().map(|entry| &entry.name).collect();
        assert_eq!((all.len(), names.len()), (10_000, 10_000));
        // Some 34 bytes an entry, 64 KiB a piece.
        assert!(bed.requests() - before < 12, "{}", bed.requests() - before);
    }
}

#[test]
fn kinds_and_dots() {
    let bed = Bed::new(|tree| {
        tree.put_directory("d/sub");
        tree.put_file("d/file", b"");
        tree.put_symlink("d/link", "x");
    });
    let mut all = bed.list("d").unwrap();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let seen: Vec<_> = all.iter().map(|e| (&e.name[..], e.kind)).collect();
    assert_eq!(seen, [(&b"file"[..], 8), (b"link", 10), (b"sub", 4)]);
    assert_eq!(
        bed.list("/").unwrap().len(),
        1,
        "the root can be listed again"
    );
    assert_eq!(bed.list("d/sub").unwrap(), []);
    assert_eq!(bed.list("d/file"), Err(Errno::ENOTDIR.into()));
}

/// Memory is bounded by the piece, whatever the size of the directory.
#[test]
fn small_pieces_and_what_is_held() {
    let limits = Limits {
        listing: 400,
        ..Limits::default()
    };
    let bed = Bed::with(limits, |tree| {
        for i in 0..200 {
            tree.put_file(&std::format!("d/{i}"), b"");
        }
    });
    assert_eq!(bed.list("d").unwrap().len(), 200);
    assert!(bed.straight.most_waiting() <= 1, "one piece ahead");
}

#[test]
fn given_up_and_asked_again() {
    let bed = Bed::new(|tree| {
        for i in 0..5000 {
            tree.put_file(&std::format!("d/{i}"), b"");
        }
    });
    let node = bed.run(bed.client().resolve(b"d", true, 0)).unwrap();
    let mut directory = bed.run(node.entries()).unwrap();
    bed.straight.set_order(Order::Held);
    let mut names = BTreeSet::new();
    loop {
        // Nobody answers, and the future is dropped; then somebody does.
        if let Some(entry) = bed.straight.run(directory.next()) {
            match entry.unwrap() {
                Some(entry) => assert!(names.insert(entry.name)),
                None => break,
            }
        } else {
            assert_eq!(bed.straight.waiting(), 1, "it is still asked for");
            bed.straight.carry_out(0);
        }
    }
    assert_eq!(names.len(), 5000);
}

#[test]
fn left_in_the_middle() {
    let bed = Bed::new(|tree| {
        for i in 0..5000 {
            tree.put_file(&std::format!("d/{i}"), b"");
        }
    });
    bed.straight.set_order(Order::Late);
    let node = bed.run(bed.client().resolve(b"d", true, 0)).unwrap();
    let mut directory = bed.run(node.entries()).unwrap();
    assert!(bed.run(directory.next()).unwrap().is_some());
    drop(directory);
    bed.assert_clean();
}
