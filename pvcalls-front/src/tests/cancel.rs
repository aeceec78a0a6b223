//! A backend that can cancel a CONNECT: `feature-cancel`.

use alloc::vec::Vec;

use super::{assert_clean, begin};
use crate::test_utils::{Call, FakeStore, Rig};
use crate::{Config, SocketError, SocketId, TryError};

const SECOND: u64 = 1_000_000_000;

fn rig() -> Rig {
    Rig::with_store(Config::default(), FakeStore::with_features())
}

/// Begins a connect until its CONNECT is with the backend, and gives that.
#[track_caller]
fn connecting(rig: &mut Rig) -> (SocketId, crate::test_utils::FakeRequest) {
    let id = begin(rig);
    let request = expect!(rig, Call::Socket { .. });
    answer!(rig, request, 0);
    (id, expect!(rig, Call::Connect { .. }))
}

#[test]
fn as_many_connects_are_out_as_there_are_slots() {
    let mut rig = rig();
    let out: Vec<_> = (0..20).map(|_| connecting(&mut rig)).collect();
    let waiting = begin(&mut rig);
    let socket = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, socket, 0);
    super::nothing_asked(&mut rig);
    for (_, request) in &out {
        answer!(&mut rig, request, 0);
    }
    for (id, _) in out {
        assert_eq!(rig.frontend.try_connect(id), Ok(()));
    }
    rig.settle();
    assert_eq!(rig.frontend.try_connect(waiting), Ok(()));
}

#[test]
fn a_connect_given_up_is_released_at_once() {
    let mut rig = rig();
    let (id, connect) = connecting(&mut rig);
    assert_eq!(rig.frontend.unanswered_connects(), 0, "nobody waits for it");
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    assert_eq!(release.id, connect.id);
    answer!(&mut rig, connect, -125);
    super::nothing_asked(&mut rig);
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
    // So is one whose deadline has passed, and the caller learns that it was the deadline.
    let (id, connect) = connecting(&mut rig);
    rig.advance(150 * SECOND);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, connect, -125);
    answer!(&mut rig, release, 0);
    let error = TryError::Failed(SocketError::TimedOut);
    assert_eq!(rig.frontend.try_connect(id), Err(error));
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_clean(&rig);
}

#[test]
fn a_connect_that_succeeds_at_the_last_moment_is_released_all_the_same() {
    let mut rig = rig();
    let (id, connect) = connecting(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    answer!(&mut rig, connect, 0);
    let release = expect!(&mut rig, Call::Release { .. });
    super::nothing_asked(&mut rig);
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
    assert_eq!(rig.frontend.stats().late_answers, 1);
}

#[test]
fn answers_in_the_wrong_order_or_not_at_all_do_no_harm() {
    let mut rig = rig();
    let (id, connect) = connecting(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_eq!(rig.frontend.stats().sockets, 0);
    rig.backend
        .respond(connect.req_id, connect.cmd, 0, connect.id);
    rig.deliver();
    assert_clean(&rig);
    super::connected(&mut rig);
}

#[test]
fn a_ring_that_may_still_be_mapped_is_not_kept_for_others() {
    let mut rig = rig();
    let id = rig
        .frontend
        .connect(Rig::PEER, crate::ConnectOptions::default(), 0)
        .expect("there are resources");
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let _unanswered = expect!(&mut rig, Call::Connect { .. });
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_eq!(rig.frontend.stats().pooled_rings, 0);
    assert_clean(&rig);
}

#[test]
fn what_the_backend_knows_is_found_out_at_each_reconnect() {
    use crate::features::Features;
    use crate::platform::{XenbusState, key};
    let mut rig = rig();
    rig.store.set_backend_state(XenbusState::Closed);
    for (_, name) in Features::KEYS {
        let ours = rig.store.number(&key(crate::FRONTEND_DIR, name));
        assert_eq!(ours, Some(1), "{name}");
        rig.store.remove(&key(crate::test_utils::BACKEND_DIR, name));
    }
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    for (_, name) in Features::KEYS {
        let ours = rig.store.number(&key(crate::FRONTEND_DIR, name));
        assert_eq!(ours, Some(0), "{name}");
    }
    let (id, _connect) = connecting(&mut rig);
    assert_eq!(rig.frontend.unanswered_connects(), 1);
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    super::nothing_asked(&mut rig);
}

#[test]
fn a_backend_that_dies_between_the_two_answers_leaves_nothing() {
    let mut rig = rig();
    let (id, connect) = connecting(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    let _release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, connect, -125);
    rig.backend.die();
    rig.backend.raise();
    rig.deliver();
    rig.reconnect();
    assert_eq!(rig.platform.shared_pages(), 0);
    assert_eq!(rig.platform.open_ports(), 0);
}

#[test]
fn connect_goes_out_right_behind_socket() {
    let mut rig = rig();
    let before = rig.platform.all_notifications();
    let id = begin(&mut rig);
    assert_eq!(rig.platform.all_notifications(), before + 1, "one event");
    let socket = expect!(&mut rig, Call::Socket { .. });
    let connect = expect!(&mut rig, Call::Connect { to: Rig::PEER, .. });
    assert_eq!((socket.id, connect.id), (id.get(), id.get()));
    answer!(&mut rig, socket, 0);
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    super::nothing_asked(&mut rig);
    answer!(&mut rig, connect, 0);
    assert_eq!(rig.frontend.try_connect(id), Ok(()));
    rig.frontend.close(id, None, 0).expect("good");
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn a_connect_whose_socket_was_refused_is_released_whatever_it_is_answered() {
    for ret in [-9, 0] {
        let mut rig = rig();
        let id = begin(&mut rig);
        let socket = expect!(&mut rig, Call::Socket { .. });
        let connect = expect!(&mut rig, Call::Connect { .. });
        answer!(&mut rig, socket, -97);
        let refused = TryError::Failed(SocketError::Remote(crate::Errno::EAFNOSUPPORT));
        assert_eq!(rig.frontend.try_connect(id), Err(refused));
        let release = expect!(&mut rig, Call::Release { .. });
        answer!(&mut rig, connect, ret);
        answer!(&mut rig, release, ret);
        assert_eq!(rig.frontend.try_connect(id), Err(refused));
        rig.frontend.close(id, None, 0).expect("good");
        assert_clean(&rig);
    }
}

#[test]
fn a_connect_given_up_before_any_answer_is_released() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let socket = expect!(&mut rig, Call::Socket { .. });
    let connect = expect!(&mut rig, Call::Connect { .. });
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, socket, 0);
    answer!(&mut rig, connect, -125);
    super::nothing_asked(&mut rig);
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn the_answer_to_socket_may_come_last() {
    for ret in [0, -97] {
        let mut rig = rig();
        let id = begin(&mut rig);
        let socket = expect!(&mut rig, Call::Socket { .. });
        let connect = expect!(&mut rig, Call::Connect { .. });
        answer!(&mut rig, connect, 0);
        assert_eq!(rig.frontend.try_connect(id), Ok(()));
        answer!(&mut rig, socket, ret);
        assert_eq!(rig.frontend.try_connect(id), Ok(()));
        super::nothing_asked(&mut rig);
        rig.frontend.close(id, None, 0).expect("good");
        rig.settle();
        assert_clean(&rig);
    }
}
