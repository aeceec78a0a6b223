//! Requests out, answers in: sizes, room, rings and tags.

use alloc::vec;
use alloc::vec::Vec;
use core::task::Poll;

use xen_front::test_utils::CountingWaker;

use super::{
    NEAR_WRAP, assert_idle, data, done, get, header, known_fid, message, next, refusal, reply,
    rings, small, submit,
};
use crate::test_utils::{FakeStore, Manner, Rig, Shared};
use crate::wire::{Kind, Request, Response, Tag, VERSION};
use crate::{Config, Errno, Error};

#[test]
fn a_client_reads_and_writes_a_file_through_any_backend() {
    for manner in [
        Manner::Eager,
        Manner::Qemu,
        Manner::Pieces(1),
        Manner::Pieces(1000),
        Manner::Shuffled(7),
    ] {
        for rings in [1, 2, 3, 4] {
            let mut rig = Rig::new(Config::default(), rings, 3, manner, NEAR_WRAP);
            let root = rig.attach();
            rig.server.tree.put_file("/x", &[]);
            let fid = super::fid(&mut rig);
            let walk = Request::Walk {
                fid: root,
                new_fid: fid,
                names: &[b"x"],
            };
            assert!(matches!(rig.ask(&walk), Ok(Response::Walked(_))));
            let open = Request::Open { fid, flags: 2 };
            assert!(matches!(rig.ask(&open), Ok(Response::Opened { .. })));
            let content: Vec<u8> = (0..60_000u32).map(|n| n.to_le_bytes()[1]).collect();
            for (number, piece) in content.chunks(4000).enumerate() {
                let offset = number as u64 * 4000;
                let write = Request::Write {
                    fid,
                    offset,
                    data: piece,
                };
                let len = u32::try_from(piece.len()).expect("short");
                assert_eq!(rig.ask(&write), Ok(Response::Written(len)));
            }
            let mut back = Vec::new();
            while let Ok(Response::Data(piece)) = rig.ask(&Request::Read {
                fid,
                offset: back.len() as u64,
                count: 5000,
            }) && !piece.is_empty()
            {
                back.extend_from_slice(&piece);
            }
            assert_eq!(back, content, "{manner:?} {rings}");
            rig.session.forget(fid, rig.now_ns);
            rig.session.forget(root, rig.now_ns);
            rig.settle();
            assert_eq!(rig.session.stats().fids, 0);
            assert_eq!(rig.server.fids().count(), 0);
            assert!(rig.server.complaints().is_empty());
            assert_idle(&rig);
        }
    }
}

#[test]
fn a_tag_names_its_ring_and_so_does_none() {
    for count in [1, 2, 3, 4, 5, 8] {
        let config = Config {
            rings: 8,
            ..Config::default()
        };
        let mut rig = Rig::new(config, count, 2, Manner::Qemu, 0);
        let count = usize::try_from(count).expect("small");
        assert_eq!(rig.peer.rings(), count);
        let version = Request::Version {
            msize: rig.session.msize(),
            version: VERSION,
        };
        submit(&mut rig, &version);
        let ring = 0xffff % count;
        let (head, _) = next(&mut rig, ring);
        assert_eq!(head.tag, Tag::NONE);
        reply(&mut rig, ring, &refusal(Tag::NONE, 5));
        let fid = known_fid(&mut rig);
        for _ in 0..6 * count {
            rig.submit(&get(fid)).expect("taken");
        }
        rig.idle();
        let mut tags = Vec::new();
        for ring in 0..count {
            for _ in 0..6 {
                let (head, _) = next(&mut rig, ring);
                assert_eq!(usize::from(head.tag.0) % count, ring);
                tags.push(head.tag.0);
            }
            assert_eq!(rig.peer.ring(ring).take(), None, "work is shared out");
        }
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 6 * count, "no tag twice");
    }
}

#[test]
fn only_one_version_at_a_time_has_no_tag() {
    let mut rig = small();
    let version = Request::Version {
        msize: 4096,
        version: VERSION,
    };
    let id = submit(&mut rig, &version);
    assert_eq!(rig.submit(&version), Err(Error::Busy));
    let (head, _) = next(&mut rig, 0);
    let mut body = 4096u32.to_le_bytes().to_vec();
    body.extend_from_slice(b"\x08\x009P2000.L");
    reply(
        &mut rig,
        0,
        &message(Kind::Version.answer(), head.tag, &body),
    );
    assert!(matches!(
        rig.answer(id),
        Some(Ok(Response::Version { msize: 4096, .. }))
    ));
    assert!(rig.submit(&version).is_ok());
}

#[test]
fn messages_are_at_most_half_an_array_and_what_the_server_agreed_to() {
    let mut rig = small();
    assert_eq!(rig.session.msize(), 4096);
    let fid = known_fid(&mut rig);
    let (largest, larger) = ([7; 4096 - 23], [7; 4096 - 22]);
    let write = |data| Request::Write {
        fid,
        offset: 0,
        data,
    };
    assert_eq!(rig.submit(&write(&larger)), Err(Error::TooLarge));
    assert!(rig.submit(&write(&largest)).is_ok());
    let read = |count| Request::Read {
        fid,
        offset: 0,
        count,
    };
    assert!(rig.submit(&read(4096 - 11)).is_ok());
    for count in [4096 - 10, u32::MAX] {
        assert_eq!(rig.submit(&read(count)), Err(Error::TooLarge));
    }
    rig.session.set_msize(2048);
    assert_eq!(rig.submit(&read(2048 - 10)), Err(Error::TooLarge));
    assert_eq!(rig.submit(&write(&largest)), Err(Error::TooLarge));
    rig.session.set_msize(1 << 20);
    assert_eq!(rig.session.msize(), 4096, "more than the rings allow");
}

#[test]
fn requests_without_room_wait_whole_and_in_order() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let pieces: Vec<Vec<u8>> = (0..10).map(|n| vec![n; 3000]).collect();
    for (piece, offset) in pieces.iter().zip(0..) {
        let write = Request::Write {
            fid,
            offset,
            data: piece,
        };
        submit(&mut rig, &write);
    }
    assert_eq!(rig.session.stats().queued, 8, "two have room");
    for (piece, offset) in pieces.iter().zip(0u64..) {
        // Whole messages only: `take` checks it.
        let (head, message) = next(&mut rig, 0);
        assert_eq!(message[11..19], offset.to_le_bytes());
        assert_eq!(message[23..], piece[..]);
        let count = 3000u32.to_le_bytes();
        let answer = super::message(Kind::Write.answer(), head.tag, &count);
        reply(&mut rig, 0, &answer);
    }
    assert_eq!(rig.peer.ring(0).take(), None);
}

#[test]
fn answers_under_way_never_exceed_the_in_array() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let read = Request::Read {
        fid,
        offset: 0,
        count: 3000,
    };
    let ids: Vec<_> = (0..5).map(|_| submit(&mut rig, &read)).collect();
    let mut tags = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let requests: Vec<_> = core::iter::from_fn(|| rig.peer.ring(0).take()).collect();
        tags.extend(requests.iter().map(|message| header(message).tag));
        let new = if number == 0 {
            2
        } else {
            usize::from(number < 4)
        };
        assert_eq!(
            requests.len(),
            new,
            "two answers fit, with what is about them"
        );
        reply(&mut rig, 0, &data(tags[number], &[9; 3000]));
        rig.idle();
        let Some(Ok(Response::Data(bytes))) = rig.answer(*id) else {
            panic!("{number}");
        };
        assert_eq!(bytes[..], [9; 3000]);
    }
    assert_idle_but(&rig, 0);
}

#[track_caller]
fn assert_idle_but(rig: &Rig, bad: u64) {
    assert_idle(rig);
    assert_eq!(rig.session.stats().bad_answers, bad);
}

#[test]
fn an_answer_that_comes_byte_by_byte_is_one_answer() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let read = Request::Read {
        fid,
        offset: 0,
        count: 100,
    };
    let id = submit(&mut rig, &read);
    let (counter, waker) = CountingWaker::pair();
    let (head, _) = next(&mut rig, 0);
    let answer = data(head.tag, b"hello");
    for (number, byte) in answer.iter().enumerate() {
        assert_eq!(rig.session.poll_call(id, &waker), Poll::Pending, "{number}");
        assert_eq!(counter.count(), 0);
        reply(&mut rig, 0, &[*byte]);
    }
    assert_eq!(counter.count(), 1);
    let Some(Ok(Response::Data(bytes))) = rig.answer(id) else {
        panic!("it is there");
    };
    assert_eq!(&bytes[..], b"hello");
    assert_eq!(rig.answer(id), Some(Err(Error::Gone)), "taken once");
}

#[test]
fn an_errors_number_is_the_callers() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let id = submit(&mut rig, &get(fid));
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 0, &refusal(head.tag, 28));
    assert_eq!(rig.answer(id), Some(Err(Error::Server(Errno::ENOSPC))));
    assert_idle_but(&rig, 0);
}

#[test]
fn calls_are_bounded_and_those_that_nobody_took_count() {
    let config = Config {
        calls: 3,
        ..Config::default()
    };
    let mut rig = Rig::new(config, 1, 2, Manner::Qemu, 0);
    let fid = known_fid(&mut rig);
    let ids: Vec<_> = (0..3).map(|_| submit(&mut rig, &get(fid))).collect();
    assert_eq!(rig.submit(&get(fid)), Err(Error::Busy));
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 0, &refusal(head.tag, 5));
    assert_eq!(rig.submit(&get(fid)), Err(Error::Busy));
    assert!(rig.answer(ids[0]).is_some());
    assert!(rig.submit(&get(fid)).is_ok());
}

#[test]
fn a_call_that_takes_too_long_fails_and_its_late_answer_goes_to_nobody() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let (counter, waker) = CountingWaker::pair();
    let id = submit(&mut rig, &get(fid));
    assert!(rig.session.poll_call(id, &waker).is_pending());
    let (head, _) = next(&mut rig, 0);
    rig.advance(Config::default().call_timeout_ns - 1);
    assert_eq!(counter.count(), 0);
    rig.advance(1);
    assert_eq!(counter.count(), 1);
    rig.idle();
    let (flush, _) = next(&mut rig, 0);
    assert_eq!(flush.kind, Kind::Flush.number());
    reply(&mut rig, 0, &refusal(head.tag, 5));
    reply(&mut rig, 0, &done(Kind::Flush, flush.tag));
    assert_eq!(rig.session.stats().in_flight, 1, "the caller was not told");
    assert_eq!(rig.answer(id), Some(Err(Error::TimedOut)));
    assert_eq!(rig.session.stats().timeouts, 1);
    assert_idle_but(&rig, 0);
}

#[test]
fn a_request_that_never_had_room_takes_too_long_without_a_trace() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let data = [0; 4000];
    let write = Request::Write {
        fid,
        offset: 0,
        data: &data,
    };
    let ids: Vec<_> = (0..4).map(|_| submit(&mut rig, &write)).collect();
    rig.advance(Config::default().call_timeout_ns);
    for id in ids {
        assert_eq!(rig.answer(id), Some(Err(Error::TimedOut)));
    }
    rig.idle();
    let kinds: Vec<_> = core::iter::from_fn(|| rig.peer.ring(0).take())
        .map(|message| header(&message).kind)
        .collect();
    let (write, flush) = (Kind::Write.number(), Kind::Flush.number());
    assert_eq!(kinds, [write, write, flush, flush]);
}

#[test]
fn bytes_of_many_at_once_are_neither_lost_nor_mixed() {
    for manner in [Manner::Qemu, Manner::Shuffled(3), Manner::Pieces(700)] {
        let mut rig = Rig::new(Config::default(), 3, 2, manner, NEAR_WRAP);
        let root = rig.attach();
        let content: Vec<u8> = (0..200_000u32).map(|n| n.to_le_bytes()[0]).collect();
        rig.server.tree.put_file("/x", &content);
        let fid = super::fid(&mut rig);
        let walk = Request::Walk {
            fid: root,
            new_fid: fid,
            names: &[b"x"],
        };
        rig.ask(&walk).expect("it is there");
        rig.ask(&Request::Open { fid, flags: 0 }).expect("readable");
        let shared = Shared::new(rig);
        let reads: Vec<_> = (0..100u64)
            .map(|number| {
                let (shared, offset) = (shared.clone(), number * 1777);
                async move {
                    let request = Request::Read {
                        fid,
                        offset,
                        count: 3500,
                    };
                    let call = crate::client::Call::new(&shared, &request).expect("taken");
                    (offset, call.await)
                }
            })
            .collect();
        for (offset, answer) in shared.run_all(reads).expect("all are answered") {
            let Ok(Response::Data(bytes)) = answer else {
                panic!("{answer:?}");
            };
            let from = usize::try_from(offset).expect("small");
            assert_eq!(bytes[..], content[from..from + 3500]);
        }
        assert_idle_but(&shared.rig(), 0);
    }
}

#[test]
fn a_whole_client_works_over_the_rings() {
    use crate::client::{Client, Options};
    let rig = rings(2);
    assert_eq!(rig.session.tag(), FakeStore::TAG);
    let shared = Shared::new(rig);
    shared.rig().server.tree.put_file("/a", b"what was there");
    let client = shared
        .run(Client::attach(shared.clone(), &Options::default()))
        .expect("it ends")
        .expect("attached");
    let node = shared
        .run(client.resolve(b"a", true, 0))
        .expect("it ends")
        .expect("it is there");
    let attributes = shared.run(node.attributes()).expect("it ends");
    assert_eq!(attributes.expect("known").size, 14);
    drop(node);
    drop(client);
    shared.rig().settle();
    assert_eq!(shared.rig().session.stats().fids, 0);
    assert_eq!(shared.rig().server.fids().count(), 0);
    assert_idle_but(&shared.rig(), 0);
}
