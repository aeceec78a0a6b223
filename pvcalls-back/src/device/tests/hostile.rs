//! Values that make no sense, changes without end, and a xenstore that refuses.

use super::*;

#[test]
fn keys_that_are_missing_or_no_numbers_are_an_error() {
    for (port, ring_ref) in [
        (None, Some("8")),
        (Some("7"), None),
        (Some("7"), Some("-8")),
        (Some("7 "), Some("8")),
        (Some("0x7"), Some("8")),
        (Some("4294967296"), Some("8")),
        (Some(""), Some("8")),
    ] {
        let mut world = World::new();
        world.create(ONE);
        let front = keys::front(ONE);
        if let Some(port) = port {
            world.set(&format!("{front}/port"), port);
        }
        if let Some(ring_ref) = ring_ref {
            world.set(&format!("{front}/ring-ref"), ring_ref);
        }
        world.front(ONE, "3");
        assert_eq!(world.state(ONE), "5", "{port:?} {ring_ref:?}");
        assert_ne!(world.back(ONE, "error"), "-");
        assert!(world.asked().is_empty());
        // It can do better.
        world.front(ONE, "6");
        assert_eq!(world.state(ONE), "6");
        world.front(ONE, "1");
        assert_eq!(world.state(ONE), "2");
        assert_eq!(world.back(ONE, "error"), "-");
        world.publish(ONE);
        assert_eq!(world.state(ONE), "4");
    }
}

#[test]
fn long_values_are_cut_in_the_error() {
    let mut world = World::new();
    world.create(ONE);
    let long = format!("\u{1b}{}", "9".repeat(4000));
    world.set(&format!("{}/port", keys::front(ONE)), &long);
    world.front(ONE, "3");
    let error = world.back(ONE, "error");
    assert!(error.len() < 200 && !error.is_ascii(), "{error}");
    assert!(!error.contains('\u{1b}'), "{error}");
}

#[test]
fn changes_without_end_cost_one_look() {
    let mut world = World::connected();
    world.create(TWO);
    let before = world.tree.borrow().requests;
    let state = format!("{}/state", keys::front(ONE));
    for n in 0..10_000 {
        world.set(&state, ["4", "2", "3", "banana", "4", "5000000000"][n % 6]);
        world.set(&format!("{state}/{}", n % 40), "below");
    }
    world.set(&state, "4");
    world.run();
    let cost = world.tree.borrow().requests - before;
    assert!(cost <= 5, "{cost} requests");
    assert_eq!(
        (world.state(ONE), world.state(TWO)),
        ("4".into(), "2".into())
    );
    assert!(world.asked().is_empty());
}

#[test]
fn a_frontend_that_connects_and_closes_without_end_has_to_wait() {
    let mut world = World::new();
    world.create(ONE);
    let mut rounds = 0;
    while world.state(ONE) == "2" {
        rounds += 1;
        assert!(rounds < 100, "nobody stops it");
        world.publish(ONE);
        world.front(ONE, "6");
        world.front(ONE, "1");
    }
    assert_eq!((rounds, world.state(ONE)), (20, "6".to_owned()));
    let wait = world.model.timeout().unwrap();
    assert!(wait > Duration::from_secs(1), "{wait:?}");
    // Others do not.
    world.create(TWO);
    world.publish(TWO);
    assert_eq!(world.state(TWO), "4");
}

#[test]
fn one_guest_with_work_without_end_does_not_hold_up_a_call() {
    let mut world = World::new();
    for domain in 1..=200 {
        create(&mut world.tree.borrow_mut(), DeviceId { domain, device: 0 });
    }
    let before = world.tree.borrow().requests;
    world.model.handle().unwrap();
    let cost = world.tree.borrow().requests - before;
    assert!(cost < 1000, "{cost} requests in one call");
    assert_eq!(world.model.timeout(), Some(Duration::ZERO));
    world.run();
    let all = (1..=200).map(|domain| DeviceId { domain, device: 0 });
    assert!(all.into_iter().all(|id| world.state(id) == "2"));
}

#[test]
fn events_that_one_call_leaves_are_not_waited_for() {
    let mut world = World::new();
    world.create(ONE);
    // More events than a call takes, and none of them for anything to look at.
    for n in 0..1000 {
        world.set(&format!("{}/no-domain/{n}", keys::AREA), "");
    }
    world.model.handle().unwrap();
    assert_eq!(world.model.timeout(), Some(Duration::ZERO));
    world.run();
    world.set(&format!("{}/online", keys::back(ONE)), "0");
    world.run();
    assert_eq!(world.state(ONE), "6");
}

#[test]
fn a_directory_with_another_frontend_is_no_device() {
    for (node, value) in [
        ("frontend", "/local/domain/2/device/pvcalls/0"),
        ("frontend", "/local/domain/1/data/x"),
        ("frontend-id", "2"),
        ("frontend-id", "01"),
    ] {
        let mut world = World::new();
        create(&mut world.tree.borrow_mut(), ONE);
        world.set(&format!("{}/{node}", keys::back(ONE)), value);
        world.run();
        assert_eq!(world.state(ONE), "1", "{node} {value}");
        assert!(world.has_forgotten_all());
    }
}

#[test]
fn a_link_that_the_guest_writes_is_not_followed() {
    let mut world = World::new();
    world.create(ONE);
    world.create(TWO);
    let backend = format!("{}/backend", keys::front(ONE));
    world.set(&backend, "/local/domain/0/backend/pvcalls/2/0");
    world.set(&format!("{}/backend-id", keys::front(ONE)), "2");
    world.publish(ONE);
    assert_eq!(
        (world.state(ONE), world.state(TWO)),
        ("4".into(), "2".into())
    );
}

#[test]
fn what_xenstore_refuses_is_tried_again() {
    let mut world = World::new();
    world.create(TWO);
    // The look at the domain, and that at the device.
    world.tree.borrow_mut().failures = 2;
    world.create(ONE);
    assert_eq!(world.state(ONE), "1");
    let wait = world.model.timeout().unwrap();
    assert!(!wait.is_zero() && wait <= Duration::from_secs(2));
    std::thread::sleep(wait);
    world.run();
    assert_eq!(
        (world.state(ONE), world.state(TWO)),
        ("2".into(), "2".into())
    );
}
