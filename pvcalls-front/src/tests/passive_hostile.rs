//! Listeners and a backend that errs, lies or forgets.

use alloc::vec::Vec;

use super::passive::{
    SECOND, at, begin, close, id_of, listening, next_accept, rig_with, small, stream_of, take,
};
use super::{assert_clean, next, nothing_asked, rig};
use crate::test_utils::{Call, FakeRequest, FakeStore, Rig};
use crate::{Config, ConnectOptions, Errno, RingOrder, SocketError, SocketId, TryError};

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
