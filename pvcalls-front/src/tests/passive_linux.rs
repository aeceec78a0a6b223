//! Listeners and Linux's backend: one test for each way in which it differs from what one expects.
//! docs/protocol.md tells of them.

use alloc::vec::Vec;

use super::passive::{
    SECOND, begin, close, establish, id_of, listening, next_accept, rig_with, stream_of, take,
};
use super::{assert_clean, nothing_asked, rig};
use crate::platform::XenbusState;
use crate::test_utils::{Call, CountingWaker, FakeRequest, Rig};
use crate::{DeviceFault, TryError};

/// Opens and closes a listener with an ACCEPT that waits, as Linux's backend sees it: no answer.
#[track_caller]
fn lose_a_slot(rig: &mut Rig) -> FakeRequest {
    let listener = listening(rig, 80);
    let accept = next_accept(rig, listener);
    close(rig, listener);
    rig.advance(SECOND);
    let release = expect!(rig, Call::Release { .. });
    answer!(rig, release, 0);
    accept
}

#[test]
fn a_listener_is_not_released_right_after_an_accept() {
    // A worker of Linux's backend would find the socket gone, and no command is ever done again.
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    next_accept(&mut rig, listener);
    close(&mut rig, listener);
    assert_eq!(rig.frontend.draining(), 1, "a guest does not end meanwhile");
    rig.advance(SECOND - 1);
    nothing_asked(&mut rig);
    rig.advance(1);
    expect!(&mut rig, Call::Release { .. });
    // Unless it is answered.
    let mut rig = super::rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    close(&mut rig, listener);
    answer!(&mut rig, accept, -103);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
    // A backend that cancels is not waited for.
    let mut rig = rig_with(&["feature-cancel"]);
    let listener = listening(&mut rig, 80);
    next_accept(&mut rig, listener);
    close(&mut rig, listener);
    expect!(&mut rig, Call::Release { .. });
}

#[test]
fn a_port_of_ones_own_that_is_not_released_yet_is_waited_for() {
    let mut rig = rig();
    let old = listening(&mut rig, 80);
    next_accept(&mut rig, old);
    close(&mut rig, old);
    let new = begin(&mut rig, 80);
    let until_ns = rig.now_ns + 3 * SECOND;
    let mut released = false;
    while rig.frontend.try_listen(new) == Err(TryError::WouldBlock) {
        while let Some(request) = rig.backend.next_request() {
            let bind = matches!(request.call, Call::Bind { .. });
            released |= request.id == old.get();
            answer!(&mut rig, request, if bind && !released { -98 } else { 0 });
        }
        rig.advance(SECOND / 100);
        assert!(rig.now_ns < until_ns);
    }
    assert_eq!(rig.frontend.try_listen(new), Ok(()));
    assert!(released);
}

#[test]
fn an_accept_of_a_closed_listener_is_never_answered_and_its_ring_stays_aside() {
    let mut rig = rig();
    let accept = lose_a_slot(&mut rig);
    let stats = rig.frontend.stats();
    assert_eq!(
        (stats.slots_lost, stats.listeners, stats.accepts_out),
        (1, 0, 0)
    );
    assert_eq!(stats.outstanding_commands, 1);
    rig.advance(3600 * SECOND);
    assert_eq!(
        rig.platform.shared_pages(),
        1 + 3,
        "it may be about to map it"
    );
    // Everything else goes on.
    let listener = listening(&mut rig, 81);
    let other = next_accept(&mut rig, listener);
    assert_ne!(stream_of(&other), stream_of(&accept));
    // The answer comes all the same, much later.
    answer!(&mut rig, accept, -22);
    assert_eq!(rig.frontend.stats().slots_lost, 0);
    close(&mut rig, listener);
    answer!(&mut rig, other, -103);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn a_connection_that_comes_for_a_closed_listener_is_released() {
    for released_before in [false, true] {
        let mut rig = rig();
        let listener = listening(&mut rig, 80);
        let accept = next_accept(&mut rig, listener);
        close(&mut rig, listener);
        if released_before {
            rig.advance(SECOND);
            let release = expect!(&mut rig, Call::Release { .. });
            answer!(&mut rig, release, 0);
        }
        answer!(&mut rig, accept, 0);
        assert_eq!(rig.frontend.stats().late_answers, 1);
        let mut ids = Vec::new();
        while let Some(release) = rig.backend.next_request() {
            assert!(matches!(release.call, Call::Release { .. }));
            ids.push(release.id);
            answer!(&mut rig, release, 0);
        }
        let both = [listener.get(), stream_of(&accept)];
        assert_eq!(ids, both[usize::from(released_before)..]);
        assert_clean(&rig);
    }
}

#[test]
fn when_slots_run_short_and_nobody_is_there_the_device_is_connected_anew() {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    for lost in 1..6 {
        lose_a_slot(&mut rig);
        assert_eq!(rig.frontend.stats().slots_lost, lost);
        assert_eq!(rig.frontend.fault(), None);
    }
    let (woken, waker) = CountingWaker::pair();
    rig.frontend.register_fault(&waker);
    lose_a_slot(&mut rig);
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.fault(), Some(DeviceFault::SlotsLost));
    // Until the backend is closed it may still map any of them.
    assert_eq!(rig.platform.shared_pages(), 1 + 6 * 3);
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    assert_eq!(rig.frontend.stats().slots_lost, 0);
    rig.advance(60 * SECOND);
    assert_clean(&rig);
    let listener = listening(&mut rig, 80);
    next_accept(&mut rig, listener);
}

#[test]
fn somebody_who_is_there_is_disturbed_as_late_as_possible() {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    let stays = listening(&mut rig, 7);
    let mut waits = next_accept(&mut rig, stays);
    for lost in 1..12 {
        lose_a_slot(&mut rig);
        assert_eq!(rig.frontend.stats().slots_lost, lost);
        assert_eq!(rig.frontend.fault(), None);
        // It is served all the time.
        answer!(&mut rig, waits, 0);
        let stream = take(&mut rig, stays);
        waits = next_accept(&mut rig, stays);
        close(&mut rig, stream);
        let release = expect!(&mut rig, Call::Release { .. });
        answer!(&mut rig, release, 0);
    }
    lose_a_slot(&mut rig);
    assert_eq!(rig.frontend.fault(), Some(DeviceFault::SlotsLost));
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    assert_eq!(rig.frontend.try_listen(stays), Ok(()));
    establish(&mut rig, stays);
    next_accept(&mut rig, stays);
}

#[test]
fn slots_are_lost_for_good_when_listeners_need_them() {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    for port in 0..9 {
        let id = listening(&mut rig, 1000 + port);
        next_accept(&mut rig, id);
    }
    // Sixteen in all: seven more go, the eighth does not.
    for _ in 0..7 {
        assert_eq!(rig.frontend.fault(), None);
        lose_a_slot(&mut rig);
    }
    assert_eq!(rig.frontend.fault(), None);
    lose_a_slot(&mut rig);
    assert_eq!(rig.frontend.fault(), Some(DeviceFault::SlotsLost));
}

#[test]
fn a_second_accept_is_refused_and_tried_again() {
    // -4 (EINTR), also when the first was answered a moment ago.
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    for _ in 0..3 {
        let accept = next_accept(&mut rig, listener);
        answer!(&mut rig, accept, -4);
        rig.advance(SECOND / 10);
    }
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    take(&mut rig, listener);
}

#[test]
fn bytes_of_a_connection_whose_answer_is_lost_stand_for_the_answer() {
    for end in [false, true] {
        let mut rig = rig();
        let listener = listening(&mut rig, 80);
        let accept = next_accept(&mut rig, listener);
        rig.backend.accept_in_silence(&accept);
        let id = id_of(&accept);
        let stream = rig.backend.stream(id).expect("mapped");
        match end {
            true => stream.close(),
            false => assert_eq!(stream.send(b"hello"), 5),
        }
        rig.deliver();
        rig.advance(SECOND - 1);
        // The answer may only be late.
        let error = rig.frontend.try_accept(listener, rig.now_ns);
        assert_eq!(error, Err(TryError::WouldBlock));
        rig.advance(1);
        let stream = take(&mut rig, listener);
        assert_eq!(stream, id);
        let expected = if end { 0 } else { 5 };
        assert_eq!(rig.frontend.try_read(stream, &mut [0; 9]), Ok(expected));
        next_accept(&mut rig, listener);
        // It comes after all.
        rig.backend
            .respond(accept.req_id, accept.cmd, -22, accept.id);
        rig.deliver();
        assert_eq!(rig.frontend.stats().late_answers, 1);
        assert_eq!(rig.frontend.try_write(stream, b"x", rig.now_ns), Ok(1));
        assert_eq!(rig.frontend.stats().accepts_out, 1);
    }
    // That of a listener that was closed meanwhile is released.
    let mut rig = rig();
    let accept = lose_a_slot(&mut rig);
    rig.backend.accept_in_silence(&accept);
    { rig.backend.stream(id_of(&accept)) }
        .expect("mapped")
        .send(b"x");
    rig.deliver();
    rig.advance(SECOND);
    let release = expect!(&mut rig, Call::Release { .. });
    assert_eq!(release.id, stream_of(&accept));
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn an_unfilled_slot_is_no_connection() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    // ACCEPT lies in the slot of what was asked before: its id word is where a return value is.
    next_accept(&mut rig, listener);
    rig.backend.publish(1);
    rig.deliver();
    let error = rig.frontend.try_accept(listener, 0);
    assert_eq!(error, Err(TryError::WouldBlock));
    assert_eq!(rig.frontend.stats().bad_responses, 1);
}

#[test]
fn the_ring_of_an_accept_stays_aside_until_the_backend_is_closed() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    next_accept(&mut rig, listener);
    assert_eq!(rig.platform.shared_pages(), 4);
    rig.frontend
        .on_backend_state(XenbusState::Closing, rig.now_ns);
    rig.store.set_backend_state(XenbusState::Closing);
    close(&mut rig, listener);
    assert_eq!(rig.platform.shared_pages(), 4);
    rig.reconnect();
    rig.step();
    assert_eq!(rig.platform.shared_pages(), 4, "the backend is not closed");
    rig.backend.unbind();
    rig.come_back();
    rig.advance(60 * SECOND);
    assert_clean(&rig);
}

#[test]
fn a_guest_does_not_end_while_linux_may_accept() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    next_accept(&mut rig, listener);
    rig.frontend.close_all(None, 0);
    assert_eq!(rig.frontend.draining(), 1);
    let (woken, waker) = CountingWaker::pair();
    rig.frontend.register_drain(&waker);
    rig.advance(SECOND);
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.draining(), 0);
    assert_eq!(rig.frontend.unanswered_connects(), 1);
    rig.frontend.register_drain(&waker);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_eq!(rig.frontend.unanswered_connects(), 0);
    assert_eq!(woken.count(), 2);
    // With one that cancels there is nothing to wait for.
    let mut rig = rig_with(&["feature-cancel"]);
    let listener = listening(&mut rig, 80);
    next_accept(&mut rig, listener);
    rig.frontend.close_all(None, 0);
    assert_eq!(rig.frontend.unanswered_connects(), 0);
    // Streams that nobody took end with the rest.
    let mut rig = super::rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    rig.frontend.close_all(None, 0);
    assert!(rig.frontend.try_accept(listener, 0).is_err());
    rig.settle();
    rig.advance(SECOND);
    rig.settle();
    assert_eq!(rig.frontend.draining(), 0);
}
