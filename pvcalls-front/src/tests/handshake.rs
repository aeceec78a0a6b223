//! The states of the handshake: from every leftover, with every deadline.

use crate::platform::{Store, XenbusState, key};
use crate::test_utils::{BACKEND_DIR, FakeBackend, FakePlatform, FakeStore};
use crate::{
    Config, DomainId, Errno, FRONTEND_DIR, Handshake, HandshakeError, NoPort, ResourceError,
    RingOrder, ShareError, Step,
};
use alloc::string::ToString;

const SECOND: u64 = 1_000_000_000;

/// Steps until the outcome, letting the backend react; time passes only when it has nothing to do.
fn run(store: &mut FakeStore) -> Step<FakePlatform> {
    let mut handshake = Handshake::new(FakePlatform::new(), Config::default());
    let mut now = 0;
    loop {
        match handshake.step(store, now) {
            Step::WaitForBackend {
                handshake: same,
                watch,
                deadline_ns,
            } => {
                assert_eq!(watch, key(BACKEND_DIR, "state"));
                if !store.react() {
                    assert!(deadline_ns > now, "a wait has an end");
                    now = deadline_ns;
                }
                handshake = same;
            }
            outcome => return outcome,
        }
    }
}

#[track_caller]
fn failure(store: &mut FakeStore) -> HandshakeError {
    match run(store) {
        Step::Failed { error, platform } => {
            assert_eq!(platform.shared_pages(), 0, "nothing is left behind");
            assert_eq!(platform.open_ports(), 0, "nothing is left behind");
            error
        }
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[test]
fn a_fresh_device_connects_in_the_order_of_the_specification() {
    let mut store = FakeStore::with_backend();
    let Step::Connected(frontend) = run(&mut store) else {
        panic!("not connected");
    };
    assert_eq!(store.frontend_states(), [1, 3, 4]);
    assert_eq!(frontend.max_ring_order(), RingOrder::new(4).expect("valid"));
    assert_eq!(frontend.backend(), DomainId(0));
    let _ = FakeBackend::bind(frontend.platform(), &store);
}

#[test]
fn nothing_is_published_before_the_backend_is_in_init_wait() {
    let mut store = FakeStore::from_toolstack();
    let handshake = Handshake::new(FakePlatform::new(), Config::default());
    let Step::WaitForBackend { handshake, .. } = handshake.step(&mut store, 0) else {
        panic!("it waits for InitWait");
    };
    assert_eq!(
        store.read(&key(FRONTEND_DIR, "ring-ref")),
        Err(Errno::ENOENT)
    );
    // The backend driver is loaded late.
    let mut late = FakeStore::with_backend();
    let Step::WaitForBackend { .. } = handshake.step(&mut late, SECOND) else {
        panic!("it waits for Connected");
    };
    assert_eq!(late.number(&key(FRONTEND_DIR, "version")), Some(1));
    assert_eq!(late.frontend_states(), [3]);
}

#[test]
fn every_leftover_pair_of_states_leads_to_a_fresh_connection() {
    for front in 1..=6 {
        for back in 1..=6 {
            let mut store = FakeStore::with_backend();
            store.set(&key(FRONTEND_DIR, "state"), front.to_string());
            store.set_backend_state(XenbusState::from_number(back));
            if back == 1 {
                // The driver is about to come up.
                store.set_backend_state(XenbusState::InitWait);
            }
            let Step::Connected(_) = run(&mut store) else {
                panic!("stuck from frontend {front}, backend {back}");
            };
            let states = store.frontend_states();
            assert!(states.ends_with(&[1, 3, 4]), "{front} {back}: {states:?}");
            match back {
                3 | 4 => assert_eq!(states, [5, 6, 1, 3, 4], "{front} {back}"),
                5 => assert_eq!(states, [6, 1, 3, 4], "{front} {back}"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_closed_backend_is_told_to_begin_again() {
    let mut store = FakeStore::with_backend();
    store.set_backend_state(XenbusState::Closed);
    assert!(matches!(run(&mut store), Step::Connected(_)));
    assert_eq!(store.frontend_states(), [1, 3, 4]);
}

#[test]
fn no_device_in_the_configuration_is_its_own_error() {
    for missing in ["backend", "backend-id"] {
        let mut store = FakeStore::with_backend();
        store.remove(&key(FRONTEND_DIR, missing));
        let error = failure(&mut store);
        assert_eq!(error, HandshakeError::NoDevice);
        assert!(
            error
                .to_string()
                .starts_with("no pvcalls device in the domain's configuration")
        );
    }
}

#[test]
fn a_backend_that_stays_away_is_named_with_its_state_and_the_time() {
    let mut store = FakeStore::from_toolstack();
    let error = failure(&mut store);
    assert_eq!(
        error.to_string(),
        "the pvcalls backend did not come up: state 1 (Initialising) after 10 s, \
         waiting for 2 (InitWait)"
    );

    let mut store = FakeStore::from_toolstack();
    store.remove(&key(BACKEND_DIR, "state"));
    assert!(matches!(
        failure(&mut store),
        HandshakeError::TimedOut {
            awaited: XenbusState::InitWait,
            state: XenbusState::Absent,
            ..
        }
    ));
}

#[test]
fn unknown_states_are_ignored_but_not_for_ever() {
    for state in ["7", "99", "4294967296", "-1", "", "four", "2\0"] {
        let mut store = FakeStore::with_backend();
        store.set(&key(BACKEND_DIR, "state"), state);
        assert!(
            matches!(
                failure(&mut store),
                HandshakeError::TimedOut {
                    awaited: XenbusState::InitWait,
                    ..
                }
            ),
            "{state:?}"
        );
    }
}

#[test]
fn a_backend_that_never_closes_its_old_connection_is_named() {
    let mut store = FakeStore::with_backend();
    store.set_backend_state(XenbusState::Connected);
    let handshake = Handshake::new(FakePlatform::new(), Config::default());
    let Step::WaitForBackend {
        handshake,
        deadline_ns,
        ..
    } = handshake.step(&mut store, 0)
    else {
        panic!("it waits for Closing");
    };
    let Step::Failed { error, .. } = handshake.step(&mut store, deadline_ns) else {
        panic!("time is up");
    };
    assert!(matches!(
        error,
        HandshakeError::TimedOut {
            awaited: XenbusState::Closing,
            state: XenbusState::Connected,
            ..
        }
    ));
}

#[test]
fn a_backend_that_cannot_bind_and_stays_in_init_wait_runs_into_the_deadline() {
    let mut store = FakeStore::with_backend();
    let platform = FakePlatform::new();
    let mut handshake = Handshake::new(platform.clone(), Config::default());
    let mut now = 0;
    let error = loop {
        match handshake.step(&mut store, now) {
            Step::WaitForBackend {
                handshake: same,
                deadline_ns,
                ..
            } => {
                now = deadline_ns;
                handshake = same;
            }
            Step::Failed { error, .. } => break error,
            Step::Connected(_) => panic!("nobody connected"),
        }
    };
    assert!(matches!(
        error,
        HandshakeError::TimedOut {
            awaited: XenbusState::Connected,
            state: XenbusState::InitWait,
            ..
        }
    ));
    assert_eq!(store.frontend_states(), [1, 3, 5]);
    assert_eq!(platform.shared_pages(), 0);
    platform.assert_graves_untouched();
}

#[test]
fn a_backend_that_closes_instead_of_connecting_has_refused() {
    for state in [
        XenbusState::Closing,
        XenbusState::Closed,
        XenbusState::Absent,
    ] {
        let mut store = FakeStore::with_backend();
        let handshake = Handshake::new(FakePlatform::new(), Config::default());
        let Step::WaitForBackend { handshake, .. } = handshake.step(&mut store, 0) else {
            panic!("it waits for Connected");
        };
        store.set_backend_state(state);
        let Step::Failed { error, .. } = handshake.step(&mut store, 1) else {
            panic!("refused");
        };
        assert_eq!(error, HandshakeError::Refused { state });
    }
}

#[test]
fn a_backend_that_moves_to_another_domain_gets_no_grants() {
    let mut store = FakeStore::from_toolstack();
    let platform = FakePlatform::new();
    let handshake = Handshake::new(platform.clone(), Config::default());
    let Step::WaitForBackend { handshake, .. } = handshake.step(&mut store, 0) else {
        panic!("it waits for InitWait");
    };
    let mut store = FakeStore::with_backend();
    store.set(&key(FRONTEND_DIR, "backend-id"), "5");
    let Step::Failed { error, .. } = handshake.step(&mut store, 1) else {
        panic!("the backend changed");
    };
    assert_eq!(
        error.to_string(),
        "the pvcalls backend moved from domain 0 to 5"
    );
    assert_eq!(platform.shared_pages(), 0);
}

#[test]
fn a_refused_write_names_the_key() {
    let mut store = FakeStore::with_backend();
    store.set_write_error(Some(Errno::EACCES));
    assert_eq!(
        failure(&mut store).to_string(),
        "xenstore key device/pvcalls/0/state: permission denied (EACCES, error 13)"
    );
}

#[test]
fn shortages_of_the_guest_are_told_and_leave_nothing_behind() {
    let platform = FakePlatform::new();
    platform.set_share_error(Some(ShareError::NoGrants));
    let handshake = Handshake::new(platform.clone(), Config::default());
    let Step::Failed { error, .. } = handshake.step(&mut FakeStore::with_backend(), 0) else {
        panic!("no grants");
    };
    assert_eq!(
        error,
        HandshakeError::Resources(ResourceError::Share(ShareError::NoGrants))
    );
    assert_eq!(platform.open_ports(), 0);

    platform.set_no_port(true);
    let handshake = Handshake::new(platform, Config::default());
    let Step::Failed { error, .. } = handshake.step(&mut FakeStore::with_backend(), 0) else {
        panic!("no ports");
    };
    assert_eq!(
        error,
        HandshakeError::Resources(ResourceError::Port(NoPort))
    );
}
