//! What callers see while the backend is away, and after.

use super::{assert_clean, begin, connected, rig};
use crate::platform::XenbusState;
use crate::test_utils::{Call, CountingWaker, Rig};
use crate::{
    Blame, ConnectError, ConnectOptions, Errno, Interest, ResourceError, RingOrder, ShareError,
    SocketError, SocketId, TryError,
};

const SECOND: u64 = 1_000_000_000;

/// The backend closes, and lets go of everything.
fn lose(rig: &mut Rig) {
    rig.store.set_backend_state(XenbusState::Closed);
    rig.frontend
        .on_backend_state(XenbusState::Closed, rig.now_ns);
    rig.backend.unbind();
    rig.advance(SECOND);
    rig.reconnect();
}

/// A rig during an outage of its backend, which was up for long.
fn away() -> Rig {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    lose(&mut rig);
    rig
}

#[track_caller]
fn connect_until(rig: &mut Rig, deadline_ns: u64) -> SocketId {
    let options = ConnectOptions {
        ring_order: None,
        deadline_ns: Some(deadline_ns),
    };
    rig.frontend
        .connect(Rig::PEER, options, rig.now_ns)
        .expect("a device that is away takes connects")
}

#[test]
fn a_connect_without_a_deadline_waits_ten_seconds() {
    let mut rig = away();
    let id = begin(&mut rig);
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Connect, &waker)
        .expect("good");
    rig.stay_away(10 * SECOND - 1);
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    assert_eq!(woken.count(), 0);
    rig.stay_away(1);
    assert_eq!(woken.count(), 1);
    let error = SocketError::Away;
    assert_eq!(rig.frontend.try_connect(id), Err(error.into()));
    assert_eq!(error.errno(), Errno::ENETDOWN);
    assert_eq!(error.blame(), Blame::Backend);
    rig.come_back();
    assert_eq!(rig.frontend.try_connect(id), Err(error.into()), "it stays");
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_clean(&rig);
}

#[test]
fn a_connect_with_a_deadline_waits_until_then() {
    for patience in [1, 100] {
        let mut rig = away();
        let deadline_ns = rig.now_ns + patience * SECOND;
        let id = connect_until(&mut rig, deadline_ns);
        rig.stay_away(patience * SECOND - 1);
        assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
        rig.stay_away(1);
        let error = SocketError::TimedOut.into();
        assert_eq!(rig.frontend.try_connect(id), Err(error));
        rig.frontend.close(id, None, rig.now_ns).expect("good");
        rig.come_back();
        assert_clean(&rig);
    }
}

#[test]
fn a_connect_succeeds_if_the_backend_is_back_in_time() {
    let mut rig = away();
    let patient = begin(&mut rig);
    let until_ns = rig.now_ns + 30 * SECOND;
    let strict = connect_until(&mut rig, until_ns);
    let given_up = begin(&mut rig);
    rig.frontend
        .close(given_up, None, rig.now_ns)
        .expect("good");
    assert_eq!(rig.frontend.stats().sockets, 2, "no trace of it");
    rig.stay_away(9 * SECOND);
    rig.come_back();
    // From now on it is the other end's patience that counts.
    rig.advance(20 * SECOND);
    assert_eq!(rig.frontend.try_connect(patient), Err(TryError::WouldBlock));
    rig.settle();
    for id in [patient, strict] {
        assert_eq!(rig.frontend.try_connect(id), Ok(()));
        rig.frontend.try_write(id, b"hello", 0).expect("room");
        rig.idle();
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.receive(9), b"hello");
        rig.frontend.close(id, None, rig.now_ns).expect("good");
    }
    assert_eq!(
        rig.backend.stream(patient).expect("open").array_bytes(),
        4096
    );
    assert_eq!(
        rig.backend.stream(strict).expect("open").array_bytes(),
        32768
    );
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn deadlines_count_on_after_the_backend_is_back() {
    let mut rig = away();
    let begun_ns = rig.now_ns;
    let strict = connect_until(&mut rig, begun_ns + 12 * SECOND);
    let patient = begin(&mut rig);
    rig.stay_away(8 * SECOND);
    rig.come_back();
    rig.advance(4 * SECOND);
    let late = Err(SocketError::TimedOut.into());
    assert_eq!(rig.frontend.try_connect(strict), late);
    rig.advance(145 * SECOND);
    assert_eq!(rig.frontend.try_connect(patient), Err(TryError::WouldBlock));
    rig.advance(SECOND);
    assert_eq!(rig.frontend.try_connect(patient), late);
}

#[test]
fn a_ring_larger_than_the_new_backend_takes_is_cut_to_its_size() {
    let mut rig = away();
    let until_ns = rig.now_ns + 60 * SECOND;
    let id = connect_until(&mut rig, until_ns);
    let large = ConnectOptions {
        ring_order: RingOrder::new(9),
        deadline_ns: None,
    };
    let error = rig.frontend.connect(Rig::PEER, large, rig.now_ns);
    assert!(matches!(error, Err(ConnectError::RingOrder { .. })));
    let dir = crate::test_utils::BACKEND_DIR;
    let order = crate::platform::key(dir, "max-page-order");
    rig.store.set(&order, "1");
    rig.come_back();
    rig.settle();
    assert_eq!(rig.frontend.try_connect(id), Ok(()));
    assert_eq!(rig.backend.stream(id).expect("open").array_bytes(), 4096);
}

#[test]
fn a_shortage_when_the_backend_is_back_fails_the_connect_alone() {
    let mut rig = away();
    let id = begin(&mut rig);
    let shortage = ShareError::NoGrants;
    // The handshake itself gets its page.
    while rig.store.frontend_states().last() != Some(&3) {
        rig.step();
        rig.store.react();
    }
    rig.platform.set_share_error(Some(shortage));
    rig.come_back();
    let error = SocketError::Resources(ResourceError::Share(shortage));
    assert_eq!(rig.frontend.try_connect(id), Err(error.into()));
    assert_eq!(error.errno(), Errno::ENOBUFS);
    assert_eq!(error.blame(), Blame::Guest);
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_clean(&rig);
    rig.platform.set_share_error(None);
    connected(&mut rig);
}

#[test]
fn what_came_in_is_readable_during_the_outage_and_after_it() {
    let mut rig = rig();
    rig.advance(3600 * SECOND);
    let id = connected(&mut rig);
    rig.backend.stream(id).expect("connected").send(b"the last");
    let (woken, waker) = CountingWaker::pair();
    for interest in [Interest::Read, Interest::Write] {
        rig.frontend.register(id, interest, &waker).expect("good");
    }
    lose(&mut rig);
    assert!(woken.count() >= 2, "reader and writer");
    let mut into = [0; 4];
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(4));
    assert_eq!(&into, b"the ");
    rig.come_back();
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(4));
    assert_eq!(&into, b"last");
    let error = rig.frontend.try_read(id, &mut into);
    assert_eq!(error.map_err(|error| error.errno()), Err(Errno::ECONNRESET));
    // The handle names nobody else's socket.
    let other = connected(&mut rig);
    assert_ne!(id, other);
    assert!(rig.frontend.try_write(id, b"x", 0).is_err());
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    assert_eq!(
        rig.frontend.try_write(id, b"x", 0),
        Err(SocketError::NoSuchSocket.into())
    );
    rig.frontend.close(other, None, rig.now_ns).expect("good");
    rig.settle();
    assert_clean(&rig);
}

#[test]
fn an_end_that_came_in_is_an_end_and_no_reset() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    stream.send(b"bye");
    stream.close();
    lose(&mut rig);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(3));
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(0));
}

#[test]
fn what_was_saved_from_a_failed_socket_survives_the_loss_of_the_device() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let stream = rig.backend.stream(id).expect("connected");
    stream.send(b"answer");
    stream.set_out_error(-32);
    rig.deliver();
    let _release = expect!(&mut rig, Call::Release { .. });
    lose(&mut rig);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(6));
    let error = rig.frontend.try_write(id, b"x", 0);
    assert_eq!(error, Err(SocketError::Remote(Errno::EPIPE).into()));
}

#[test]
fn the_end_of_a_guest_does_not_wait_for_an_answer_that_cannot_come() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    rig.frontend.close_all(None, 0);
    assert_eq!(rig.frontend.unanswered_connects(), 1, "{id}");
    let (woken, waker) = CountingWaker::pair();
    rig.frontend.register_drain(&waker);
    rig.frontend.on_backend_state(XenbusState::Closing, 0);
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.unanswered_connects(), 0);
}

#[test]
fn the_end_of_a_guest_waits_for_nothing_during_an_outage() {
    let mut rig = away();
    let waiting = begin(&mut rig);
    rig.frontend.close_all(None, rig.now_ns);
    assert!(rig.frontend.try_connect(waiting).is_err());
    assert_eq!(rig.frontend.draining(), 0);
    assert_eq!(rig.frontend.unanswered_connects(), 0);
    assert_eq!(rig.frontend.stats().sockets, 0);
}
