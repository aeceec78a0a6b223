//! The backend goes away, and comes back: a datagram socket fails once, and goes on.

use super::{SECOND, address, begin_at, rig, ring, set_peer, whole};
use crate::platform::{XenbusState, key};
use crate::test_utils::{BACKEND_DIR, Call, CountingWaker, Rig};
use crate::tests::{answer, assert_clean, next};
use crate::{
    ConnectOptions, Errno, Features, Interest, Readiness, RingOrder, SocketError, SocketId,
    TryError,
};

/// The backend closes, and lets go of everything.
fn lose(rig: &mut Rig) {
    rig.store.set_backend_state(XenbusState::Closed);
    rig.frontend
        .on_backend_state(XenbusState::Closed, rig.now_ns);
    rig.backend.unbind();
    rig.advance(SECOND);
    rig.reconnect();
}

/// A rig that was up for long, and a socket that was bound with port 0.
fn bound_by_the_host() -> (Rig, SocketId) {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    let id = begin_at(&mut rig, address("198.51.100.7:0"));
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    let bind = expect!(&mut rig, Call::Bind { .. });
    rig.backend
        .answer_named(&bind, Some(address("198.51.100.7:40000")), None);
    rig.deliver();
    rig.settle();
    assert_eq!(rig.frontend.try_bound(id), Ok(()));
    (rig, id)
}

#[track_caller]
fn receive(rig: &mut Rig, id: SocketId) -> Result<usize, TryError> {
    let received = rig.frontend.try_receive_from(id, &mut [0; 99], true);
    received.map(|it| it.bytes)
}

#[test]
fn it_fails_once_and_is_bound_to_the_same_port_again() {
    let (mut rig, id) = bound_by_the_host();
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    let before = woken.count();
    lose(&mut rig);
    assert!(woken.count() > before);
    let everything = Readiness::READABLE | Readiness::WRITABLE | Readiness::ERROR;
    assert_eq!(rig.frontend.readiness(id), Ok(everything));
    let error = receive(&mut rig, id).expect_err("told once");
    assert_eq!(error.errno(), Errno::ECONNRESET);
    assert_eq!(receive(&mut rig, id), Err(TryError::WouldBlock));
    assert_eq!(rig.frontend.readiness(id), Ok(Readiness::empty()));
    let sent = rig.frontend.try_send_to(id, b"x", Some(Rig::PEER), 0);
    assert_eq!(sent, Err(SocketError::Away.into()), "nobody could send it");
    assert_eq!(rig.frontend.try_bound(id), Err(TryError::WouldBlock));
    rig.stay_away(3600 * SECOND);
    assert_eq!(receive(&mut rig, id), Err(TryError::WouldBlock), "patient");

    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    rig.come_back();
    let socket = expect!(&mut rig, Call::Socket { kind: 2, .. });
    answer!(&mut rig, socket, 0);
    let bind = next(&mut rig);
    let at = address("198.51.100.7:40000");
    assert_eq!(bind.call, Call::Bind { at, len: 16 });
    answer!(&mut rig, bind, 0);
    let attach = expect!(&mut rig, Call::Attach { .. });
    answer!(&mut rig, attach, 0);
    assert_eq!(rig.frontend.try_bound(id), Ok(()));
    assert!(woken.count() >= 1);
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    let before = woken.count();
    ring(&rig, id).send_datagram(Rig::PEER, b"again");
    rig.deliver();
    assert!(woken.count() > before);
    assert_eq!(receive(&mut rig, id), Ok(5));
    let sent = rig
        .frontend
        .try_send_to(id, b"x", Some(Rig::PEER), rig.now_ns);
    assert_eq!(sent, Ok(()));
    rig.frontend.close(id, Some(0), rig.now_ns).expect("good");
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn a_sender_may_be_the_one_who_is_told() {
    let (mut rig, id) = bound_by_the_host();
    lose(&mut rig);
    let sent = rig.frontend.try_send_to(id, b"x", Some(Rig::PEER), 0);
    let error = sent.expect_err("told once");
    assert_eq!(error.errno(), Errno::ECONNRESET);
    assert_eq!(receive(&mut rig, id), Err(TryError::WouldBlock));
}

#[test]
fn its_peer_is_set_again() {
    let (mut rig, id) = bound_by_the_host();
    set_peer(&mut rig, id);
    lose(&mut rig);
    rig.come_back();
    for _ in 0..2 {
        let request = next(&mut rig);
        answer(&mut rig, &request, 0);
    }
    let connect = next(&mut rig);
    assert!(
        matches!(connect.call, Call::Connect { to, grant, .. } if to == Rig::PEER && grant > 0),
        "{connect:?}"
    );
    answer!(&mut rig, connect, 0);
    assert!(receive(&mut rig, id).is_err(), "told once");
    let sent = rig.frontend.try_send_to(id, b"x", None, rig.now_ns);
    assert_eq!(sent, Ok(()));
    rig.frontend.close(id, Some(0), rig.now_ns).expect("good");
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn a_second_outage_at_any_step_is_survived_as_well() {
    for answered in 0..3 {
        let (mut rig, id) = bound_by_the_host();
        lose(&mut rig);
        rig.come_back();
        for _ in 0..answered {
            let request = next(&mut rig);
            answer(&mut rig, &request, 0);
        }
        // With one more on its way.
        let _pending = next(&mut rig);
        rig.advance(20 * SECOND);
        lose(&mut rig);
        assert!(receive(&mut rig, id).is_err(), "told once");
        assert_eq!(receive(&mut rig, id), Err(TryError::WouldBlock));
        rig.come_back();
        rig.settle();
        assert_eq!(rig.frontend.try_bound(id), Ok(()), "{answered}");
        ring(&rig, id).send_datagram(Rig::PEER, b"back");
        assert_eq!(receive(&mut rig, id), Ok(4));
        rig.frontend.close(id, Some(0), rig.now_ns).expect("good");
        rig.settle();
        assert_clean(&rig);
    }
}

#[test]
fn a_port_that_is_taken_meanwhile_is_an_error_that_stays() {
    let (mut rig, id) = bound_by_the_host();
    lose(&mut rig);
    rig.come_back();
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    let bind = expect!(&mut rig, Call::Bind { .. });
    answer!(&mut rig, bind, -98);
    rig.settle();
    let error = SocketError::Remote(Errno::EADDRINUSE).into();
    for _ in 0..2 {
        assert_eq!(receive(&mut rig, id), Err(error));
    }
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_clean(&rig);
}

#[test]
fn a_backend_that_comes_back_without_datagrams_is_an_error_that_stays() {
    let (mut rig, id) = bound_by_the_host();
    lose(&mut rig);
    rig.store.remove(&key(BACKEND_DIR, "feature-udp"));
    rig.come_back();
    rig.settle();
    let error = SocketError::Unsupported(Features::UDP).into();
    assert_eq!(receive(&mut rig, id), Err(error));
    assert_eq!(rig.frontend.try_bound(id), Err(error));
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_clean(&rig);
}

#[test]
fn one_that_is_closed_during_the_outage_leaves_nothing() {
    let (mut rig, id) = bound_by_the_host();
    lose(&mut rig);
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_eq!(rig.frontend.stats().sockets, 0);
    rig.come_back();
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn one_that_was_not_bound_yet_fails_and_one_begun_in_the_outage_waits() {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    let early = begin_at(&mut rig, Rig::LOCAL);
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    lose(&mut rig);
    let error = rig.frontend.try_bound(early).expect_err("it failed");
    assert_eq!(error.errno(), Errno::ECONNRESET);
    rig.frontend.close(early, None, rig.now_ns).expect("good");
    let options = ConnectOptions {
        ring_order: Some(RingOrder::MIN),
        deadline_ns: Some(rig.now_ns + 100 * SECOND),
    };
    let id = rig
        .frontend
        .bind_datagram(Rig::LOCAL, options, rig.now_ns)
        .expect("a device that is away takes binds");
    let impatient = begin_at(&mut rig, Rig::LOCAL);
    rig.stay_away(20 * SECOND);
    assert_eq!(rig.frontend.try_bound(id), Err(TryError::WouldBlock));
    let away = SocketError::Away.into();
    assert_eq!(rig.frontend.try_bound(impatient), Err(away));
    rig.frontend
        .close(impatient, None, rig.now_ns)
        .expect("good");
    rig.come_back();
    rig.settle();
    assert_eq!(rig.frontend.try_bound(id), Ok(()));
    ring(&rig, id).send_datagram(Rig::PEER, b"x");
    let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(received, Ok(whole(1)));
    rig.frontend.close(id, Some(0), rig.now_ns).expect("good");
    rig.settle();
    assert_clean(&rig);
}
