//! Calls that are given up: `Tflush` and all that may follow.

use alloc::vec::Vec;

use super::{
    Rig, assert_idle, data, done, fid, get, header, known_fid, message, next, refusal, reply,
    rings, small, submit,
};
use crate::client::CallId;
use crate::config::SECOND_NS;
use crate::test_utils::Manner;
use crate::wire::{Fid, Kind, Request, Tag};
use crate::{Config, Error};

/// A call that was sent and given up; its tag and that of its `Tflush`.
#[track_caller]
fn given_up(rig: &mut Rig, request: &Request<'_>) -> (CallId, Tag, Tag) {
    let id = submit(rig, request);
    let (head, _) = next(rig, 0);
    rig.session.drop_call(id, rig.now_ns);
    rig.idle();
    let (flush, message) = next(rig, 0);
    assert_eq!(flush.kind, Kind::Flush.number());
    assert_eq!(message[7..], head.tag.0.to_le_bytes());
    (id, head.tag, flush.tag)
}

/// Tags of as many calls as there are in flight plus some: which are free.
#[track_caller]
fn tags_of_new_calls(rig: &mut Rig, fid: Fid, count: usize) -> Vec<Tag> {
    for _ in 0..count {
        submit(rig, &get(fid));
    }
    core::iter::from_fn(|| rig.peer.ring(0).take())
        .map(|message| header(&message).tag)
        .collect()
}

#[test]
fn what_was_not_sent_is_given_up_without_a_word() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let new = fid(&mut rig);
    let write = Request::Write {
        fid: root,
        offset: 0,
        data: &[0; 4000],
    };
    submit(&mut rig, &write);
    submit(&mut rig, &write);
    let walk = Request::Walk {
        fid: root,
        new_fid: new,
        names: &[],
    };
    let big = submit(&mut rig, &write);
    let small = submit(&mut rig, &walk);
    rig.session.drop_call(small, 0);
    rig.session.drop_call(big, 0);
    rig.session.forget(new, 0);
    assert_eq!(rig.session.stats().in_flight, 2);
    assert_eq!(rig.session.stats().flushes, 0);
    assert_eq!(fid(&mut rig), new, "it was never made");
}

#[test]
fn the_answer_may_come_before_that_to_the_flush() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let (id, tag, flush) = given_up(&mut rig, &get(root));
    reply(&mut rig, 0, &refusal(tag, 5));
    assert_eq!(rig.session.stats().in_flight, 1, "the tag is not free yet");
    assert!(!tags_of_new_calls(&mut rig, root, 3).contains(&tag));
    reply(&mut rig, 0, &done(Kind::Flush, flush));
    assert_eq!(rig.session.stats().in_flight, 3);
    let free = tags_of_new_calls(&mut rig, root, 2);
    assert!(free.contains(&tag) && free.contains(&flush), "{free:?}");
    assert_eq!(rig.answer(id), Some(Err(Error::Gone)));
    assert_eq!(rig.session.stats().bad_answers, 0);
}

#[test]
fn after_the_answer_to_the_flush_none_comes() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let (_, tag, flush) = given_up(&mut rig, &get(root));
    reply(&mut rig, 0, &done(Kind::Flush, flush));
    assert_idle(&rig);
    // One that comes all the same is an answer to nothing.
    reply(&mut rig, 0, &refusal(tag, 5));
    assert_eq!(rig.session.stats().bad_answers, 1);
    assert_eq!(rig.session.fault(), None);
}

#[test]
fn what_a_flushed_walk_was_to_make_is_clunked_to_be_sure() {
    for late in [false, true] {
        let mut rig = small();
        let root = known_fid(&mut rig);
        let new = fid(&mut rig);
        let walk = Request::Walk {
            fid: root,
            new_fid: new,
            names: &[],
        };
        let (_, tag, flush) = given_up(&mut rig, &walk);
        rig.session.forget(new, 0);
        rig.idle();
        assert_eq!(rig.peer.ring(0).take(), None, "it may be made yet");
        if late {
            reply(&mut rig, 0, &message(111, tag, &[0, 0]));
        }
        reply(&mut rig, 0, &done(Kind::Flush, flush));
        rig.idle();
        let (clunk, body) = next(&mut rig, 0);
        assert_eq!(clunk.kind, Kind::Clunk.number());
        assert_eq!(body[7..], new.0.to_le_bytes());
        reply(&mut rig, 0, &refusal(clunk.tag, 2));
        assert_eq!(fid(&mut rig), new);
        assert_idle(&rig);
    }
}

#[test]
fn a_server_without_flush_is_asked_once() {
    for refused in [refusal(Tag(1), 95), message(77, Tag(1), &[])] {
        let mut rig = small();
        let root = known_fid(&mut rig);
        let (_, tag, flush) = given_up(&mut rig, &get(root));
        assert_eq!(flush, Tag(1));
        reply(&mut rig, 0, &refused);
        assert_eq!(rig.session.stats().in_flight, 1, "its answer will come");
        let second = submit(&mut rig, &get(root));
        let (head, _) = next(&mut rig, 0);
        assert_eq!(head.tag, Tag(1), "that of the flush is free");
        rig.session.drop_call(second, 0);
        rig.idle();
        assert_eq!(rig.peer.ring(0).take(), None);
        reply(&mut rig, 0, &refusal(tag, 5));
        reply(&mut rig, 0, &refusal(head.tag, 5));
        assert_idle(&rig);
        assert_eq!(rig.session.stats().flushes, 1);
    }
}

#[test]
fn a_server_that_never_answers_a_flush_costs_one_tag() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let (_, tag, flush) = given_up(&mut rig, &get(root));
    reply(&mut rig, 0, &refusal(tag, 5));
    rig.advance(10 * SECOND_NS - 1);
    assert_eq!(rig.session.stats().in_flight, 1);
    rig.advance(1);
    assert_eq!(rig.session.stats().in_flight, 0);
    let used = tags_of_new_calls(&mut rig, root, 4);
    assert!(used.contains(&tag) && !used.contains(&flush), "{used:?}");
    // It is not asked again.
    let again = submit(&mut rig, &get(root));
    let (head, _) = next(&mut rig, 0);
    rig.session.drop_call(again, rig.now_ns);
    rig.idle();
    assert_eq!(rig.peer.ring(0).take(), None);
    reply(&mut rig, 0, &refusal(head.tag, 5));
    // It comes after all.
    reply(&mut rig, 0, &done(Kind::Flush, flush));
    assert_eq!(tags_of_new_calls(&mut rig, root, 1), [flush]);
    assert_eq!(rig.session.stats().bad_answers, 0);
}

#[test]
fn a_server_that_answers_nothing_makes_no_tag_free() {
    let config = Config {
        calls: 3,
        ..Config::default()
    };
    let mut rig = Rig::new(config, 1, 2, Manner::Qemu, 0);
    let root = known_fid(&mut rig);
    for _ in 0..3 {
        given_up(&mut rig, &get(root));
    }
    rig.advance(1000 * SECOND_NS);
    assert_eq!(rig.submit(&get(root)), Err(Error::Busy));
    assert_eq!(rig.session.stats().in_flight, 3);
}

#[test]
fn a_flush_goes_to_the_ring_of_its_call_and_before_what_waits_there() {
    let mut rig = rings(2);
    let root = known_fid(&mut rig);
    let read = Request::Read {
        fid: root,
        offset: 0,
        count: 30_000,
    };
    let ids: Vec<_> = (0..6).map(|_| submit(&mut rig, &read)).collect();
    let sent: Vec<_> = { core::iter::from_fn(|| rig.peer.ring(1).take()) }.collect();
    assert_eq!(sent.len(), 2, "a third waits");
    rig.session.drop_call(ids[1], 0);
    rig.idle();
    let (flush, body) = next(&mut rig, 1);
    assert_eq!(flush.tag.0 % 2, 1);
    assert_eq!(body[7..], header(&sent[0]).tag.0.to_le_bytes());
}

#[test]
fn a_flush_without_room_is_not_sent_when_the_answer_comes_first() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let write = Request::Write {
        fid: root,
        offset: 0,
        data: &[0; 4073],
    };
    let first = submit(&mut rig, &write);
    submit(&mut rig, &write);
    let tag = header(&rig.peer.ring(0).peek().expect("two fill the ring")).tag;
    rig.session.drop_call(first, 0);
    rig.idle();
    // A backend that has read a request and moves its index only when it has answered.
    rig.peer.ring(0).write(&refusal(tag, 5));
    rig.peer.ring(0).raise();
    rig.deliver();
    assert_eq!(rig.session.stats().in_flight, 1);
    rig.idle();
    let messages: Vec<_> = core::iter::from_fn(|| rig.peer.ring(0).take()).collect();
    assert_eq!(messages.len(), 2);
    rig.idle();
    assert_eq!(rig.peer.ring(0).take(), None);
}

#[test]
fn a_flush_without_room_goes_before_what_waits() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let write = Request::Write {
        fid: root,
        offset: 0,
        data: &[0; 4073],
    };
    let first = submit(&mut rig, &write);
    submit(&mut rig, &write);
    submit(&mut rig, &write);
    rig.session.drop_call(first, 0);
    rig.idle();
    let sent: Vec<_> = core::iter::from_fn(|| rig.peer.ring(0).take()).collect();
    assert_eq!(sent.len(), 2, "they fill the ring");
    rig.peer.ring(0).raise();
    rig.deliver();
    assert_eq!(next(&mut rig, 0).0.kind, Kind::Flush.number());
    assert_eq!(next(&mut rig, 0).0.kind, Kind::Write.number());
}

#[test]
fn large_answers_leave_room_for_that_to_a_flush() {
    let mut rig = rings(1);
    let fid = known_fid(&mut rig);
    let ids = [30_000, 30_000, 5000].map(|count| {
        let read = Request::Read {
            fid,
            offset: 0,
            count,
        };
        submit(&mut rig, &read)
    });
    rig.session.drop_call(ids[0], 0);
    rig.idle();
    let kinds: Vec<_> = core::iter::from_fn(|| rig.peer.ring(0).take())
        .map(|message| header(&message).kind)
        .collect();
    let (read, flush) = (Kind::Read.number(), Kind::Flush.number());
    assert_eq!(kinds, [read, read, flush]);
}

#[test]
fn data_that_nobody_waits_for_is_skipped_without_memory_for_it() {
    let mut rig = small();
    let root = known_fid(&mut rig);
    let read = Request::Read {
        fid: root,
        offset: 0,
        count: 4000,
    };
    let (_, tag, flush) = given_up(&mut rig, &read);
    let answer = data(tag, &[1; 4000]);
    reply(&mut rig, 0, &answer[..2000]);
    reply(&mut rig, 0, &answer[2000..]);
    reply(&mut rig, 0, &done(Kind::Flush, flush));
    assert_idle(&rig);
    assert_eq!(rig.session.stats().bad_answers, 0);
}

#[test]
fn calls_dropped_at_any_time_leave_nothing() {
    for manner in [
        Manner::Eager,
        Manner::Qemu,
        Manner::Pieces(5),
        Manner::Shuffled(1),
    ] {
        for turns in 0..6 {
            let mut rig = Rig::new(Config::default(), 2, 2, manner, 0);
            let root = rig.attach();
            for _ in 0..20 {
                let new = fid(&mut rig);
                let walk = Request::Walk {
                    fid: root,
                    new_fid: new,
                    names: &[],
                };
                let calls = [
                    rig.submit(&walk).expect("taken"),
                    rig.submit(&get(root)).expect("taken"),
                ];
                for _ in 0..turns {
                    rig.turn();
                }
                for id in calls {
                    rig.session.drop_call(id, rig.now_ns);
                }
                rig.session.forget(new, rig.now_ns);
            }
            rig.settle();
            assert_idle(&rig);
            let stats = rig.session.stats();
            assert_eq!((stats.fids, stats.bad_answers), (1, 0), "{manner:?}");
            assert_eq!(rig.server.fids().count(), 1);
        }
    }
}
