//! Backends that write what they must not: the session survives or breaks, and nobody waits.

use alloc::vec;
use alloc::vec::Vec;
use core::task::Poll;

use xen_front::ring::words;
use xen_front::test_utils::CountingWaker;

use super::{
    Rig, assert_idle, data, done, get, known_fid, message, next, refusal, reply, rings, small,
    submit,
};
use crate::test_utils::server::Lie;
use crate::test_utils::{Manner, Shared};
use crate::wire::{Kind, Request, Tag};
use crate::{Config, Error, Fault};

/// A rig with a call under way, whose tag is 0 and whose request was taken, and its waker.
fn asked() -> (Rig, crate::client::CallId, alloc::sync::Arc<CountingWaker>) {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let id = submit(&mut rig, &get(fid));
    let (head, _) = next(&mut rig, 0);
    assert_eq!(head.tag, Tag(0));
    // The session knows that it was taken.
    rig.peer.ring(0).raise();
    rig.deliver();
    let (counter, waker) = CountingWaker::pair();
    assert_eq!(rig.session.poll_call(id, &waker), Poll::Pending);
    (rig, id, counter)
}

#[track_caller]
fn assert_broken(rig: &mut Rig, fault: Fault) {
    assert_eq!(rig.session.fault(), Some(fault));
    let (counter, waker) = CountingWaker::pair();
    rig.session.register_fault(&waker);
    assert_eq!(counter.count(), 1, "at once");
    assert_eq!(rig.session.new_fid(), Err(Error::Gone));
    let fid = crate::wire::Fid(0);
    assert_eq!(rig.submit(&get(fid)), Err(Error::Gone));
    let port = rig.peer.ring(0).port();
    assert!(rig.platform.is_masked(port));
    // Whatever the runtime calls now is harmless.
    let before = rig.platform.all_notifications();
    rig.session.forget(fid, rig.now_ns);
    rig.session.poll(rig.now_ns);
    rig.session.flush(rig.now_ns);
    assert!(rig.session.on_event(port, rig.now_ns));
    rig.advance(1_000_000_000_000);
    assert_eq!(rig.platform.all_notifications(), before);
}

#[test]
fn impossible_indexes_break_the_session_and_wake_everybody() {
    let (in_prod, out_cons) = (words::IN_PROD, words::OUT_CONS);
    for (word, by, fault) in [
        (in_prod, 8193u32, Fault::InProd),
        (in_prod, u32::MAX, Fault::InProd),
        (in_prod, 1 << 31, Fault::InProd),
        (out_cons, 1, Fault::OutCons),
        (out_cons, u32::MAX, Fault::OutCons),
        (out_cons, 1 << 31, Fault::OutCons),
    ] {
        let (mut rig, id, counter) = asked();
        let (prod, cons) = rig.peer.ring(0).marks();
        let base = if word == in_prod { prod } else { cons };
        rig.peer.ring(0).set_word(word, base.wrapping_add(by));
        let (faults, waker) = CountingWaker::pair();
        rig.session.register_fault(&waker);
        rig.peer.ring(0).raise();
        rig.deliver();
        assert_eq!((counter.count(), faults.count()), (1, 1), "{fault} {by}");
        assert_eq!(rig.answer(id), Some(Err(Error::Gone)));
        assert_broken(&mut rig, fault);
    }
}

#[test]
fn a_bad_out_index_is_found_when_a_request_is_made_and_when_it_is_announced() {
    let (mut rig, _, counter) = asked();
    let (_, cons) = rig.peer.ring(0).marks();
    rig.peer
        .ring(0)
        .set_word(words::OUT_CONS, cons.wrapping_add(100));
    // There is room as far as is known: nobody looks yet.
    rig.submit(&get(crate::wire::Fid(0))).expect("taken");
    rig.session.flush(rig.now_ns);
    assert_eq!(counter.count(), 1);
    assert_broken(&mut rig, Fault::OutCons);

    let (mut rig, _, _) = asked();
    let (_, cons) = rig.peer.ring(0).marks();
    let fid = crate::wire::Fid(0);
    let data = [0; 4000];
    let write = Request::Write {
        fid,
        offset: 0,
        data: &data,
    };
    rig.submit(&write).expect("taken");
    rig.submit(&write).expect("taken");
    rig.peer
        .ring(0)
        .set_word(words::OUT_CONS, cons.wrapping_sub(1));
    assert_eq!(rig.submit(&write), Err(Error::Gone));
    assert_broken(&mut rig, Fault::OutCons);
}

#[test]
fn a_part_of_a_header_cannot_be_taken_back() {
    let (mut rig, id, _) = asked();
    let answer = refusal(Tag(0), 5);
    reply(&mut rig, 0, &answer[..5]);
    let (prod, _) = rig.peer.ring(0).marks();
    rig.peer
        .ring(0)
        .set_word(words::IN_PROD, prod.wrapping_sub(1));
    rig.peer.ring(0).raise();
    rig.deliver();
    assert_eq!(rig.answer(id), Some(Err(Error::Gone)));
    assert_broken(&mut rig, Fault::InProd);
}

#[test]
fn what_the_backend_writes_into_our_words_is_not_read() {
    let (mut rig, id, _) = asked();
    for word in [
        words::IN_CONS,
        words::OUT_PROD,
        words::RING_ORDER,
        words::REFS,
    ] {
        rig.peer.ring(0).set_word(word, 0xdead_beef);
    }
    rig.peer.ring(0).write(&refusal(Tag(0), 5));
    rig.peer.ring(0).raise();
    rig.deliver();
    assert!(rig.answer(id).is_some());
    assert_eq!(rig.session.fault(), None);
}

#[test]
fn lengths_that_no_message_has_break_the_session_before_memory_is_taken() {
    for size in [0u32, 1, 6, 4097, 1 << 20, 1 << 31, u32::MAX] {
        let (mut rig, id, counter) = asked();
        let mut answer = refusal(Tag(0), 5);
        answer[..4].copy_from_slice(&size.to_le_bytes());
        reply(&mut rig, 0, &answer);
        assert_eq!(counter.count(), 1);
        assert_eq!(rig.answer(id), Some(Err(Error::Gone)));
        assert_broken(&mut rig, Fault::Frame);
    }
}

#[test]
fn what_the_server_agreed_to_is_the_longest_message() {
    let (mut rig, _, _) = asked();
    rig.session.set_msize(1000);
    reply(&mut rig, 0, &message(9, Tag(0), &[0; 994]));
    assert_broken(&mut rig, Fault::Frame);
}

#[test]
fn answers_to_nothing_are_skipped_and_counted() {
    let (mut rig, id, counter) = asked();
    for (number, tag) in [1, 2, 100, 0x7fff, 0xfffe, 0xffff].into_iter().enumerate() {
        for body in [0, 1, 3000] {
            reply(&mut rig, 0, &message(9, Tag(tag), &vec![1; body]));
        }
        let bad = 3 * (number as u64 + 1);
        assert_eq!(rig.session.stats().bad_answers, bad);
    }
    assert_eq!(counter.count(), 0);
    reply(&mut rig, 0, &refusal(Tag(0), 5));
    assert_eq!(counter.count(), 1);
    // A second one, before and after the first was taken.
    reply(&mut rig, 0, &refusal(Tag(0), 6));
    assert!(matches!(rig.answer(id), Some(Err(Error::Server(errno))) if errno.number() == 5));
    reply(&mut rig, 0, &refusal(Tag(0), 7));
    assert_eq!(rig.session.stats().bad_answers, 20);
    assert_eq!(rig.session.fault(), None);
    assert_idle(&rig);
}

#[test]
fn an_answer_on_another_ring_is_none() {
    let mut rig = rings(2);
    let fid = known_fid(&mut rig);
    let id = submit(&mut rig, &get(fid));
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 1, &refusal(head.tag, 5));
    assert_eq!(rig.answer(id), None);
    reply(&mut rig, 0, &refusal(head.tag, 5));
    assert!(rig.answer(id).is_some());
    assert_eq!(rig.session.stats().bad_answers, 1);
}

#[test]
fn an_answer_to_a_request_that_waits_for_room_is_none() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let data = [0; 4000];
    let write = Request::Write {
        fid,
        offset: 0,
        data: &data,
    };
    let ids: Vec<_> = (0..3).map(|_| submit(&mut rig, &write)).collect();
    reply(&mut rig, 0, &refusal(Tag(2), 5));
    assert_eq!(rig.answer(ids[2]), None);
    assert_eq!(rig.session.stats().bad_answers, 1);
}

#[test]
fn a_thousand_answers_to_nothing_break_the_session() {
    let (mut rig, _, _) = asked();
    for _ in 0..1023 {
        reply(&mut rig, 0, &refusal(Tag(7), 5));
    }
    assert_eq!(rig.session.fault(), None);
    reply(&mut rig, 0, &refusal(Tag(7), 5));
    assert_broken(&mut rig, Fault::Answers);
}

#[test]
fn answers_that_make_no_sense_are_the_calls_own_trouble() {
    for answer in [
        message(9, Tag(0), &[]),
        message(9, Tag(0), &[0; 61]),
        done(Kind::Read, Tag(0)),
        message(7, Tag(0), &[0, 0, 0, 0]),
        message(7, Tag(0), &[]),
        message(0, Tag(0), &[]),
        message(255, Tag(0), &[0xff; 100]),
    ] {
        let (mut rig, id, _) = asked();
        reply(&mut rig, 0, &answer);
        assert!(matches!(rig.answer(id), Some(Err(Error::Answer(_)))));
        assert_eq!(rig.session.stats().bad_answers, 1);
        assert_eq!(rig.session.fault(), None);
        assert_idle(&rig);
    }
}

#[test]
fn more_data_than_was_asked_for_is_not_delivered() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let read = Request::Read {
        fid,
        offset: 0,
        count: 10,
    };
    let id = submit(&mut rig, &read);
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 0, &data(head.tag, &[0; 11]));
    assert!(matches!(rig.answer(id), Some(Err(Error::Answer(_)))));
}

#[test]
fn a_header_alone_takes_no_more_memory_than_a_message_and_does_not_end() {
    let (mut rig, id, _) = asked();
    let mut answer = refusal(Tag(0), 5);
    answer[..4].copy_from_slice(&4096u32.to_le_bytes());
    reply(&mut rig, 0, &answer);
    assert_eq!(rig.answer(id), None);
    rig.session.drop_call(id, 0);
    rig.idle();
    let (flush, _) = next(&mut rig, 0);
    // What follows belongs to the message, whatever it looks like.
    reply(&mut rig, 0, &done(Kind::Flush, flush.tag));
    assert_eq!(rig.session.stats().in_flight, 1);
    reply(&mut rig, 0, &vec![0; 4096 - 11 - 7]);
    reply(&mut rig, 0, &done(Kind::Flush, flush.tag));
    assert_idle(&rig);
}

#[test]
fn events_without_an_end_mask_the_port_for_a_while() {
    let (mut rig, id, _) = asked();
    let port = rig.peer.ring(0).port();
    for _ in 0..64 {
        assert!(!rig.platform.is_masked(port));
        rig.peer.ring(0).raise();
        rig.deliver();
    }
    assert!(rig.platform.is_masked(port));
    // What comes meanwhile is seen when the mask goes.
    reply(&mut rig, 0, &refusal(Tag(0), 5));
    assert_eq!(rig.answer(id), None);
    rig.advance(10_000_000);
    assert!(rig.answer(id).is_some());
    assert!(!rig.platform.is_masked(port));
    assert_eq!(rig.session.stats().masked, 1);
}

#[test]
fn an_index_that_changes_between_two_looks_is_looked_at_once() {
    let (mut rig, id, _) = asked();
    let (prod, _) = rig.peer.ring(0).marks();
    rig.peer.ring(0).write(&refusal(Tag(0), 5));
    let grant = rig.peer.ring(0).grant();
    let bad = prod.wrapping_add(100_000);
    rig.platform
        .set_trap(grant, words::IN_PROD, &[(words::IN_PROD, bad)]);
    rig.peer.ring(0).raise();
    rig.deliver();
    assert!(rig.answer(id).is_some(), "the first look was good");
    rig.session.poll(rig.now_ns);
    assert_broken(&mut rig, Fault::InProd);
}

#[test]
fn whatever_a_server_lies_about_no_call_hangs_and_nothing_is_left() {
    use crate::client::{Call, Client, Options};
    for lie in Lie::ALL {
        for kind in Kind::ALL {
            if !lie.fits(*kind) {
                continue;
            }
            let mut rig = Rig::new(Config::default(), 2, 3, Manner::Qemu, 0);
            rig.server.tree.put_file("/a", b"content");
            rig.server.lie(*kind, *lie, 3);
            let shared = Shared::new(rig);
            let work = async {
                let client = Client::attach(shared.clone(), &Options::default()).await?;
                let _ = client.resolve(b"a", true, 0).await;
                Ok::<_, Error>(client)
            };
            let outcome = shared.run(work);
            assert!(
                outcome.is_some() || shared.rig().session.fault().is_none(),
                "{lie:?} {kind:?}"
            );
            drop(outcome);
            // The session is broken, or goes on.
            let version = Request::Version {
                msize: 8192,
                version: b"9P2000.L",
            };
            if shared.rig().session.fault().is_none()
                && let Ok(call) = Call::new(&shared, &version)
            {
                let _ = shared.run(call);
            }
            shared.rig().platform.assert_graves_untouched();
        }
    }
}
