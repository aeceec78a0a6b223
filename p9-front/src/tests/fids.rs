//! The life of file identifiers: forgotten when nobody needs them, used again when the server has
//! forgotten them.

use super::{
    Rig, assert_idle, done, fid, get, known_fid, message, next, refusal, reply, rings, small,
    submit,
};
use crate::test_utils::Manner;
use crate::wire::{Fid, Header, Kind, Request, Tag};
use crate::{Config, Errno, Error};

/// A walk that makes `new_fid`.
fn walk<'a>(fid: Fid, new_fid: Fid, names: &'a [&'a [u8]]) -> Request<'a> {
    Request::Walk {
        fid,
        new_fid,
        names,
    }
}

/// An `Rwalk` of so many names.
fn walked(tag: Tag, names: u16) -> alloc::vec::Vec<u8> {
    let mut body = names.to_le_bytes().to_vec();
    body.resize(2 + 13 * usize::from(names), 0);
    message(Kind::Walk.answer(), tag, &body)
}

/// What the session asked last is to forget this identifier.
#[track_caller]
fn expect_clunk(rig: &mut Rig, fid: Fid) -> Header {
    rig.idle();
    let (head, message) = next(rig, 0);
    assert_eq!(head.kind, Kind::Clunk.number());
    assert_eq!(message[7..], fid.0.to_le_bytes());
    head
}

#[track_caller]
fn expect_silence(rig: &mut Rig) {
    rig.idle();
    for ring in 0..rig.peer.rings() {
        assert_eq!(rig.peer.ring(ring).take(), None);
    }
}

#[test]
fn a_number_is_used_again_only_when_the_server_has_forgotten_it() {
    let mut rig = small();
    let first = known_fid(&mut rig);
    rig.session.forget(first, 0);
    let head = expect_clunk(&mut rig, first);
    assert_ne!(fid(&mut rig), first);
    reply(&mut rig, 0, &done(Kind::Clunk, head.tag));
    assert_eq!(fid(&mut rig), first);
    assert_eq!(rig.session.stats().clunks, 1);
}

#[test]
fn a_number_that_was_never_sent_needs_no_clunk() {
    let mut rig = small();
    let first = fid(&mut rig);
    rig.session.forget(first, 0);
    expect_silence(&mut rig);
    assert_eq!(fid(&mut rig), first);
}

#[test]
fn whatever_the_server_says_to_a_clunk_the_number_is_free() {
    for answer in [
        refusal(Tag(0), 9),
        done(Kind::Clunk, Tag(0)),
        done(Kind::Statfs, Tag(0)),
        message(Kind::Clunk.answer(), Tag(0), &[1, 2, 3]),
    ] {
        let mut rig = small();
        let first = known_fid(&mut rig);
        rig.session.forget(first, 0);
        let head = expect_clunk(&mut rig, first);
        assert_eq!(head.tag, Tag(0));
        reply(&mut rig, 0, &answer);
        assert_eq!(fid(&mut rig), first);
        rig.session.forget(first, 0);
        assert_eq!(rig.session.stats().fids, 0);
    }
}

#[test]
fn a_walk_that_was_refused_or_cut_short_made_nothing() {
    let names: &[&[u8]] = &[b"a", b"b"];
    for (answer, made) in [
        (refusal(Tag(0), 2), false),
        (walked(Tag(0), 1), false),
        (walked(Tag(0), 2), true),
        // Nobody knows.
        (walked(Tag(0), 3), true),
        (message(99, Tag(0), &[]), true),
    ] {
        let mut rig = small();
        let root = known_fid(&mut rig);
        let new = fid(&mut rig);
        let id = submit(&mut rig, &walk(root, new, names));
        let (head, _) = next(&mut rig, 0);
        assert_eq!(head.tag, Tag(0));
        reply(&mut rig, 0, &answer);
        assert!(rig.answer(id).is_some());
        rig.session.forget(new, 0);
        if made {
            expect_clunk(&mut rig, new);
        } else {
            expect_silence(&mut rig);
            assert_eq!(fid(&mut rig), new, "{answer:?}");
        }
    }
}

#[test]
fn a_walk_to_itself_makes_and_unmakes_nothing() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let id = submit(&mut rig, &walk(root, root, &[b"a"]));
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 0, &refusal(head.tag, 2));
    assert!(rig.answer(id).is_some());
    rig.session.forget(root, 0);
    expect_clunk(&mut rig, root);
}

#[test]
fn what_calls_name_is_not_forgotten_before_they_are_answered() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let new = fid(&mut rig);
    let calls = [submit(&mut rig, &get(root)), submit(&mut rig, &get(root))];
    submit(&mut rig, &walk(root, new, &[]));
    rig.session.forget(root, 0);
    rig.session.forget(new, 0);
    let heads = [(); 3].map(|()| next(&mut rig, 0).0);
    expect_silence(&mut rig);
    // Taken or not makes no difference.
    reply(&mut rig, 0, &refusal(heads[0].tag, 5));
    reply(&mut rig, 0, &refusal(heads[1].tag, 5));
    assert!(rig.answer(calls[0]).is_some());
    expect_silence(&mut rig);
    reply(&mut rig, 0, &walked(heads[2].tag, 0));
    rig.idle();
    let mut clunked: alloc::vec::Vec<_> = core::iter::from_fn(|| rig.peer.ring(0).take())
        .map(|message| message[7])
        .collect();
    clunked.sort_unstable();
    assert_eq!(clunked, [0, 1]);
}

#[test]
fn a_call_with_a_number_that_is_nobodys_is_refused() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    for stranger in [Fid(1), Fid(77), Fid::NONE] {
        let refused = Err(Error::Server(Errno::EBADF));
        assert_eq!(rig.submit(&get(stranger)), refused);
        assert_eq!(rig.submit(&walk(root, stranger, &[])), refused);
        rig.session.forget(stranger, 0);
    }
    rig.session.forget(root, 0);
    assert_eq!(rig.submit(&get(root)), Err(Error::Server(Errno::EBADF)));
    rig.session.forget(root, 0);
    assert_eq!(rig.session.stats().fids, 1, "one clunk is under way");
}

#[test]
fn a_clunk_of_the_callers_own_is_the_only_one() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let id = submit(&mut rig, &Request::Clunk { fid: root });
    let head = expect_clunk(&mut rig, root);
    rig.session.forget(root, 0);
    reply(&mut rig, 0, &refusal(head.tag, 28));
    assert_eq!(rig.answer(id), Some(Err(Error::Server(Errno::ENOSPC))));
    expect_silence(&mut rig);
    assert_eq!(rig.session.stats().fids, 0);
    assert_idle(&rig);
}

#[test]
fn numbers_are_bounded_and_clunks_come_a_few_at_a_time() {
    let config = Config {
        fids: 100,
        ..Config::default()
    };
    let mut rig = Rig::new(config, 2, 5, Manner::Qemu, 0);
    let root = rig.attach();
    let fids: alloc::vec::Vec<_> = (1..100)
        .map(|_| {
            let new = fid(&mut rig);
            rig.ask(&walk(root, new, &[])).expect("copied");
            new
        })
        .collect();
    assert_eq!(rig.session.new_fid(), Err(Error::Busy));
    for fid in fids {
        rig.session.forget(fid, rig.now_ns);
    }
    assert_eq!(rig.session.stats().clunks, 16);
    rig.settle();
    assert_eq!(rig.session.stats().clunks, 99);
    assert_eq!(rig.session.stats().fids, 1);
    assert_eq!(rig.server.fids().count(), 1);
}

#[test]
fn forgetting_a_thousand_costs_few_notifications() {
    let mut rig = rings(1);
    let root = rig.attach();
    let fids: alloc::vec::Vec<_> = (0..1000)
        .map(|_| {
            let new = fid(&mut rig);
            rig.ask(&walk(root, new, &[])).expect("copied");
            new
        })
        .collect();
    rig.peer.set_manner(Manner::Eager);
    let before = rig.platform.all_notifications();
    for fid in fids {
        rig.session.forget(fid, rig.now_ns);
    }
    rig.settle();
    assert_eq!(rig.session.stats().fids, 1);
    let notified = rig.platform.all_notifications() - before;
    assert!(notified <= 1000 / 16 + 1, "{notified}");
}
