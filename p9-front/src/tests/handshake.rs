//! From the toolstack's directory to Connected, and what may stand in the way.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use xen_front::platform::{NoPort, ShareError, XenbusState, key};
use xen_front::ring::ResourceError;
use xen_front::test_utils::FakePlatform;
use xen_front::units::RingOrder;

use crate::test_utils::{FakeStore, Manner, Peer, bring_up};
use crate::{Config, Errno, Handshake, HandshakeError, Session, Step};

fn attempt(
    platform: &FakePlatform,
    config: Config,
    store: &mut FakeStore,
) -> Result<Session<FakePlatform>, HandshakeError> {
    let handshake = Handshake::new(platform.clone(), config, FakeStore::TAG);
    bring_up(handshake, store, &mut 0)
}

#[track_caller]
fn failure(store: &mut FakeStore) -> HandshakeError {
    let platform = FakePlatform::new();
    let error = attempt(&platform, Config::default(), store).expect_err("it must not come up");
    assert_eq!(platform.shared_pages(), 0);
    assert_eq!(platform.open_ports(), 0);
    platform.assert_graves_untouched();
    error
}

fn backend(name: &str) -> String {
    key(&FakeStore::backend_dir(0), name)
}

fn frontend(name: &str) -> String {
    key(&FakeStore::frontend_dir(0), name)
}

#[test]
fn the_keys_are_those_of_the_specification() {
    let mut store = FakeStore::with_backend(2, 4);
    let platform = FakePlatform::new();
    let session = attempt(&platform, Config::default(), &mut store).expect("up");
    assert_eq!(store.number(&frontend("version")), Some(1));
    assert_eq!(store.number(&frontend("num-rings")), Some(2));
    for (number, port) in (0..2).zip(session.ports()) {
        let name = alloc::format!("event-channel-{number}");
        assert_eq!(store.number(&frontend(&name)), Some(port.get()));
        let name = alloc::format!("ring-ref{number}");
        assert!(store.number(&frontend(&name)).is_some());
    }
    assert_eq!(store.frontend_states(), [1, 3, 4]);
    let peer = Peer::bind(&platform, &store, &FakeStore::frontend_dir(0), Manner::Qemu);
    assert_eq!(peer.rings(), 2);
    assert_eq!(session.stats().ring_pages, 2 * 17);
    assert_eq!(session.backend_state_key(), backend("state"));
}

#[test]
fn every_beginning_leads_to_connected() {
    for front in 0..=6u32 {
        for back in 0..=6u32 {
            let mut store = FakeStore::with_backend(1, 1);
            store.set(&frontend("state"), front.to_string());
            store.set_backend_state(XenbusState::from_number(back));
            if back == 0 {
                store.set_backend_state(XenbusState::InitWait);
            }
            let platform = FakePlatform::new();
            attempt(&platform, Config::default(), &mut store)
                .unwrap_or_else(|error| panic!("{front} {back}: {error}"));
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
fn the_device_is_found_by_its_tag() {
    let mut store = FakeStore::with_backend(1, 2);
    store.set(&frontend("tag"), "other");
    store.add_device(12, FakeStore::TAG);
    let there = FakeStore::backend_dir(12);
    for name in ["versions", "max-rings", "max-ring-page-order"] {
        store.set(&key(&there, name), "1");
    }
    store.set(&key(&there, "state"), "2");
    let platform = FakePlatform::new();
    let handshake = Handshake::new(platform, Config::default(), FakeStore::TAG);
    let Step::WaitForBackend {
        watch, handshake, ..
    } = handshake.step(&mut store, 0)
    else {
        panic!("it waits for Connected");
    };
    assert_eq!(watch, key(&there, "state"));
    store.set(&watch, "4");
    assert!(matches!(handshake.step(&mut store, 0), Step::Connected(_)));
    assert_eq!(store.number(&frontend("num-rings")), None);
}

#[test]
fn a_tag_that_does_not_exist_is_named_with_those_that_do() {
    let mut store = FakeStore::default();
    assert_eq!(
        failure(&mut store).to_string(),
        "no 9pfs device with the tag \"data\", nor any other, in the domain's configuration \
         (p9=[...])"
    );
    store.add_device(0, "logs");
    store.add_device(1, "da\"ta\n");
    store.set("device/9pfs/junk", "");
    assert_eq!(
        failure(&mut store).to_string(),
        r#"no 9pfs device with the tag "data"; there are "logs", "da\"ta\n""#
    );
    let long = "x".repeat(3000);
    for number in 0..100 {
        store.add_device(number, &long);
    }
    assert!(failure(&mut store).to_string().len() < 2000, "bounded");
}

/// The message for a bad value of a key.
#[track_caller]
fn complaint(path: &str, value: Option<&[u8]>) -> String {
    let mut store = FakeStore::with_backend(4, 8);
    match value {
        Some(value) => store.set(path, value),
        None => store.remove(path),
    }
    let text = failure(&mut store).to_string();
    assert!(text.contains(path), "{text} names {path}");
    assert!(text.len() < 250, "shortened: {text}");
    text
}

#[test]
fn every_malformed_value_is_named() {
    let names = ["versions", "max-rings", "max-ring-page-order"].map(backend);
    for path in [&names[..], &["backend", "backend-id"].map(frontend)].concat() {
        let text = complaint(&path, None);
        assert!(text.ends_with("is missing"), "{text}");
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "0x1",
            "one",
            "1 ",
            "1\n",
            "1\0",
            ",",
            "4294967296",
            "99999999999",
            "\u{0661}",
        ] {
            complaint(&path, Some(value.as_bytes()));
        }
        complaint(&path, Some(&[0xff, 0x1b, b'[']));
        complaint(&path, Some(&[b'9'; 4000]));
    }
    for value in ["0", "2", "2,3", "11", "1,", ",1"] {
        complaint(&names[0], Some(value.as_bytes()));
    }
    for path in &names[1..] {
        let text = complaint(path, Some(b"0"));
        assert!(
            text.ends_with("is \"0\", expected a number from 1 on"),
            "{text}"
        );
    }
    for value in ["32752", "65536"] {
        complaint(&frontend("backend-id"), Some(value.as_bytes()));
    }
    for value in ["relative", "/with space", "/trailing/", "/"] {
        complaint(&frontend("backend"), Some(value.as_bytes()));
    }
}

#[test]
fn what_a_backend_offers_beyond_ours_is_not_used() {
    for (rings, order, num, taken) in [
        ("1", "1", 1, 1),
        ("2", "9", 2, 8),
        ("4294967295", "4294967295", 4, 8),
        ("3", "5", 3, 5),
    ] {
        let mut store = FakeStore::with_backend(1, 1);
        store.set(&backend("max-rings"), rings);
        store.set(&backend("max-ring-page-order"), order);
        store.set(&backend("versions"), "3,1,2");
        let platform = FakePlatform::new();
        let session = attempt(&platform, Config::default(), &mut store).expect("up");
        let pages = num * ((1 << taken) + 1);
        assert_eq!(
            (session.stats().rings, session.stats().ring_pages),
            (num, pages)
        );
        assert_eq!(platform.shared_pages(), pages);
        assert_eq!(platform.open_ports(), num);
    }
}

#[test]
fn the_largest_order_has_a_grant_for_each_page() {
    let config = Config {
        ring_order: RingOrder::MAX,
        rings: 1,
        ..Config::default()
    };
    let mut store = FakeStore::with_backend(8, 9);
    let platform = FakePlatform::new();
    let session = attempt(&platform, config, &mut store).expect("up");
    let mut peer = Peer::bind(&platform, &store, &FakeStore::frontend_dir(0), Manner::Qemu);
    assert_eq!(peer.ring(0).array(), 1 << 20);
    assert_eq!(session.msize(), (1 << 19) - 2048);
    assert_eq!(session.stats().ring_pages, 513);
}

#[test]
fn rings_are_as_large_as_memory_allows() {
    for (free, pages) in [
        (1_000_000, 4 * 257),
        (16 * 1024, 4 * 257),
        (16 * 1023, 4 * 129),
        (1000, 4 * 9),
        (64, 4 * 5),
    ] {
        let platform = FakePlatform::new();
        platform.set_free_pages(free);
        let mut store = FakeStore::with_backend(8, 9);
        let session = attempt(&platform, Config::default(), &mut store).expect("up");
        assert_eq!(session.stats().ring_pages, pages, "{free}");
    }
}

#[test]
fn memory_in_pieces_makes_smaller_rings_and_none_is_an_error() {
    // A share of more than three pages at once fails.
    for (free, order) in [(8, 3), (3, 1)] {
        let platform = FakePlatform::new();
        platform.set_free_pages(free);
        let mut store = FakeStore::with_backend(1, 4);
        let session = attempt(&platform, Config::default(), &mut store);
        let pages = session.map(|session| session.stats().ring_pages);
        assert!(
            matches!(pages, Ok(pages) if pages <= (1 << order) + 1),
            "{pages:?}"
        );
    }
    for error in [ShareError::OutOfMemory, ShareError::NoGrants] {
        let platform = FakePlatform::new();
        platform.set_share_error(Some(error));
        let mut store = FakeStore::with_backend(4, 8);
        assert_eq!(
            attempt(&platform, Config::default(), &mut store).expect_err("none"),
            HandshakeError::Resources(ResourceError::Share(error))
        );
        assert_eq!(platform.open_ports(), 0);
    }
    let platform = FakePlatform::new();
    platform.set_no_port(true);
    let mut store = FakeStore::with_backend(4, 8);
    assert_eq!(
        attempt(&platform, Config::default(), &mut store).expect_err("none"),
        HandshakeError::Resources(ResourceError::Port(NoPort))
    );
}

#[test]
fn a_backend_that_stays_away_is_named_with_its_state_and_the_time() {
    let mut store = FakeStore::from_toolstack();
    store.set_backend_state(XenbusState::Other(7));
    assert_eq!(
        failure(&mut store).to_string(),
        "the 9pfs backend did not come up: state 7 (unknown) after 10 s, waiting for 2 (InitWait)"
    );
    for state in ["99", "4294967296", "-1", "", "four", "2\0"] {
        store.set(&backend("state"), state);
        assert!(matches!(
            failure(&mut store),
            HandshakeError::TimedOut {
                awaited: XenbusState::InitWait,
                ..
            }
        ));
    }
}

#[test]
fn a_backend_that_closes_instead_of_connecting_has_refused() {
    for state in [
        XenbusState::Closing,
        XenbusState::Closed,
        XenbusState::Absent,
    ] {
        let mut store = FakeStore::with_backend(1, 1);
        let platform = FakePlatform::new();
        let handshake = Handshake::new(platform.clone(), Config::default(), FakeStore::TAG);
        let Step::WaitForBackend { handshake, .. } = handshake.step(&mut store, 0) else {
            panic!("it waits for Connected");
        };
        store.set_backend_state(state);
        let Step::Failed { error, .. } = handshake.step(&mut store, 1) else {
            panic!("refused");
        };
        assert_eq!(error, HandshakeError::Refused { state });
        assert_eq!(store.frontend_states(), [1, 3, 5]);
        assert_eq!((platform.shared_pages(), platform.open_ports()), (0, 0));
    }
}

#[test]
fn a_closed_daemon_that_does_not_look_at_1_gets_the_keys_all_the_same() {
    let mut store = FakeStore::with_backend(1, 1);
    store.set_backend_state(XenbusState::Closed);
    let mut handshake = Handshake::new(FakePlatform::new(), Config::default(), FakeStore::TAG);
    let mut now = 0;
    let mut waits = Vec::new();
    loop {
        match handshake.step(&mut store, now) {
            Step::WaitForBackend {
                handshake: same,
                deadline_ns,
                ..
            } => {
                handshake = same;
                if !store.react_as_daemon() {
                    now = deadline_ns;
                    waits.push(now);
                }
            }
            Step::Connected(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waits, [1_000_000_000]);
    assert_eq!(store.frontend_states(), [1, 3, 4]);
}

#[test]
fn a_backend_that_moves_to_another_domain_gets_no_grants() {
    let mut store = FakeStore::from_toolstack();
    let platform = FakePlatform::new();
    let handshake = Handshake::new(platform.clone(), Config::default(), FakeStore::TAG);
    let Step::WaitForBackend { handshake, .. } = handshake.step(&mut store, 0) else {
        panic!("it waits for InitWait");
    };
    let mut store = FakeStore::with_backend(4, 8);
    store.set(&frontend("backend-id"), "5");
    let Step::Failed { error, .. } = handshake.step(&mut store, 1) else {
        panic!("the backend changed");
    };
    assert_eq!(
        error.to_string(),
        "the 9pfs backend moved from domain 0 to 5"
    );
    assert_eq!(platform.shared_pages(), 0);
}

#[test]
fn a_refused_write_names_the_key() {
    let mut store = FakeStore::with_backend(4, 8);
    store.set_write_error(Some(Errno::EACCES));
    assert_eq!(
        failure(&mut store).to_string(),
        "xenstore key device/9pfs/0/state: permission denied (EACCES, error 13)"
    );
}
