//! A backend that goes away, or breaks the rules, and comes back: the way of the device.
//! What callers see of it is in `outage.rs`.

mod alive;
mod props;
mod retry;

use super::{assert_clean, begin, connected, rig};
use crate::platform::{Store, XenbusState, key};
use crate::test_utils::{BACKEND_DIR, Call, CountingWaker, FakeStore, Rig};
use crate::{Config, DeviceFault, FRONTEND_DIR, TryError};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;

/// A rig whose backend shows that it lives.
fn lively() -> Rig {
    let mut store = FakeStore::with_backend();
    store.set(&key(BACKEND_DIR, "feature-alive"), "1");
    Rig::with_store(Config::default(), store)
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
