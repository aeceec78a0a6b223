//! Who is woken, when, and how often the backend is told.

use super::{SECOND, bound, close_clean, rig, ring, whole};
use crate::test_utils::{CountingWaker, FakeStore, Rig};
use crate::{Config, Interest, RingOrder, SocketId, TryError};

/// Fills the out ring with 32 frames of 128 bytes each.
#[track_caller]
fn fill(rig: &mut Rig, id: SocketId) {
    for _ in 0..32 {
        let sent = rig.frontend.try_send_to(id, &[7; 96], Some(Rig::PEER), 0);
        assert_eq!(sent, Ok(()));
    }
}

#[test]
fn a_reader_is_woken_by_a_datagram() {
    let (mut rig, id) = bound();
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    assert!(ring(&rig, id).send_datagram(Rig::PEER, b""));
    rig.deliver();
    assert_eq!(woken.count(), 1);
    let received = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(received, Ok(whole(0)));
    close_clean(rig, id);
}

#[test]
fn what_comes_between_the_attempt_and_the_wish_is_seen() {
    let (mut rig, id) = bound();
    let nothing = rig.frontend.try_receive_from(id, &mut [0; 9], true);
    assert_eq!(nothing, Err(TryError::WouldBlock));
    ring(&rig, id).send_datagram(Rig::PEER, b"now");
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    assert_eq!(woken.count(), 1);
    close_clean(rig, id);
}

/// A writer sleeps until there is as much room as it needs, not when there is some.
#[test]
fn a_writer_is_woken_when_its_datagram_fits_and_not_before() {
    for (len, needs) in [(100, 136), (2500, 2536), (4064, 4096)] {
        for wishes in [false, true] {
            let mut rig = rig_with(wishes);
            let id = rig.bind(RingOrder::MIN);
            fill(&mut rig, id);
            let payload = alloc::vec![1; len];
            let to = Some(Rig::PEER);
            let full = rig.frontend.try_send_to(id, &payload, to, 0);
            assert_eq!(full, Err(TryError::WouldBlock));
            let (woken, waker) = CountingWaker::pair();
            rig.frontend
                .register(id, Interest::Write, &waker)
                .expect("good");
            rig.frontend.flush(0);
            let mut room = 0;
            while woken.count() == 0 {
                let taken = ring(&rig, id).receive_datagram();
                room += 128;
                assert!(taken.is_some(), "woken at last: {len}");
                rig.deliver();
                assert!(woken.count() == 0 || room >= needs, "{room} for {needs}");
            }
            let sent = rig.frontend.try_send_to(id, &payload, to, 0);
            assert_eq!(sent, Ok(()), "{len}");
            close_clean(rig, id);
        }
    }
}

#[test]
fn of_two_writers_the_one_that_needs_less_is_served_and_the_other_waits_on() {
    for wishes in [false, true] {
        let mut rig = rig_with(wishes);
        let id = rig.bind(RingOrder::MIN);
        let to = Some(Rig::PEER);
        fill(&mut rig, id);
        let (large, large_waker) = CountingWaker::pair();
        let (small, small_waker) = CountingWaker::pair();
        for (len, waker) in [(4064, &large_waker), (64, &small_waker)] {
            let full = rig.frontend.try_send_to(id, &[1; 4064][..len], to, 0);
            assert_eq!(full, Err(TryError::WouldBlock));
            rig.frontend
                .register(id, Interest::Write, waker)
                .expect("good");
        }
        rig.frontend.flush(0);
        while small.count() == 0 {
            ring(&rig, id).receive_datagram().expect("there are more");
            rig.deliver();
        }
        // Both were woken: the large one looks, and sleeps again.
        let full = rig.frontend.try_send_to(id, &[1; 4064], to, 0);
        assert_eq!(full, Err(TryError::WouldBlock));
        rig.frontend
            .register(id, Interest::Write, &large_waker)
            .expect("good");
        let before = large.count();
        assert_eq!(rig.frontend.try_send_to(id, &[1; 64], to, 0), Ok(()));
        while large.count() == before {
            ring(&rig, id).receive_datagram().expect("there are more");
            rig.deliver();
        }
        assert_eq!(rig.frontend.try_send_to(id, &[1; 4064], to, 0), Ok(()));
        close_clean(rig, id);
    }
}

#[test]
fn a_burst_is_announced_once() {
    for wishes in [false, true] {
        let mut rig = rig_with(wishes);
        let id = rig.bind(RingOrder::MIN);
        let port = ring(&rig, id).port();
        let before = rig.platform.notifications(port);
        for _ in 0..10 {
            let sent = rig.frontend.try_send_to(id, b"burst", Some(Rig::PEER), 0);
            assert_eq!(sent, Ok(()));
        }
        assert_eq!(rig.platform.notifications(port), before);
        rig.frontend.flush(0);
        assert_eq!(rig.platform.notifications(port), before + 1);
        close_clean(rig, id);
    }
}

/// A backend that has a datagram waiting says so; room for it is told at once.
#[test]
fn a_backend_that_waits_for_room_is_told_of_it() {
    let (mut rig, id) = bound();
    for _ in 0..4 {
        assert!(ring(&rig, id).send_datagram(Rig::PEER, &[1; 992]));
    }
    assert!(!ring(&rig, id).send_datagram(Rig::PEER, b""));
    let port = ring(&rig, id).port();
    ring(&rig, id).wait_for_room(2048);
    let before = rig.platform.notifications(port);
    let mut into = [0; 2000];
    for told in [0, 1, 0] {
        let before = rig.platform.notifications(port);
        let received = rig.frontend.try_receive_from(id, &mut into, true);
        assert_eq!(received, Ok(whole(992)));
        assert_eq!(rig.platform.notifications(port), before + told);
    }
    assert_eq!(rig.platform.notifications(port), before + 1);
    close_clean(rig, id);
}

/// Without wishes nobody says what it waits for. The ring is never full for bytes here, and yet too
/// full for a frame.
#[test]
fn a_backend_without_wishes_is_told_of_room_although_the_ring_was_not_full() {
    let mut rig = rig_with(false);
    let id = rig.bind(RingOrder::MIN);
    for _ in 0..2 {
        assert!(ring(&rig, id).send_datagram(Rig::PEER, &[1; 1200]));
    }
    assert!(!ring(&rig, id).send_datagram(Rig::PEER, &[1; 2000]));
    rig.deliver();
    let port = ring(&rig, id).port();
    let before = rig.platform.notifications(port);
    let received = rig.frontend.try_receive_from(id, &mut [0; 2000], true);
    assert_eq!(received, Ok(whole(1200)));
    rig.frontend.flush(0);
    assert_eq!(rig.platform.notifications(port), before + 1);
    close_clean(rig, id);
}

#[test]
fn a_datagram_that_was_not_noticed_is_told_again() {
    let mut rig = rig_with(false);
    let id = rig.bind(RingOrder::MIN);
    let sent = rig.frontend.try_send_to(id, b"x", Some(Rig::PEER), 0);
    assert_eq!(sent, Ok(()));
    rig.frontend.flush(0);
    let port = ring(&rig, id).port();
    let before = rig.platform.notifications(port);
    rig.advance(SECOND);
    assert!(rig.platform.notifications(port) > before);
    close_clean(rig, id);
}

/// A backend with datagrams, with or without `feature-event-idx`.
fn rig_with(wishes: bool) -> Rig {
    if wishes {
        return rig();
    }
    let mut store = FakeStore::with_features();
    let key = crate::platform::key(crate::test_utils::BACKEND_DIR, "feature-event-idx");
    store.remove(&key);
    Rig::with_store(Config::default(), store)
}
