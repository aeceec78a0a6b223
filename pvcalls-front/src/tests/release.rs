//! Closing: nothing written is lost, nothing shared is freed too early, nothing is left.

use super::{assert_clean, connected, nothing_asked, rig};
use crate::test_utils::{Call, CountingWaker, Rig};
use crate::{Errno, SocketError, SocketId};

const SECOND: u64 = 1_000_000_000;

#[test]
fn release_waits_until_the_out_ring_has_drained() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend
        .try_write(id, &[5; 4000], 0)
        .expect("there is room");
    rig.frontend.close(id, None, 0).expect("good");
    assert_eq!(rig.frontend.draining(), 1);
    let (woken, waker) = CountingWaker::pair();
    rig.frontend.register_drain(&waker);
    nothing_asked(&mut rig);

    let stream = rig.backend.stream(id).expect("connected");
    assert!(rig.platform.notifications(stream.port()) > 0, "it was told");
    assert_eq!(stream.receive(3999).len(), 3999);
    rig.deliver();
    nothing_asked(&mut rig);
    assert_eq!(woken.count(), 0);
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(100), [5]);
    rig.deliver();
    assert_eq!(rig.frontend.draining(), 0);
    assert_eq!(woken.count(), 1);
    let release = expect!(&mut rig, Call::Release { reuse: 0 });
    assert_eq!(release.id, id.get());
    assert_eq!(rig.platform.shared_pages(), 4, "until the answer");
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn all_sockets_close_at_once_and_lose_nothing() {
    let mut rig = rig();
    let [first, second] = [connected(&mut rig), connected(&mut rig)];
    for (id, bytes) in [(first, b"one"), (second, b"two")] {
        rig.frontend.try_write(id, bytes, 0).expect("there is room");
    }
    rig.frontend.close_all(None, 0);
    assert_eq!(rig.frontend.draining(), 2);
    let write = rig.frontend.try_write(first, b"more", 0);
    assert_eq!(write, Err(SocketError::NoSuchSocket.into()));
    for (id, bytes) in [(first, b"one"), (second, b"two")] {
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.receive(100), bytes);
        rig.deliver();
        let release = expect!(&mut rig, Call::Release { .. });
        answer!(&mut rig, release, 0);
    }
    assert_clean(&rig);
}

#[test]
fn release_of_an_idle_socket_follows_at_once() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn input_is_thrown_away_while_draining_so_that_the_peer_sees_no_reset() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"bye", 0).expect("room");
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.send(&[1; 9999]), 4096, "the in ring is full");
    rig.frontend.close(id, None, 0).expect("good");
    for _ in 0..3 {
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.queued_in(), 0);
        assert_eq!(stream.send(&[1; 9999]), 4096);
        rig.deliver();
    }
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(10), b"bye");
    rig.deliver();
    expect!(&mut rig, Call::Release { .. });
}

#[test]
fn a_backend_that_takes_nothing_is_released_after_the_linger_time() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"lost", 0).expect("room");
    rig.frontend.close(id, Some(3 * SECOND), 0).expect("good");
    rig.advance(3 * SECOND - 1);
    nothing_asked(&mut rig);
    rig.advance(1);
    let release = expect!(&mut rig, Call::Release { .. });
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn a_backend_that_takes_a_little_now_and_then_gets_more_time() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, &[9; 10], 0).expect("room");
    rig.frontend.close(id, Some(SECOND), 0).expect("good");
    for _ in 0..10 {
        rig.advance(SECOND * 9 / 10);
        nothing_asked(&mut rig);
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.receive(1), [9]);
        rig.deliver();
    }
    expect!(&mut rig, Call::Release { .. });
}

#[test]
fn a_linger_time_of_zero_discards_at_once() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"lost", 0).expect("room");
    rig.frontend.close(id, Some(0), 0).expect("good");
    assert_eq!(rig.frontend.draining(), 0);
    expect!(&mut rig, Call::Release { .. });
}

#[test]
fn an_out_error_ends_the_draining() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"lost", 0).expect("room");
    rig.frontend.close(id, None, 0).expect("good");
    let stream = rig.backend.stream(id).expect("connected");
    stream.set_out_error(-104);
    rig.deliver();
    expect!(&mut rig, Call::Release { .. });
}

#[test]
fn pages_the_backend_still_maps_are_kept_and_offered_again() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    // It says that it let go, and did not.
    rig.backend
        .respond(release.req_id, release.cmd, 0, release.id);
    rig.deliver();
    let stats = rig.frontend.stats();
    assert_eq!((stats.sockets, stats.quarantined_pages), (0, 3));
    rig.advance(30 * SECOND);
    assert_eq!(rig.frontend.stats().quarantined_pages, 3);
    // Everything else goes on meanwhile.
    connected(&mut rig);
    rig.backend.unmap(id.get());
    rig.advance(10 * SECOND);
    assert_eq!(rig.frontend.stats().quarantined_pages, 0);
    rig.platform.assert_graves_untouched();
}

#[test]
fn a_release_that_is_never_answered_pins_its_ring_and_nothing_else() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    let _unanswered = expect!(&mut rig, Call::Release { .. });
    rig.advance(3600 * SECOND);
    assert_eq!(rig.platform.shared_pages(), 4);
    connected(&mut rig);
}

#[test]
fn a_failed_release_gives_the_ring_back_if_it_is_not_mapped() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    rig.backend.unmap(id.get());
    answer!(&mut rig, release, -22);
    assert_clean(&rig);
}

#[test]
fn closing_a_socket_that_failed_frees_it_after_the_release() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.backend.stream(id).expect("connected").shift_in_prod(-1);
    rig.deliver();
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    nothing_asked(&mut rig);
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}

#[test]
fn what_the_backend_wrote_into_its_own_grave_is_never_used() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.try_write(id, b"x", 0).expect("room");
    rig.backend.stream(id).expect("connected").scribble();
    rig.deliver();
    rig.frontend.close(id, Some(0), 0).expect("good");
    rig.settle();
    assert_clean(&rig);
}

/// What a caller sees of a backend that goes away.
fn gone(rig: &mut Rig, id: SocketId) {
    let error = Err(SocketError::Device(crate::DeviceFault::BackendGone).into());
    assert_eq!(rig.frontend.try_write(id, b"x", 0), error);
    assert_eq!(crate::DeviceFault::BackendGone.errno(), Errno::ECONNRESET);
}

#[test]
fn a_backend_that_disconnects_fails_every_socket_and_keeps_the_pages_it_maps() {
    use crate::XenbusState;
    for state in [
        XenbusState::Closing,
        XenbusState::Closed,
        XenbusState::Absent,
    ] {
        let mut rig = rig();
        let id = connected(&mut rig);
        let (woken, waker) = CountingWaker::pair();
        rig.frontend
            .register(id, crate::Interest::Read, &waker)
            .expect("good");
        rig.backend.stream(id).expect("connected").send(b"last");
        rig.frontend.on_backend_state(XenbusState::Connected, 0);
        rig.frontend.on_backend_state(XenbusState::Other(9), 0);
        assert_eq!(rig.frontend.fault(), None);
        rig.frontend.on_backend_state(state, 0);
        assert!(woken.count() >= 1);
        gone(&mut rig, id);
        assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(4), "data first");
        assert_eq!(
            rig.frontend
                .try_read(id, &mut [0; 9])
                .map_err(|error| error.errno()),
            Err(Errno::ECONNRESET)
        );
        assert_eq!(rig.frontend.stats().quarantined_pages, 3);
        rig.backend.disconnect();
        rig.advance(SECOND);
        assert_eq!(rig.frontend.stats().quarantined_pages, 0);
        rig.frontend.close(id, None, 0).expect("good");
        assert_clean(&rig);
    }
}

#[test]
fn a_ring_that_the_backend_may_be_about_to_map_outlives_a_broken_device() {
    use crate::XenbusState;
    let mut rig = rig();
    let id = super::begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Connect { .. });
    assert_eq!(rig.frontend.unanswered_connects(), 1);
    rig.frontend.on_backend_state(XenbusState::Closing, 0);
    assert_eq!(
        rig.frontend.try_connect(id),
        Err(SocketError::Device(crate::DeviceFault::BackendGone).into())
    );
    rig.frontend.close(id, None, 0).expect("good");
    rig.advance(100 * SECOND);
    rig.reconnect();
    rig.store.set_backend_state(XenbusState::Closing);
    rig.stay_away(100 * SECOND);
    assert_eq!(rig.platform.shared_pages(), 4);
    // On its way down the backend finishes what it was at: grants and port are still good.
    rig.backend.answer(&request, 0);
    rig.backend.unbind();
    rig.come_back();
    assert_clean(&rig);
}
