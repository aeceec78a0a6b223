//! Listeners and a backend that errs, lies or forgets: Linux's defects by name, then
//! worse.

use alloc::vec::Vec;

use super::passive::{
    SECOND, at, begin, close, establish, id_of, listening, next_accept, rig_with, small, stream_of,
    take,
};
use super::{assert_clean, next, nothing_asked, rig};
use crate::platform::XenbusState;
use crate::test_utils::{Call, CountingWaker, FakeRequest, FakeStore, Rig};
use crate::{
    Config, ConnectOptions, DeviceFault, Errno, RingOrder, SocketError, SocketId, TryError,
};

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

/// Makes requests whose answers a backend that errs puts others in the place of.
#[track_caller]
fn spare_slots(rig: &mut Rig, count: usize) {
    for _ in 0..count {
        super::begin(rig);
        expect!(rig, Call::Socket { .. });
    }
}

#[test]
fn accept_is_never_asked_of_what_does_not_listen() {
    // The fake would panic; the type `Listening` says so.
    let mut rig = rig();
    spare_slots(&mut rig, 1);
    let listener = begin(&mut rig, 80);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let bind = expect!(&mut rig, Call::Bind { .. });
    // A LISTEN that was not asked for is answered.
    rig.backend.respond(bind.req_id, 4, 0, bind.id);
    rig.deliver();
    assert_eq!(rig.frontend.stats().bad_responses, 1);
    nothing_asked(&mut rig);
    answer!(&mut rig, bind, 0);
    let listen = expect!(&mut rig, Call::Listen { .. });
    nothing_asked(&mut rig);
    answer!(&mut rig, listen, 0);
    next_accept(&mut rig, listener);
}

#[test]
fn answers_that_fit_no_request_do_nothing() {
    let mut rig = rig();
    spare_slots(&mut rig, 5);
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    let FakeRequest {
        req_id, cmd, id, ..
    } = accept;
    let wrong = [
        (req_id, cmd, 1, id),
        (req_id, cmd, 0, stream_of(&accept)),
        (req_id, 6, 0, id),
        (req_id ^ 32, cmd, 0, id),
        (req_id ^ 1, cmd, 0, id),
    ];
    for (count, (req_id, cmd, ret, id)) in (1..).zip(wrong) {
        rig.backend.respond(req_id, cmd, ret, id);
        rig.deliver();
        assert_eq!(rig.frontend.stats().bad_responses, count);
        let error = rig.frontend.try_accept(listener, 0);
        assert_eq!(error, Err(TryError::WouldBlock));
    }
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    let mut rig = rig();
    spare_slots(&mut rig, 1);
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    let another = next_accept(&mut rig, listener);
    rig.backend.respond(accept.req_id, accept.cmd, 0, accept.id);
    rig.deliver();
    assert_eq!(rig.frontend.stats().bad_responses, 1);
    take(&mut rig, listener);
    let error = rig.frontend.try_accept(listener, 0);
    assert_eq!(error, Err(TryError::WouldBlock));
    answer!(&mut rig, another, 0);
    take(&mut rig, listener);
}

#[test]
fn a_lost_answer_stops_this_listener_alone_until_it_is_closed() {
    let mut rig = rig();
    let forgotten = listening(&mut rig, 80);
    let _lost = next_accept(&mut rig, forgotten);
    let other = listening(&mut rig, 81);
    for _ in 0..50 {
        let accept = next_accept(&mut rig, other);
        answer!(&mut rig, accept, 0);
        let stream = take(&mut rig, other);
        close(&mut rig, stream);
        // RELEASE goes first, the next ACCEPT is out before it.
        let mut accept = None;
        for _ in 0..2 {
            let request = next(&mut rig);
            match request.call {
                Call::Accept { .. } => accept = Some(request),
                _ => answer!(&mut rig, request, 0),
            }
        }
        let accept = accept.expect("it goes on");
        answer!(&mut rig, accept, 0);
        take(&mut rig, other);
    }
    close(&mut rig, forgotten);
    assert_eq!(rig.frontend.stats().listeners, 1);
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
fn connections_without_end_do_not_look_like_a_storm() {
    // Each answer brings the next request with it: as many are out as before.
    let mut rig = rig_with(&["feature-cancel"]);
    let listener = { rig.frontend.listen(at(80), small(), 0) }.expect("nothing is short");
    rig.settle();
    for _ in 0..500 {
        rig.backend.accept(listener).expect("it accepts");
        rig.deliver();
        let stream = take(&mut rig, listener);
        rig.frontend.close(stream, Some(0), 0).expect("good");
        rig.backend.serve();
        rig.deliver();
    }
    assert_eq!(rig.frontend.stats().ports_masked, 0);
}

#[test]
fn events_without_end_on_the_port_of_an_accept_are_masked() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    rig.backend.answer(&accept, 0);
    let id = id_of(&accept);
    let port = rig.backend.stream(id).expect("open").port();
    for _ in 0..1000 {
        rig.frontend.on_event(port, 0);
    }
    assert!(rig.frontend.stats().ports_masked > 0);
    rig.advance(SECOND);
    rig.deliver();
    let stream = take(&mut rig, listener);
    rig.backend.stream(stream).expect("open").send(b"x");
    rig.deliver();
    assert_eq!(rig.frontend.try_read(stream, &mut [0; 4]), Ok(1));
}

#[test]
fn a_stream_that_breaks_the_rules_before_it_is_taken_fails_alone() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    rig.backend.answer(&accept, 0);
    let id = id_of(&accept);
    rig.backend.stream(id).expect("open").shift_out_cons(5);
    rig.deliver();
    let stream = take(&mut rig, listener);
    let error = rig.frontend.try_read(stream, &mut [0; 4]);
    assert!(matches!(error, Err(TryError::Failed(SocketError::Ring(_)))));
    close(&mut rig, stream);
    assert_eq!(rig.frontend.try_listen(listener), Ok(()));
}

#[test]
fn a_stream_that_was_reset_before_it_is_taken_gives_what_came_first() {
    let mut rig = rig();
    let listener = listening(&mut rig, 80);
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    let backend = rig.backend.stream(id_of(&accept)).expect("open");
    backend.send(b"last words");
    backend.set_out_error(-104);
    rig.deliver();
    let stream = take(&mut rig, listener);
    assert_eq!(rig.frontend.try_read(stream, &mut [0; 16]), Ok(10));
    let error = rig.frontend.try_read(stream, &mut [0; 16]);
    assert_eq!(error, Err(SocketError::Remote(Errno::ECONNRESET).into()));
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

#[test]
fn everything_at_once_ends_clean() {
    let mut rig = Rig::with_store(Config::default(), FakeStore::with_features());
    let listeners: Vec<SocketId> = (1..5).map(|port| begin(&mut rig, port)).collect();
    rig.settle();
    let mut streams = Vec::new();
    for round in 0..50 {
        for &listener in &listeners {
            rig.backend.accept(listener);
            rig.deliver();
            if let Ok(stream) = rig.frontend.try_accept(listener, rig.now_ns) {
                streams.push(stream);
            }
        }
        let options = ConnectOptions {
            ring_order: Some(RingOrder::MIN),
            deadline_ns: None,
        };
        { rig.frontend.connect(Rig::PEER, options, rig.now_ns) }
            .map(|id| streams.push(id))
            .expect("nothing is short");
        if round % 3 == 0 {
            let id = streams.remove(0);
            close(&mut rig, id);
        }
        rig.settle();
    }
    for id in streams.into_iter().chain(listeners) {
        close(&mut rig, id);
    }
    rig.settle();
    rig.settle();
    assert_clean(&rig);
    assert_eq!(rig.frontend.stats().bad_responses, 0);
}
