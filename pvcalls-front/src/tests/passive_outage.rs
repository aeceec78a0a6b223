//! Listeners and a backend that goes away, and comes back.

use super::passive::{
    SECOND, at, begin, close, establish, id_of, listening, next_accept, rig_with, small, take,
};
use super::{assert_clean, next, nothing_asked, rig};
use crate::platform::XenbusState;
use crate::test_utils::{BACKEND_DIR, Call, CountingWaker, Rig};
use crate::{Errno, Interest, ListenOptions, SocketError, TryError};

/// The backend goes away in good order.
#[track_caller]
fn lose(rig: &mut Rig) {
    rig.store.set_backend_state(XenbusState::Closed);
    rig.frontend
        .on_backend_state(XenbusState::Closed, rig.now_ns);
    rig.backend.unbind();
    rig.advance(SECOND);
    rig.reconnect();
}

#[test]
fn a_listener_outlives_the_backend_and_who_accepts_goes_on_waiting() {
    for features in [&[] as &[&str], &["feature-multi-accept", "feature-cancel"]] {
        let mut rig = rig_with(features);
        rig.advance(3600 * SECOND);
        let listener = listening(&mut rig, 80);
        let accept = next_accept(&mut rig, listener);
        answer!(&mut rig, accept, 0);
        rig.backend
            .stream(id_of(&accept))
            .expect("open")
            .send(b"bytes");
        lose(&mut rig);
        let readiness = rig.frontend.try_listen(listener);
        assert_eq!(readiness, Ok(()), "it is a listener all the time");
        assert_eq!(rig.frontend.local_addr(listener), Ok(at(80)));
        // What had come is lost like any stream, with what it brought.
        let stream = take(&mut rig, listener);
        assert_eq!(rig.frontend.try_read(stream, &mut [0; 9]), Ok(5));
        let error = rig.frontend.try_read(stream, &mut [0; 9]);
        assert_eq!(error.map_err(|error| error.errno()), Err(Errno::ECONNRESET));
        close(&mut rig, stream);
        let (woken, waker) = CountingWaker::pair();
        { rig.frontend.register(listener, Interest::Read, &waker) }.expect("good");
        rig.stay_away(3600 * SECOND);
        let error = rig.frontend.try_accept(listener, rig.now_ns);
        assert_eq!(error, Err(TryError::WouldBlock));
        rig.come_back();
        { rig.frontend.register(listener, Interest::Read, &waker) }.expect("good");
        establish(&mut rig, listener);
        { rig.frontend.register(listener, Interest::Read, &waker) }.expect("good");
        let before = woken.count();
        let accept = next_accept(&mut rig, listener);
        answer!(&mut rig, accept, 0);
        assert_eq!(woken.count(), before + 1);
        let stream = take(&mut rig, listener);
        close(&mut rig, stream);
        close(&mut rig, listener);
        rig.settle();
        rig.advance(60 * SECOND);
        let stats = rig.frontend.stats();
        assert_eq!(stats.quarantined_pages, 0);
    }
}

#[test]
fn a_listener_that_does_not_survive_says_so_once_and_for_all() {
    let mut rig = rig();
    let options = ListenOptions {
        survives: false,
        ..small()
    };
    let listener = rig.frontend.listen(at(80), options, 0).expect("known");
    establish(&mut rig, listener);
    let (woken, waker) = CountingWaker::pair();
    { rig.frontend.register(listener, Interest::Read, &waker) }.expect("good");
    lose(&mut rig);
    assert!(woken.count() > 0);
    let error = rig
        .frontend
        .try_accept(listener, 0)
        .expect_err("it is lost");
    assert_eq!(error.errno(), Errno::ECONNRESET);
    rig.come_back();
    nothing_asked(&mut rig);
    close(&mut rig, listener);
    rig.advance(60 * SECOND);
    assert_clean(&rig);
}

#[test]
fn a_port_that_is_still_taken_after_an_outage_is_waited_for() {
    // Linux's backend does not set SO_REUSEADDR: closed connections hold the port for a minute.
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    let listener = listening(&mut rig, 80);
    lose(&mut rig);
    rig.come_back();
    let begun_ns = rig.now_ns;
    let mut tries = 0;
    while rig.now_ns < begun_ns + 61 * SECOND {
        while let Some(request) = rig.backend.next_request() {
            let ret = match request.call {
                Call::Bind { .. } => {
                    tries += 1;
                    -98
                }
                _ => 0,
            };
            answer!(&mut rig, request, ret);
        }
        rig.advance(SECOND / 20);
        assert_eq!(rig.frontend.try_listen(listener), Ok(()));
    }
    assert!((50..90).contains(&tries), "{tries}");
    rig.advance(SECOND);
    establish(&mut rig, listener);
    next_accept(&mut rig, listener);
}

#[test]
fn a_port_that_stays_taken_fails_the_listener_with_that_reason() {
    for (number, waits) in [(98, true), (24, true), (13, false), (99, false)] {
        let mut rig = rig();
        rig.advance(3600 * SECOND);
        let listener = listening(&mut rig, 80);
        lose(&mut rig);
        rig.come_back();
        let begun_ns = rig.now_ns;
        while rig.frontend.try_listen(listener) == Ok(()) {
            while let Some(request) = rig.backend.next_request() {
                let bind = matches!(request.call, Call::Bind { .. });
                answer!(&mut rig, request, if bind { -number } else { 0 });
            }
            rig.advance(SECOND / 10);
            assert!(rig.now_ns < begun_ns + 80 * SECOND);
        }
        assert_eq!(rig.now_ns > begun_ns + 70 * SECOND, waits);
        let errno = Errno::new(number).expect("in range");
        let error: TryError = SocketError::Remote(errno).into();
        assert_eq!(rig.frontend.try_accept(listener, 0), Err(error));
        close(&mut rig, listener);
        rig.settle();
        rig.advance(60 * SECOND);
        assert_clean(&rig);
    }
}

#[test]
fn a_port_that_was_chosen_is_the_same_after_an_outage() {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    let listener = listening(&mut rig, 0);
    let local = rig.frontend.local_addr(listener).expect("known");
    lose(&mut rig);
    rig.come_back();
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Bind { .. });
    let call = Call::Bind { at: local, len: 16 };
    assert_eq!(request.call, call);
}

#[test]
fn an_outage_at_every_step_is_survived() {
    for answered in 0..4 {
        let mut rig = rig();
        rig.advance(3600 * SECOND);
        let listener = begin(&mut rig, 80);
        for _ in 0..answered {
            let request = next(&mut rig);
            answer!(&mut rig, request, 0);
        }
        lose(&mut rig);
        rig.stay_away(SECOND);
        rig.come_back();
        establish(&mut rig, listener);
        next_accept(&mut rig, listener);
    }
}

#[test]
fn who_begins_to_listen_during_an_outage_waits_for_its_end_as_long_as_said() {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    lose(&mut rig);
    let patient = begin(&mut rig, 80);
    let strict = ListenOptions {
        deadline_ns: Some(rig.now_ns + SECOND),
        ..small()
    };
    let strict = { rig.frontend.listen(at(81), strict, rig.now_ns) }.expect("known");
    rig.stay_away(2 * SECOND);
    let error: TryError = SocketError::TimedOut.into();
    assert_eq!(rig.frontend.try_listen(strict), Err(error));
    assert_eq!(rig.frontend.try_listen(patient), Err(TryError::WouldBlock));
    rig.stay_away(8 * SECOND);
    let error: TryError = SocketError::Away.into();
    assert_eq!(rig.frontend.try_listen(patient), Err(error));
    let in_time = begin(&mut rig, 82);
    let closed = begin(&mut rig, 83);
    close(&mut rig, closed);
    rig.come_back();
    establish(&mut rig, in_time);
    for id in [patient, strict] {
        close(&mut rig, id);
    }
    assert_eq!(rig.frontend.stats().listeners, 1);
}

#[test]
fn a_backend_that_comes_back_with_less_fails_what_needs_more() {
    let mut rig = rig_with(&["feature-ipv6"]);
    rig.advance(3600 * SECOND);
    let v6 = "[::]:80".parse().expect("an address");
    let listener = rig.frontend.listen(v6, small(), rig.now_ns).expect("known");
    establish(&mut rig, listener);
    rig.store
        .remove(&crate::platform::key(BACKEND_DIR, "feature-ipv6"));
    lose(&mut rig);
    rig.come_back();
    let error = rig.frontend.try_accept(listener, rig.now_ns);
    assert!(matches!(
        error,
        Err(TryError::Failed(SocketError::Unsupported(_)))
    ));
    nothing_asked(&mut rig);
    close(&mut rig, listener);
}

#[test]
fn a_backend_that_comes_back_and_says_nothing_is_not_waited_for_for_ever() {
    for answered in 0..3 {
        let mut rig = rig();
        rig.advance(3600 * SECOND);
        let options = ListenOptions {
            deadline_ns: Some(rig.now_ns + SECOND),
            ..small()
        };
        let listener = { rig.frontend.listen(at(80), options, rig.now_ns) }.expect("known");
        establish(&mut rig, listener);
        lose(&mut rig);
        rig.stay_away(3600 * SECOND);
        rig.come_back();
        for _ in 0..answered {
            let request = next(&mut rig);
            answer!(&mut rig, request, 0);
        }
        rig.advance(149 * SECOND);
        assert_eq!(rig.frontend.try_listen(listener), Ok(()));
        rig.advance(SECOND);
        let error: TryError = SocketError::TimedOut.into();
        assert_eq!(rig.frontend.try_accept(listener, rig.now_ns), Err(error));
        close(&mut rig, listener);
        rig.settle();
        assert_clean(&rig);
    }
}
