//! Futures that are dropped at any step: no call and no identifier is left, and what comes after
//! works as if nothing had been.

use super::super::{Parent, ReadAhead};
use super::*;
use crate::wire::{LockKind, SetAttributes};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::pin::Pin;
use core::task::{Context, Waker};

fn tree(tree: &mut Tree) {
    tree.put_file("a/b/file", &pattern(150_000));
    tree.put_symlink("a/link", "../a/b/./file");
    tree.put_symlink("dangling", "a/new");
    for i in 0..100 {
        tree.put_file(&std::format!("many/{i}"), b"");
    }
}

/// Small pieces: as many steps with fewer bytes.
fn bed() -> Bed {
    let limits = Limits {
        piece: 16 << 10,
        bytes: 128 << 10,
        ahead: 128 << 10,
        listing: 1000,
        ..Limits::default()
    };
    Bed::with(limits, tree)
}

type Step<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What is dropped: each runs to its end if it is left alone.
fn operations(bed: &Bed) -> Vec<(&'static str, Step<'_>)> {
    let client = bed.client();
    let open = move |path: &'static str, how: OpenHow| async move {
        let file = client.open(path.as_bytes(), &how, 0).await.unwrap();
        let mut buffer = vec![0; 100_000];
        file.read_at(&mut buffer, 0).await.unwrap();
        file.attributes().await.unwrap();
    };
    let new = OpenHow {
        create: Create::New,
        ..writing()
    };
    let append = OpenHow {
        append: true,
        ..writing()
    };
    let parent = move |path: &'static str| async move {
        client.resolve_parent(path.as_bytes(), 0).await.unwrap()
    };
    vec![
        (
            "open",
            Box::pin(open("a/b/file", OpenHow::reading())) as Step<'_>,
        ),
        (
            "open through a link",
            Box::pin(open("a/link", OpenHow::reading())),
        ),
        (
            "create or open, there",
            Box::pin(open("a/b/file", writing())),
        ),
        (
            "create or open, missing",
            Box::pin(open("a/b/made", writing())),
        ),
        (
            "create where a link points",
            Box::pin(open("dangling", writing())),
        ),
        ("create in the root", Box::pin(open("made", writing()))),
        ("create, in the root", Box::pin(open("made-new", new))),
        ("create", Box::pin(open("a/b/made-new", new))),
        (
            "resolve upwards",
            Box::pin(async move {
                client.resolve(b"a/link/../x", true, 0).await.unwrap_err();
                client
                    .resolve(b"a/b/../b/../missing/x", true, 0)
                    .await
                    .unwrap_err();
                client.resolve(b"a/b/../b/..", true, 0).await.unwrap();
            }),
        ),
        (
            "write",
            Box::pin(async move {
                let file = client.open(b"written", &writing(), 0).await.unwrap();
                file.write_at(&pattern(150_000), 5).await.unwrap();
                file.set_len(5).await.unwrap();
                file.sync(true).await.unwrap();
            }),
        ),
        (
            "append",
            Box::pin(async move {
                let file = client.open(b"appended", &append, 0).await.unwrap();
                file.append(&pattern(50_000)).await.unwrap();
            }),
        ),
        (
            "read ahead",
            Box::pin(async move {
                let file = client
                    .open(b"a/b/file", &OpenHow::reading(), 0)
                    .await
                    .unwrap();
                let mut ahead = ReadAhead::new();
                let mut buffer = vec![0; 10_000];
                for i in 0..10 {
                    ahead.read(&file, &mut buffer, i * 10_000).await.unwrap();
                }
            }),
        ),
        (
            "list",
            Box::pin(async move {
                let node = client.resolve(b"many", true, 0).await.unwrap();
                let mut directory = node.entries().await.unwrap();
                while directory.next().await.unwrap().is_some() {}
            }),
        ),
        (
            "list the root",
            Box::pin(async move {
                let mut directory = client.root().entries().await.unwrap();
                while directory.next().await.unwrap().is_some() {}
            }),
        ),
        (
            "names",
            Box::pin(async move {
                let from: Parent<Straight> = parent("a/x").await;
                from.symlink(b"target").await.ok();
                let to = parent("a/b/y").await;
                from.rename(&to).await.ok();
                let node = to.directory().lookup(b"y").await.unwrap();
                node.read_link().await.unwrap();
                parent("a/z/").await.make_directory(0o755).await.ok();
                parent("a/z/").await.remove_directory().await.unwrap();
                parent("a/b/y").await.remove_file().await.unwrap();
                parent("a/b/file/").await.remove_file().await.unwrap_err();
            }),
        ),
        (
            "attributes",
            Box::pin(async move {
                let node = client.resolve(b"a/b/file", true, 0).await.unwrap();
                node.attributes().await.unwrap();
                let mode = Some(0o600);
                let change = SetAttributes {
                    mode,
                    ..SetAttributes::default()
                };
                node.set_attributes(change).await.unwrap();
                node.statfs().await.unwrap();
                let file = node.open(&OpenHow::reading()).await.unwrap();
                let range = super::super::Range::ALL;
                file.try_lock(LockKind::Read, range, 1, b"g", false)
                    .await
                    .unwrap();
            }),
        ),
    ]
}

#[test]
fn at_every_step_in_every_order() {
    for order in [
        Order::Late,
        Order::Backwards,
        Order::Shuffled(7),
        Order::Held,
    ] {
        let count = operations(&bed()).len();
        for index in 0..count {
            let mut steps = 0;
            loop {
                let bed = bed();
                bed.straight.set_order(order);
                let (what, mut operation) = operations(&bed).swap_remove(index);
                let ended = poll(&bed, &mut operation, steps);
                drop(operation);
                assert_eq!(bed.straight.calls(), 0, "{what} after {steps} in {order:?}");
                assert_eq!(
                    bed.straight.fids().len(),
                    1,
                    "{what} after {steps} in {order:?}"
                );
                bed.straight.set_order(Order::AtOnce);
                // The volume still works.
                assert_eq!(
                    bed.run(bed.client().resolve(b"a/link", true, 0))
                        .unwrap()
                        .path(),
                    b"a/b/file"
                );
                if ended {
                    break;
                }
                // The first steps one by one, then ever larger ones.
                steps += 1 + steps / 16;
                assert!(steps < 10_000, "{what} does not end");
            }
        }
    }
}

/// Polls so often at most; whether it ended.
fn poll(bed: &Bed, operation: &mut Step<'_>, steps: usize) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    for step in 0..=steps {
        if operation.as_mut().poll(&mut context).is_ready() {
            return true;
        }
        // Those that are held are carried out here, from both ends.
        let waiting = bed.straight.waiting();
        if waiting > 0 && step % 2 == 1 {
            bed.straight.carry_out(step % 3 % waiting);
        }
    }
    false
}

/// A write that was given up is over for those who read ahead, too.
#[test]
fn a_write_that_was_given_up() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", &pattern(1 << 20)));
    let file = bed.writing("f");
    let mut ahead = ReadAhead::new();
    let mut buffer = vec![0; 4096];
    for i in 0..3 {
        bed.run(ahead.read(&file, &mut buffer, i * 4096)).unwrap();
    }
    assert!(ahead.pieces() > 0);
    bed.straight.set_order(Order::Held);
    assert!(
        bed.straight
            .run(file.write_at(&[0xee; 4096], 3 * 4096))
            .is_none()
    );
    while bed.straight.waiting() > 0 {
        bed.straight.carry_out(0);
    }
    bed.straight.set_order(Order::Late);
    let before = bed.count(Kind::Read);
    bed.run(ahead.read(&file, &mut buffer, 3 * 4096)).unwrap();
    assert!(bed.count(Kind::Read) > before, "it was asked for again");
    let written = bed.tree().content("f")[3 * 4096..][..4096] == [0xee; 4096];
    assert_eq!(buffer == [0xee; 4096], written);
}
