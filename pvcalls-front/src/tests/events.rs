//! Notifications out, events in: no more than needed, none missed, storms bounded.

use super::{connected, rig};
use crate::test_utils::{CountingWaker, Mischief, Rig};
use crate::{Interest, Port, RingOrder, SocketId, TryError};

const MILLISECOND: u64 = 1_000_000;

fn port(rig: &Rig, id: SocketId) -> Port {
    rig.backend.stream(id).expect("connected").port()
}

#[test]
fn a_burst_of_small_writes_is_one_notification() {
    let mut rig = rig();
    let id = rig.connect(RingOrder::new(4).expect("valid"));
    let port = port(&rig, id);
    for _ in 0..100 {
        rig.frontend.try_write(id, b"small", 0).expect("room");
    }
    assert_eq!(rig.platform.notifications(port), 0, "not before it blocks");
    rig.frontend.flush(0);
    assert_eq!(rig.platform.notifications(port), 1);
    rig.frontend.flush(0);
    assert_eq!(rig.platform.notifications(port), 1);
}

#[test]
fn half_a_ring_is_announced_without_waiting() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = port(&rig, id);
    rig.frontend.try_write(id, &[0; 2047], 0).expect("room");
    assert_eq!(rig.platform.notifications(port), 0);
    rig.frontend.try_write(id, &[0; 1], 0).expect("room");
    assert_eq!(rig.platform.notifications(port), 1);
    // The backend is at work on it: no need to tell it of more.
    rig.frontend.try_write(id, &[0; 2048], 0).expect("room");
    rig.frontend.flush(0);
    assert_eq!(rig.platform.notifications(port), 1);
}

#[test]
fn a_backend_that_does_not_move_is_kicked_with_growing_patience() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = port(&rig, id);
    rig.frontend.try_write(id, b"x", 0).expect("room");
    rig.frontend.flush(0);
    assert_eq!(rig.platform.notifications(port), 1);
    rig.advance(10 * MILLISECOND);
    assert_eq!(rig.platform.notifications(port), 2);
    rig.advance(19 * MILLISECOND);
    assert_eq!(rig.platform.notifications(port), 2);
    rig.advance(MILLISECOND);
    assert_eq!(rig.platform.notifications(port), 3);
    rig.advance(10_000 * MILLISECOND);
    assert!(rig.platform.notifications(port) < 20);
    // Once it has taken all, nothing is due any more.
    assert_eq!(rig.backend.stream(id).expect("connected").receive(9), b"x");
    rig.deliver();
    let told = rig.platform.notifications(port);
    rig.advance(10_000 * MILLISECOND);
    assert_eq!(rig.platform.notifications(port), told);
    rig.advance(200_000 * MILLISECOND);
    assert_eq!(rig.frontend.next_deadline_ns(), None);
}

#[test]
fn consuming_tells_the_backend_only_after_a_full_ring() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = port(&rig, id);
    let mut into = [0; 4096];
    for _ in 0..20 {
        let stream = rig.backend.stream(id).expect("connected");
        assert_eq!(stream.send(&[0; 4095]), 4095);
        rig.deliver();
        assert_eq!(rig.frontend.try_read(id, &mut into), Ok(4095));
        rig.idle();
    }
    assert_eq!(rig.platform.notifications(port), 0);

    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.send(&[0; 9999]), 4096);
    for _ in 0..100 {
        assert_eq!(rig.frontend.try_read(id, &mut into[..10]), Ok(10));
    }
    assert_eq!(rig.platform.notifications(port), 0, "not for each handful");
    rig.frontend.flush(0);
    assert_eq!(rig.platform.notifications(port), 1, "but before we block");
    assert_eq!(rig.frontend.try_read(id, &mut into), Ok(3096));
    rig.frontend.flush(0);
    assert_eq!(rig.platform.notifications(port), 1);
}

#[test]
fn half_a_full_ring_freed_is_told_at_once() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = port(&rig, id);
    rig.backend.stream(id).expect("connected").send(&[0; 4096]);
    assert_eq!(rig.frontend.try_read(id, &mut [0; 2048]), Ok(2048));
    assert_eq!(rig.platform.notifications(port), 1);
}

#[test]
fn a_storm_of_empty_events_is_masked_and_data_still_arrives() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = port(&rig, id);
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    let mut raised = 0;
    while !rig.platform.is_masked(port) {
        rig.backend.stream(id).expect("connected").raise();
        rig.deliver();
        raised += 1;
        assert!(raised < 1000, "the storm is bounded");
    }
    assert_eq!(woken.count(), 0);
    rig.backend.stream(id).expect("connected").send(b"data");
    rig.deliver();
    assert_eq!(woken.count(), 0, "the mask holds");
    rig.advance(10 * MILLISECOND);
    assert!(!rig.platform.is_masked(port));
    assert_eq!(woken.count(), 1);
    assert_eq!(rig.frontend.stats().ports_masked, 1);
}

#[test]
fn a_reader_faster_than_the_events_does_not_look_like_a_storm() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = port(&rig, id);
    for _ in 0..1000 {
        rig.backend.stream(id).expect("connected").send(b"ab");
        // It polls, and has read before the event is handled.
        assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(2));
        rig.deliver();
        assert!(!rig.platform.is_masked(port));
    }
}

#[test]
fn a_storm_on_the_command_port_is_masked_for_a_while() {
    let mut rig = rig();
    let port = rig.frontend.command_port().expect("up");
    for _ in 0..200 {
        rig.backend.raise();
        rig.deliver();
    }
    assert!(rig.platform.is_masked(port));
    rig.advance(10 * MILLISECOND);
    assert!(!rig.platform.is_masked(port));
    connected(&mut rig);
}

#[test]
fn an_event_of_a_foreign_port_is_not_ours() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let port = port(&rig, id);
    assert!(rig.frontend.on_event(port, 0));
    assert!(!rig.frontend.on_event(Port::new(9999).expect("not zero"), 0));
    rig.frontend.close(id, None, 0).expect("good");
    rig.settle();
    assert!(!rig.frontend.on_event(port, 0), "closed");
}

#[test]
fn a_lost_event_of_a_data_ring_is_found_by_rescan() {
    let mut rig = rig();
    let id = connected(&mut rig);
    let (woken, waker) = CountingWaker::pair();
    rig.frontend
        .register(id, Interest::Read, &waker)
        .expect("good");
    let lost = Mischief {
        dropped: 100,
        ..Mischief::default()
    };
    rig.platform.set_mischief(lost, 1);
    rig.backend.stream(id).expect("connected").send(b"data");
    rig.deliver();
    assert_eq!(woken.count(), 0);
    rig.frontend.rescan(0);
    assert_eq!(woken.count(), 1);
    assert_ne!(
        rig.frontend.try_read(id, &mut [0; 9]),
        Err(TryError::WouldBlock)
    );
}
