//! The byte that shows that the backend lives: `feature-alive`.

use super::{HOUR, SECOND, kill, lively, states, works};
use crate::platform::{Store, key};
use crate::test_utils::{BACKEND_DIR, Call, CountingWaker, FakeStore, Rig};
use crate::tests::{begin, connected};
use crate::{Config, DeviceFault, Errno, FRONTEND_DIR, SocketError, TryError};

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
