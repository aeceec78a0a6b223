//! A backend that goes away, or breaks the rules, and comes back: the way of the device.
//! What callers see of it is in `outage.rs`.

use alloc::string::ToString;

use super::{assert_clean, begin, connected, rig};
use crate::platform::{Store, XenbusState, key};
use crate::test_utils::{BACKEND_DIR, Call, CountingWaker, FakeStore, Rig};
use crate::{Config, DeviceFault, Errno, FRONTEND_DIR, SocketError, TryError};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;

/// A rig whose backend shows that it lives.
fn lively() -> Rig {
    Rig::with_store(Config::default(), FakeStore::with_feature_alive())
}

/// The backend is killed, and its host tells.
fn kill(rig: &mut Rig) {
    rig.backend.die();
    rig.backend.raise();
    rig.deliver();
}

/// The frontend's states since it first was up.
fn states(rig: &Rig) -> &[u32] {
    let states = rig.store.frontend_states();
    assert_eq!(states[..3], [1, 3, 4]);
    &states[3..]
}

/// A connection works, and leaves nothing behind.
#[track_caller]
fn works(rig: &mut Rig) {
    assert_eq!(rig.frontend.fault(), None);
    let id = connected(rig);
    rig.frontend
        .try_write(id, b"ping", rig.now_ns)
        .expect("room");
    rig.idle();
    let stream = rig.backend.stream(id).expect("connected");
    assert_eq!(stream.receive(9), b"ping");
    stream.send(b"pong");
    rig.deliver();
    assert_eq!(rig.frontend.try_read(id, &mut [0; 9]), Ok(4));
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    rig.settle();
    assert_clean(rig);
}

#[test]
fn whatever_state_the_backend_went_to_the_device_comes_up_again() {
    for (state, way) in [
        (XenbusState::Closing, &[6, 1, 3, 4][..]),
        (XenbusState::Closed, &[1, 3, 4]),
        (XenbusState::InitWait, &[5, 6, 1, 3, 4]),
        (XenbusState::Initialising, &[1, 3, 4]),
        (XenbusState::Absent, &[1, 3, 4]),
    ] {
        let mut rig = rig();
        rig.advance(HOUR);
        let id = connected(&mut rig);
        let (woken, waker) = CountingWaker::pair();
        rig.frontend.register_fault(&waker);
        rig.store.set_backend_state(state);
        rig.frontend.on_backend_state(state, rig.now_ns);
        assert_eq!(woken.count(), 1);
        rig.backend.unbind();
        rig.reconnect();
        assert!(rig.frontend.reconnect(rig.now_ns).is_none(), "once only");
        if let XenbusState::Initialising | XenbusState::Absent = state {
            // Whoever serves the device next comes to it afresh.
            rig.stay_away(HOUR);
            rig.store.set_backend_state(XenbusState::InitWait);
        }
        rig.come_back();
        assert_eq!(states(&rig), way, "{state}");
        rig.frontend.close(id, None, rig.now_ns).expect("good");
        rig.advance(SECOND); // what was still mapped is asked for again
        works(&mut rig);
        assert_eq!(rig.frontend.stats().reconnects, 1);
    }
}

#[test]
fn a_killed_backend_is_noticed_by_the_event_and_everything_given_back_at_once() {
    let mut rig = lively();
    assert_eq!(
        rig.store.number(&key(FRONTEND_DIR, "feature-alive")),
        Some(1)
    );
    rig.advance(HOUR);
    let open = connected(&mut rig);
    // One each with SOCKET, CONNECT and RELEASE out, and one that is draining.
    let releasing = connected(&mut rig);
    let draining = connected(&mut rig);
    rig.frontend
        .close(releasing, Some(0), rig.now_ns)
        .expect("good");
    rig.frontend
        .try_write(draining, b"unsent", rig.now_ns)
        .expect("room");
    let connecting = begin(&mut rig);
    let _release = expect!(&mut rig, Call::Release { .. });
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let _connect = expect!(&mut rig, Call::Connect { .. });
    rig.frontend
        .close(draining, None, rig.now_ns)
        .expect("good");
    let creating = begin(&mut rig);
    let _socket = expect!(&mut rig, Call::Socket { .. });
    assert_eq!(rig.frontend.draining(), 1);
    assert_eq!(rig.frontend.unanswered_connects(), 1);
    let (drained, waker) = CountingWaker::pair();
    rig.frontend.register_drain(&waker);

    kill(&mut rig);
    assert_eq!(rig.frontend.fault(), Some(DeviceFault::BackendDied));
    assert!(drained.count() > 0, "who waits for the end need not");
    assert_eq!(rig.frontend.draining(), 0);
    assert_eq!(rig.frontend.unanswered_connects(), 0);
    let lost = TryError::from(SocketError::Device(DeviceFault::BackendDied));
    assert_eq!(lost.errno(), Errno::ECONNRESET);
    assert_eq!(rig.frontend.try_read(open, &mut [0]), Err(lost));
    for id in [connecting, creating] {
        assert_eq!(rig.frontend.try_connect(id), Err(lost));
    }
    rig.reconnect();
    assert_eq!(rig.platform.shared_pages(), 0);
    assert_eq!(rig.platform.open_ports(), 0);

    // Its state still says Connected; only a new one can change that.
    let steps = rig.stay_away(HOUR);
    assert!(steps < 70, "{steps} steps in an hour");
    assert_eq!(states(&rig), [5]);
    rig.store.restart_backend();
    rig.come_back();
    assert_eq!(states(&rig), [5, 6, 1, 3, 4]);
    for id in [open, connecting, creating] {
        rig.frontend.close(id, None, rig.now_ns).expect("good");
    }
    works(&mut rig);
}

#[test]
fn a_death_whose_event_was_lost_is_noticed_while_answers_are_owed() {
    let mut rig = lively();
    let id = begin(&mut rig);
    rig.idle();
    rig.backend.die();
    rig.advance(SECOND);
    assert_eq!(rig.frontend.fault(), Some(DeviceFault::BackendDied));
    assert!(rig.frontend.try_connect(id).is_err());

    // An idle device needs no looking after.
    let mut rig = lively();
    let id = connected(&mut rig);
    rig.advance(200 * SECOND);
    assert_eq!(rig.frontend.next_deadline_ns(), None);
    // But a look never fails to notice.
    rig.backend.die();
    rig.frontend.poll(rig.now_ns);
    assert!(rig.frontend.try_read(id, &mut [0]).is_err());
}

#[test]
fn a_death_before_the_device_is_in_use_is_noticed_at_once() {
    let mut rig = lively();
    kill(&mut rig);
    rig.reconnect();
    rig.store.restart_backend();
    let handshake = loop {
        let handshake = rig.handshake.take().expect("under way");
        match handshake.step(&mut rig.store, rig.now_ns) {
            crate::Step::WaitForBackend {
                handshake,
                deadline_ns,
                ..
            } => {
                rig.handshake = Some(handshake);
                if !rig.store.react() {
                    rig.now_ns = deadline_ns;
                }
            }
            crate::Step::Connected(fresh) => break fresh,
            crate::Step::Failed { error, .. } => panic!("{error}"),
        }
    };
    // The byte was 1 and is 0 again; the event came when nobody had the port.
    rig.frontend.resume(handshake, rig.now_ns);
    assert_eq!(rig.frontend.fault(), Some(DeviceFault::BackendDied));
    rig.reconnect();
    rig.store.restart_backend();
    rig.come_back();
    works(&mut rig);
}

#[test]
fn without_the_feature_the_byte_means_nothing() {
    for value in ["0", "", "2", "11", "yes"] {
        let mut store = FakeStore::with_backend();
        store.set(&key(BACKEND_DIR, "feature-alive"), value);
        let mut rig = Rig::with_store(Config::default(), store);
        assert_eq!(
            rig.store.read(&key(FRONTEND_DIR, "feature-alive")),
            Err(Errno::ENOENT)
        );
        rig.backend.raise();
        rig.deliver();
        works(&mut rig);
    }
}

#[test]
fn a_backend_without_the_feature_after_one_with_it_is_not_believed_dead() {
    let mut rig = lively();
    kill(&mut rig);
    rig.reconnect();
    rig.store.restart_backend();
    rig.store.remove(&key(BACKEND_DIR, "feature-alive"));
    rig.come_back();
    let ours = rig.store.number(&key(FRONTEND_DIR, "feature-alive"));
    assert_eq!(ours, Some(0));
    works(&mut rig);
}

#[test]
fn a_restart_is_noticed_without_the_feature_and_an_unanswered_connects_ring_kept_until_closed() {
    let mut rig = rig();
    rig.advance(HOUR);
    let id = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    let _connect = expect!(&mut rig, Call::Connect { .. });
    rig.backend.unbind(); // killed: nothing tells
    rig.advance(30 * SECOND);
    assert_eq!(rig.frontend.try_connect(id), Err(TryError::WouldBlock));
    rig.store.restart_backend();
    rig.frontend
        .on_backend_state(XenbusState::Closing, rig.now_ns);
    assert!(rig.frontend.try_connect(id).is_err());
    rig.reconnect();
    rig.step();
    assert_eq!(states(&rig), [6]);
    assert_eq!(rig.platform.shared_pages(), 4, "command ring and data ring");
    assert_eq!(rig.platform.open_ports(), 2);
    assert!(rig.store.react(), "6");
    rig.step();
    assert_eq!(states(&rig), [6, 1]);
    assert_eq!(rig.platform.shared_pages(), 0);
    assert_eq!(rig.platform.open_ports(), 0);
    rig.come_back();
    rig.frontend.close(id, None, rig.now_ns).expect("good");
    works(&mut rig);
}

#[test]
fn pages_still_mapped_after_the_backend_closed_wait_in_quarantine_and_come_back() {
    let mut rig = rig();
    let id = connected(&mut rig);
    rig.frontend.close(id, None, 0).expect("good");
    rig.store.set_backend_state(XenbusState::Closed);
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    rig.reconnect();
    rig.stay_away(SECOND / 2);
    assert_eq!(rig.platform.shared_pages(), 4, "it lied: all is mapped");
    assert_eq!(rig.platform.open_ports(), 0);
    // The data ring is the frontend's to take back, the command ring the handshake's.
    rig.backend.disconnect();
    rig.advance(SECOND);
    assert_eq!(rig.platform.shared_pages(), 1);
    rig.come_back();
    assert_eq!(
        rig.platform.shared_pages(),
        2,
        "the old command ring, and the new"
    );
    assert_eq!(rig.frontend.stats().quarantined_pages, 1);
    rig.advance(SECOND);
    assert_eq!(rig.frontend.stats().quarantined_pages, 1);
}

#[test]
fn killed_again_and_again_it_comes_back_each_time_after_a_pause() {
    let mut rig = lively();
    rig.advance(HOUR);
    for pause in [0, 1, 2, 4, 8, 16, 32, 60, 60] {
        let begun = rig.now_ns;
        kill(&mut rig);
        rig.reconnect();
        rig.store.restart_backend();
        rig.come_back();
        assert_eq!(rig.now_ns - begun, pause * SECOND);
        works(&mut rig);
    }
    // Once it was up for a while all is forgiven.
    rig.advance(10 * SECOND);
    let begun = rig.now_ns;
    kill(&mut rig);
    rig.reconnect();
    rig.store.restart_backend();
    rig.come_back();
    assert_eq!(rig.now_ns, begun);
    assert_eq!(rig.frontend.stats().reconnects, 10);
    assert_clean(&rig);
}

#[test]
fn during_the_pause_the_old_ring_is_closed_and_nothing_is_offered() {
    let mut rig = lively();
    kill(&mut rig);
    rig.reconnect();
    rig.store.restart_backend();
    let deadline_ns = loop {
        let deadline_ns = rig.step().expect("not yet");
        if !rig.store.react() {
            break deadline_ns;
        }
    };
    assert_eq!(states(&rig), [6]);
    assert_eq!(deadline_ns, SECOND);
    rig.advance(deadline_ns - 1);
    rig.step().expect("not yet");
    assert_eq!(states(&rig), [6]);
    rig.come_back();
    works(&mut rig);
}

#[test]
fn a_backend_that_breaks_the_rules_at_once_gets_a_handshake_a_minute() {
    let mut rig = rig();
    for _ in 0..67 {
        rig.backend.publish(1);
        rig.backend.raise();
        rig.deliver();
        assert_eq!(rig.frontend.fault(), Some(DeviceFault::ResponseIndex));
        rig.backend.unbind();
        rig.reconnect();
        rig.come_back();
    }
    assert!(rig.now_ns > HOUR, "{} s", rig.now_ns / SECOND);
    works(&mut rig);
}

#[test]
fn what_goes_wrong_on_the_way_up_is_tried_again_ever_more_rarely() {
    type Mistake = (&'static str, fn(&mut Rig));
    let wrong: [Mistake; 6] = [
        ("a value", |rig| {
            rig.store.set(&key(BACKEND_DIR, "versions"), "7");
        }),
        ("a key", |rig| {
            rig.store.remove(&key(BACKEND_DIR, "function-calls"));
        }),
        ("no device", |rig| {
            rig.store.remove(&key(FRONTEND_DIR, "backend"));
        }),
        ("xenstore", |rig| {
            rig.store.set_write_error(Some(Errno::EACCES));
        }),
        ("grants", |rig| {
            let error = Some(crate::ShareError::NoGrants);
            rig.platform.set_share_error(error);
        }),
        ("ports", |rig| rig.platform.set_no_port(true)),
    ];
    for (what, break_it) in wrong {
        let mut rig = lively();
        rig.advance(HOUR);
        let good = rig.store.clone();
        kill(&mut rig);
        rig.reconnect();
        rig.store.restart_backend();
        break_it(&mut rig);
        let mut steps = 0;
        while rig.now_ns < 2 * HOUR {
            let deadline_ns = rig.step().expect("it cannot work");
            if !rig.store.react() {
                rig.advance(deadline_ns - rig.now_ns);
            }
            steps += 1;
            assert!(steps < 200, "{what}: {steps} steps");
        }
        assert_eq!(rig.platform.shared_pages(), 0, "{what}");
        assert_eq!(rig.platform.open_ports(), 0, "{what}");

        let state = rig.store.number(&key(BACKEND_DIR, "state")).unwrap_or(0);
        let ours = rig.store.number(&key(FRONTEND_DIR, "state")).unwrap_or(0);
        let before = rig.store.frontend_states().len();
        rig.store = good;
        rig.store.set_backend_state(XenbusState::from_number(state));
        rig.store.set(&key(FRONTEND_DIR, "state"), ours.to_string());
        rig.platform.set_share_error(None);
        rig.platform.set_no_port(false);
        let mended_ns = rig.now_ns;
        rig.come_back();
        assert!(rig.now_ns - mended_ns <= 60 * SECOND, "{what}");
        assert!(before > 2, "{what}");
        works(&mut rig);
    }
}

#[test]
fn a_backend_that_stops_half_way_up_is_begun_with_again() {
    for state in [
        XenbusState::InitWait,
        XenbusState::Closing,
        XenbusState::Closed,
    ] {
        let mut rig = rig();
        rig.advance(HOUR);
        rig.store.set_backend_state(XenbusState::Closed);
        rig.frontend
            .on_backend_state(XenbusState::Closed, rig.now_ns);
        rig.backend.unbind();
        rig.reconnect();
        rig.step();
        rig.store.set_backend_state(XenbusState::InitWait);
        rig.step();
        assert_eq!(states(&rig), [1, 3]);
        assert_eq!(rig.platform.shared_pages(), 1);
        // It is killed before it answers, or refuses.
        rig.store.set_backend_state(state);
        if state == XenbusState::InitWait {
            rig.stay_away(10 * SECOND);
            rig.step();
        } else {
            rig.step();
        }
        assert_eq!(states(&rig), [1, 3, 5], "{state}");
        rig.come_back();
        works(&mut rig);
    }
}

#[test]
fn a_backend_that_is_ready_and_sees_no_reason_to_close_is_not_waited_for_in_vain() {
    let mut rig = rig();
    rig.advance(HOUR);
    rig.store.set_backend_state(XenbusState::InitWait);
    rig.frontend
        .on_backend_state(XenbusState::InitWait, rig.now_ns);
    rig.backend.unbind();
    rig.reconnect();
    rig.stay_away(9 * SECOND);
    assert_eq!(states(&rig), [5]);
    // It stays there whatever we write, until we publish.
    rig.advance(SECOND);
    rig.step();
    assert_eq!(states(&rig), [5, 6, 1, 3]);
    rig.come_back();
    works(&mut rig);
}

#[test]
fn a_device_that_moved_to_another_backend_is_found_there() {
    let mut rig = rig();
    rig.advance(HOUR);
    rig.store.remove(&key(BACKEND_DIR, "state"));
    rig.frontend
        .on_backend_state(XenbusState::Absent, rig.now_ns);
    rig.backend.unbind();
    rig.reconnect();
    rig.stay_away(HOUR);
    let elsewhere = "/local/domain/0/backend/pvcalls/7/1";
    for name in ["versions", "max-page-order", "function-calls"] {
        let value = rig.store.read(&key(BACKEND_DIR, name)).expect("there");
        rig.store.set(&key(elsewhere, name), value);
    }
    rig.store.set(&key(elsewhere, "state"), "2");
    rig.store.set(&key(FRONTEND_DIR, "backend"), elsewhere);
    rig.step();
    assert_eq!(states(&rig), [1, 1, 3]);
    rig.store.set(&key(elsewhere, "state"), "4");
    assert_eq!(rig.step(), None);
    works(&mut rig);
}

#[test]
fn a_device_that_the_toolstack_removed_leaves_nothing_with_a_backend_that_is_gone() {
    let mut rig = rig();
    let id = begin(&mut rig);
    let request = expect!(&mut rig, Call::Socket { .. });
    answer!(&mut rig, request, 0);
    rig.frontend.close(id, None, 0).expect("good");
    let _connect = expect!(&mut rig, Call::Connect { .. });
    rig.store.remove(&key(FRONTEND_DIR, "backend"));
    rig.store.remove(&key(BACKEND_DIR, "state"));
    rig.frontend.on_backend_state(XenbusState::Absent, 0);
    rig.backend.unbind();
    rig.reconnect();
    rig.stay_away(HOUR);
    assert_eq!(rig.platform.shared_pages(), 0);
    assert_eq!(rig.platform.open_ports(), 0);
    // It is added again.
    rig.store.set(&key(FRONTEND_DIR, "backend"), BACKEND_DIR);
    rig.store.set_backend_state(XenbusState::InitWait);
    rig.come_back();
    works(&mut rig);
}

#[test]
fn xenstore_is_read_anew_at_each_reconnect() {
    let mut rig = rig();
    rig.store.set_backend_state(XenbusState::Closed);
    rig.store.set(&key(BACKEND_DIR, "max-page-order"), "2");
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    rig.backend.unbind();
    rig.reconnect();
    rig.come_back();
    assert_eq!(rig.frontend.max_ring_order().get(), 2);
    works(&mut rig);
}

#[test]
fn a_second_fault_of_a_broken_device_changes_nothing() {
    let mut rig = lively();
    kill(&mut rig);
    rig.frontend.on_backend_state(XenbusState::Closed, 0);
    assert_eq!(rig.frontend.fault(), Some(DeviceFault::BackendDied));
    rig.reconnect();
    rig.frontend.on_backend_state(XenbusState::InitWait, 0);
    assert!(rig.frontend.reconnect(0).is_none());
    calls_are_harmless(&mut rig);
    rig.store.restart_backend();
    rig.come_back();
    works(&mut rig);
}

/// Whatever the runtime calls during an outage is harmless.
fn calls_are_harmless(rig: &mut Rig) {
    let before = rig.platform.all_notifications();
    rig.frontend.poll(rig.now_ns);
    rig.frontend.flush(rig.now_ns);
    rig.frontend.rescan(rig.now_ns);
    assert_eq!(rig.frontend.command_port(), None);
    assert_eq!(rig.platform.all_notifications(), before);
}
