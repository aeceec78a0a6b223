//! The server in memory against Linux: the same operations on both, with the same results, the same
//! errors and the same files in the end. This is what makes tests against that server worth
//! something.
//!
//! Linux is what is below the folder of temporary files here. Permissions are not compared in what
//! they forbid: the server is root, who runs the tests may be somebody else. So everything made here
//! may be read, written and entered by its owner.

mod host;
mod memory;
mod operation;

use host::Host;
use memory::Memory;
use operation::{Operation, Place, operation};
use proptest::prelude::*;

/// Plays them on both and compares.
fn compare(operations: &[Operation]) -> Result<(), TestCaseError> {
    let mut host = Host::new();
    let mut memory = Memory::new();
    for (step, operation) in operations.iter().enumerate() {
        let expected = host.play(operation);
        let seen = memory.play(operation);
        prop_assert_eq!(seen, expected, "step {}: {:?}", step, operation);
    }
    host.close_all();
    memory.close_all();
    prop_assert_eq!(memory.listing(), host.listing());
    prop_assert_eq!(memory.complaints(), Vec::<String>::new());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn linux_and_the_server_in_memory_do_the_same(
        operations in proptest::collection::vec(operation(), 1..80),
    ) {
        compare(&operations)?;
    }
}

/// `a/b` from the root; `1:a/b` from the directory that is open in slot 1.
fn at(path: &'static str) -> Place {
    let (slot, path) = match path.split_once(':') {
        Some((slot, path)) => (Some(slot.parse().expect("a number")), path),
        None => (None, path),
    };
    let mut directories: Vec<_> = path.split('/').collect();
    let name = directories.pop().unwrap_or_default().to_string();
    Place {
        slot,
        directories,
        name,
    }
}

fn make(path: &'static str) -> Operation {
    let (place, mode) = (at(path), 0o755);
    Operation::MakeDirectory { place, mode }
}

fn create(path: &'static str) -> Operation {
    Operation::Create {
        slot: 0,
        place: at(path),
        flags: 0o202,
        mode: 0o644,
    }
}

fn hold(slot: usize, path: &'static str) -> Operation {
    let (place, flags) = (at(path), 0o200_000);
    Operation::Open { slot, place, flags }
}

fn rename(from: &'static str, to: &'static str) -> Operation {
    let (from, to) = (at(from), at(to));
    Operation::Rename { from, to }
}

fn remove(path: &'static str, is_directory: bool) -> Operation {
    let place = at(path);
    Operation::Unlink {
        place,
        is_directory,
    }
}

/// What chance rarely comes upon.
#[test]
fn nothing_is_made_in_a_directory_that_is_gone() -> Result<(), TestCaseError> {
    let (from, to) = (at("file"), at("1:link"));
    compare(&[
        make("a"),
        make("a/b"),
        create("file"),
        hold(1, "a/b"),
        hold(2, "a"),
        remove("a/b", true),
        remove("a", true),
        create("1:x"),
        make("1:x"),
        rename("file", "1:x"),
        Operation::Link { from, to },
        remove("1:x", false),
        Operation::List { slot: 1 },
        Operation::StatAt { place: at("2:b") },
        make("a"),
        make("2:b"),
    ])
}

#[test]
fn a_directory_that_was_moved_has_another_above_it() -> Result<(), TestCaseError> {
    compare(&[
        make("a"),
        make("b"),
        make("a/x"),
        hold(1, "a/x"),
        rename("a/x", "b/x"),
        rename("a", "1:a"),
        rename("b", "1:b"),
        rename("1:a", "c"),
        rename("b", "b/x/y"),
        rename("c", "b/x/c"),
        rename("b/x/c", "b/x"),
        rename("b/x", "b/x/c"),
        remove("b", true),
    ])
}

#[test]
fn two_names_of_one_file_stay_two_when_one_replaces_the_other() -> Result<(), TestCaseError> {
    let (from, to) = (at("a"), at("b"));
    compare(&[
        create("a"),
        Operation::Link { from, to },
        rename("a", "b"),
        Operation::Stat { slot: 0 },
        remove("a", false),
        Operation::Stat { slot: 0 },
        remove("b", false),
        Operation::Stat { slot: 0 },
        Operation::Link {
            from: at("a"),
            to: at("c"),
        },
        Operation::Write {
            slot: 0,
            offset: 5,
            data: vec![1],
        },
        Operation::Stat { slot: 0 },
    ])
}
