//! How often each side is told, and that nobody sleeps on what the other did.

use super::{NEAR_WRAP, Rig, data, get, known_fid, next, refusal, reply, rings, small, submit};
use crate::Config;
use crate::config::SECOND_NS;
use crate::test_utils::Manner;
use crate::wire::{Request, Tag};

const MS: u64 = 1_000_000;

#[test]
fn a_batch_of_requests_is_announced_once() {
    let mut rig = rings(1);
    let fid = known_fid(&mut rig);
    let before = rig.platform.all_notifications();
    for _ in 0..50 {
        rig.submit(&get(fid)).expect("taken");
    }
    assert_eq!(rig.platform.all_notifications(), before, "not yet");
    for _ in 0..5 {
        rig.idle();
    }
    assert_eq!(rig.platform.all_notifications(), before + 1);
    assert_eq!(rig.session.stats().notifications, before + 1);
}

#[test]
fn each_ring_is_told_for_itself() {
    let mut rig = rings(4);
    let fid = known_fid(&mut rig);
    let before = rig.platform.all_notifications();
    for _ in 0..6 {
        rig.submit(&get(fid)).expect("taken");
    }
    rig.idle();
    assert_eq!(rig.platform.all_notifications(), before + 4);
}

#[test]
fn a_backend_that_is_at_work_is_not_told() {
    let mut rig = rings(1);
    let fid = known_fid(&mut rig);
    let before = rig.platform.all_notifications();
    submit(&mut rig, &get(fid));
    submit(&mut rig, &get(fid));
    submit(&mut rig, &get(fid));
    assert_eq!(rig.platform.all_notifications(), before + 1);
    // It is through with the first only: it will look at the others by itself.
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 0, &refusal(head.tag, 5));
    submit(&mut rig, &get(fid));
    assert_eq!(rig.platform.all_notifications(), before + 1);
    while rig.peer.ring(0).take().is_some() {}
    submit(&mut rig, &get(fid));
    assert_eq!(rig.platform.all_notifications(), before + 2);
}

#[test]
fn a_backend_that_saw_requests_before_it_was_told_is_not_told() {
    let mut rig = rings(1);
    let fid = known_fid(&mut rig);
    let before = rig.platform.all_notifications();
    rig.submit(&get(fid)).expect("taken");
    assert!(rig.peer.ring(0).take().is_some(), "it happened to look");
    rig.idle();
    assert_eq!(rig.platform.all_notifications(), before);
}

#[test]
fn much_is_announced_before_the_caller_sleeps() {
    let mut rig = Rig::new(Config::default(), 1, 9, Manner::Qemu, NEAR_WRAP);
    let fid = known_fid(&mut rig);
    let before = rig.platform.all_notifications();
    let data = alloc::vec![0; 40_000];
    let write = Request::Write {
        fid,
        offset: 0,
        data: &data,
    };
    rig.submit(&write).expect("taken");
    assert_eq!(rig.platform.all_notifications(), before);
    rig.submit(&write).expect("taken");
    assert_eq!(rig.platform.all_notifications(), before + 1);
}

#[test]
fn nobody_is_told_of_room_while_all_answers_fit() {
    for manner in [Manner::Qemu, Manner::Eager] {
        let mut rig = Rig::new(Config::default(), 1, 4, manner, NEAR_WRAP);
        let root = rig.attach();
        let content = alloc::vec![7; 500_000];
        rig.server.tree.put_file("/x", &content);
        let fid = super::fid(&mut rig);
        let walk = Request::Walk {
            fid: root,
            new_fid: fid,
            names: &[b"x"],
        };
        rig.ask(&walk).expect("it is there");
        rig.ask(&Request::Open { fid, flags: 0 }).expect("readable");
        let before = rig.session.stats().notifications;
        let calls: alloc::vec::Vec<_> = (0..50u64)
            .map(|number| {
                let read = Request::Read {
                    fid,
                    offset: number * 10_000,
                    count: 10_000,
                };
                rig.submit(&read).expect("taken")
            })
            .collect();
        rig.settle();
        for call in calls {
            assert!(rig.answer(call).expect("answered").is_ok());
        }
        // At most one for each answer, which makes room for the next request.
        let told = rig.session.stats().notifications - before;
        assert!(told <= 50, "{manner:?}: {told}");
    }
}

#[test]
fn a_backend_that_may_wait_for_room_is_told() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    submit(&mut rig, &get(fid));
    submit(&mut rig, &get(fid));
    while rig.peer.ring(0).take().is_some() {}
    let before = rig.platform.all_notifications();
    // Junk that nobody reckoned with fills the array; the second answer does not fit beside it.
    let junk = data(Tag(77), &[0; 4000]);
    rig.peer.ring(0).write(&junk);
    rig.peer.ring(0).write(&junk);
    rig.peer.ring(0).raise();
    rig.deliver();
    assert_eq!(rig.platform.all_notifications(), before);
    rig.idle();
    assert_eq!(
        rig.platform.all_notifications(),
        before + 1,
        "there is room"
    );
    rig.idle();
    assert_eq!(rig.platform.all_notifications(), before + 1, "once");
}

#[test]
fn a_backend_that_lost_an_event_is_kicked_ever_less_often() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    submit(&mut rig, &get(fid));
    let before = rig.platform.all_notifications();
    let mut at = alloc::vec::Vec::new();
    while at.len() < 7 {
        let told = rig.platform.all_notifications();
        rig.advance(100 * MS);
        if rig.platform.all_notifications() > told {
            at.push(rig.now_ns / (100 * MS));
        }
    }
    // The first look finds that the indexes moved since the request before.
    assert_eq!(at, [2, 4, 8, 16, 32, 48, 64]);
    assert_eq!(rig.platform.all_notifications(), before + 7);
    // It has got all: that is the end of it.
    let (head, _) = next(&mut rig, 0);
    reply(&mut rig, 0, &refusal(head.tag, 5));
    rig.advance(1000 * SECOND_NS);
    assert_eq!(rig.platform.all_notifications(), before + 7);
}

#[test]
fn an_answer_whose_event_was_lost_is_found() {
    let mut rig = small();
    let fid = known_fid(&mut rig);
    let id = submit(&mut rig, &get(fid));
    let (head, _) = next(&mut rig, 0);
    rig.peer.ring(0).write(&refusal(head.tag, 5));
    assert_eq!(rig.answer(id), None);
    rig.advance(100 * MS);
    assert!(rig.answer(id).is_some());
}

#[test]
fn with_nothing_under_way_the_driver_wants_nothing() {
    let mut rig = rings(4);
    let root = rig.attach();
    rig.ask(&get(root)).expect("known");
    rig.advance(1000 * SECOND_NS);
    assert_eq!(rig.session.next_deadline_ns(), None);
}

#[test]
fn an_event_of_another_port_is_not_ours() {
    let mut rig = rings(2);
    let stranger = xen_front::units::Port::new(77).expect("not zero");
    assert!(!rig.session.on_event(stranger, 0));
    let ports: alloc::vec::Vec<_> = rig.session.ports().collect();
    let theirs = [0, 1].map(|ring| rig.peer.ring(ring).port());
    assert_eq!(ports, theirs);
}
