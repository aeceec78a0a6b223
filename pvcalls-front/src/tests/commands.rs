//! The command ring: many requests in flight, and a backend that answers badly.

use alloc::vec::Vec;

use super::{assert_clean, begin, connected, nothing_asked, rig};
use crate::commands::{FAULT_LIMIT, RESERVED_FOR_RELEASE, SLOTS};
use crate::test_utils::{Call, FakeBackend, FakeRequest, Rig};
use crate::{DeviceFault, Errno, SocketError, SocketId, TryError};

const SECOND: u64 = 1_000_000_000;

#[test]
fn answers_may_come_in_any_order() {
    let mut rig = rig();
    let ids: Vec<SocketId> = (0..8).map(|_| begin(&mut rig)).collect();
    let mut requests: Vec<FakeRequest> = (0..8).map(|_| super::next(&mut rig)).collect();
    requests.reverse();
    for (n, request) in (0..).zip(&requests) {
        answer!(&mut rig, request, if n % 2 == 0 { -12 } else { 0 });
    }
    for (n, id) in ids.iter().enumerate() {
        let failed = rig.frontend.try_connect(*id) != Err(TryError::WouldBlock);
        assert_eq!(failed, n % 2 == 1, "answered in reverse");
    }
}

#[test]
fn a_ring_full_of_waiting_commands_still_takes_a_release() {
    let mut rig = rig();
    let open = connected(&mut rig);
    let limit = SLOTS - RESERVED_FOR_RELEASE;
    for _ in 0..limit + 10 {
        begin(&mut rig);
    }
    assert_eq!(rig.frontend.stats().outstanding_commands, limit);
    rig.frontend.close(open, None, 0).expect("good");
    let requests: Vec<FakeRequest> = core::iter::from_fn(|| rig.backend.next_request()).collect();
    assert_eq!(requests.len(), limit as usize + 1);
    let release = requests.last().expect("not empty");
    assert!(FakeBackend::is_release(release));
    assert_eq!(release.id, open.get());
    // The queue moves on as slots come back, but not into those kept for RELEASE.
    answer!(&mut rig, *release, 0);
    nothing_asked(&mut rig);
    answer!(&mut rig, requests[0], -12);
    expect!(&mut rig, Call::Socket { .. });
}

#[test]
fn a_command_that_never_had_a_slot_is_given_up_without_a_word() {
    let mut rig = rig();
    for _ in 0..SLOTS {
        begin(&mut rig);
    }
    let id = begin(&mut rig);
    let pages = rig.platform.shared_pages();
    rig.frontend.close(id, None, 0).expect("good");
    assert_eq!(rig.platform.shared_pages(), pages - 3);
    let sent = core::iter::from_fn(|| rig.backend.next_request());
    assert!(sent.filter(|request| request.id == id.get()).count() == 0);
}

#[test]
fn the_ring_wraps_without_end() {
    let mut rig = rig();
    for _ in 0..200 {
        let id = connected(&mut rig);
        rig.frontend.close(id, None, rig.now_ns).expect("good");
        rig.settle();
    }
    assert_clean(&rig);
    assert_eq!(rig.frontend.stats().bad_responses, 0);
}

#[test]
fn a_busy_backend_is_not_told_of_each_request() {
    let mut rig = rig();
    let port = rig.frontend.command_port().expect("up");
    let before = rig.platform.notifications(port);
    for _ in 0..10 {
        begin(&mut rig);
    }
    assert_eq!(rig.platform.notifications(port), before + 1);
}

#[test]
fn a_wrong_req_event_costs_an_event_at_most() {
    for word in [0, 5, u32::MAX, 0x8000_0000] {
        let mut rig = rig();
        rig.backend.set_req_event(word);
        connected(&mut rig);
    }
}

/// Sends one bad response in place of the answer to SOCKET, then the good one.
#[track_caller]
fn dropped(bad: impl FnOnce(&mut Rig, &FakeRequest)) {
    let mut rig = rig();
    let id = begin(&mut rig);
    // Another request is out, so that the bad response does not exceed what is outstanding.
    let other = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    bad(&mut rig, &request);
    rig.deliver();
    assert_eq!(rig.frontend.stats().bad_responses, 1);
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    assert_eq!(rig.frontend.try_connect(other), Err(TryError::WouldBlock));
    answer!(&mut rig, request, -13);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::Remote(Errno::EACCES).into())
    );
    assert_eq!(rig.frontend.fault(), None);
}

#[test]
fn a_response_with_an_unknown_request_id_is_dropped() {
    dropped(|rig, request| {
        rig.backend
            .respond(request.req_id ^ 0x8000_0000, 0, 0, request.id)
    });
    dropped(|rig, request| rig.backend.respond(request.req_id + 1024, 0, 0, request.id));
    dropped(|rig, request| rig.backend.respond(u32::MAX, 0, 0, request.id));
    // An entry of the table that was never used.
    dropped(|rig, request| rig.backend.respond(31, 0, 0, request.id));
}

#[test]
fn a_response_with_another_command_is_dropped() {
    dropped(|rig, request| rig.backend.respond(request.req_id, 1, 0, request.id));
    dropped(|rig, request| rig.backend.respond(request.req_id, 2, 0, request.id));
    dropped(|rig, request| rig.backend.respond(request.req_id, u32::MAX, 0, request.id));
}

#[test]
fn a_response_with_another_socket_id_is_dropped() {
    dropped(|rig, request| rig.backend.respond(request.req_id, 0, 0, request.id + 1));
    dropped(|rig, request| rig.backend.respond(request.req_id, 0, 0, 0));
}

#[test]
fn a_response_with_a_positive_return_value_is_dropped() {
    dropped(|rig, request| rig.backend.respond(request.req_id, 0, 1, request.id));
    dropped(|rig, request| rig.backend.respond(request.req_id, 0, i32::MAX, request.id));
}

#[test]
fn a_second_answer_is_dropped() {
    let mut rig = rig();
    let id = begin(&mut rig);
    begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, -13);
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.stats().bad_responses, 1);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::Remote(Errno::EACCES).into())
    );
}

/// Every socket fails with `fault`, nothing is asked any more, nothing is freed too early.
#[track_caller]
fn assert_broken(rig: &mut Rig, sockets: &[SocketId], fault: DeviceFault) {
    assert_eq!(rig.frontend.fault(), Some(fault));
    for id in sockets {
        let error = TryError::Failed(SocketError::Device(fault));
        assert_eq!(rig.frontend.try_connect(*id), Err(error));
        assert_eq!(rig.frontend.try_write(*id, b"x", 0), Err(error));
    }
    let waiting = begin(rig);
    assert_eq!(rig.frontend.try_connect(waiting), Err(TryError::WouldBlock));
    rig.frontend.close(waiting, None, rig.now_ns).expect("good");
    assert!(
        rig.platform
            .is_masked(rig.frontend.command_port().expect("not yet given up"))
    );
    for id in sockets {
        rig.frontend.close(*id, None, rig.now_ns).expect("good");
    }
    rig.backend.disconnect();
    rig.advance(60 * SECOND);
    assert_clean(rig);
}

#[test]
fn too_many_bad_responses_break_the_device() {
    let mut rig = rig();
    let open = connected(&mut rig);
    let waiting: Vec<SocketId> = (0..20).map(|_| begin(&mut rig)).collect();
    for n in 0..FAULT_LIMIT {
        assert_eq!(rig.frontend.fault(), None, "after {n}");
        rig.backend.respond(0xbad, 0, 0, 7);
        rig.deliver();
    }
    assert_eq!(rig.frontend.stats().quarantined_pages, 3, "still mapped");
    let mut all = waiting;
    all.push(open);
    assert_broken(&mut rig, &all, DeviceFault::Responses);
}

#[test]
fn a_bad_response_now_and_then_is_forgiven() {
    let mut rig = rig();
    for n in 0..FAULT_LIMIT + 4 {
        // In place of the answer, which is lost: the request stays out for good.
        let spare = begin(&mut rig);
        let _lost = expect!(&mut rig, Call::Socket { .. });
        rig.backend.respond(0xbad, 0, 0, 7);
        rig.deliver();
        rig.frontend.close(spare, None, rig.now_ns).expect("good");
        assert_eq!(rig.frontend.fault(), None, "after {n}");
        for _ in 0..100 {
            let id = connected(&mut rig);
            rig.frontend.close(id, None, rig.now_ns).expect("good");
            rig.settle();
        }
    }
    let stats = rig.frontend.stats();
    assert_eq!(stats.bad_responses, u64::from(FAULT_LIMIT) + 4);
    assert_eq!(stats.outstanding_commands, 0);
}

#[test]
fn responses_beyond_the_requests_break_the_device() {
    for slots in [1, 31, 32, 33, 1000, u32::MAX] {
        let mut rig = rig();
        let open = connected(&mut rig);
        rig.backend.publish(slots);
        rig.backend.raise();
        rig.deliver();
        assert_broken(&mut rig, &[open], DeviceFault::ResponseIndex);
    }
}

#[test]
fn the_backend_may_scribble_over_our_words_of_the_command_page() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    rig.backend.scribble();
    rig.backend.answer(&request, -13);
    rig.backend.raise();
    rig.deliver();
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::Remote(Errno::EACCES).into())
    );
}

#[test]
fn an_answer_whose_event_was_lost_is_found_by_poll() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    rig.backend.answer(&request, -13);
    while rig.platform.next_event().is_some() {}
    rig.frontend.poll(rig.now_ns);
    assert!(matches!(
        rig.frontend.try_connect(id),
        Err(TryError::Failed(_))
    ));
    nothing_asked(&mut rig);
}
