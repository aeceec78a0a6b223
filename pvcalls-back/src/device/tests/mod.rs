//! The loop with a store and a data side that are not real: what a toolstack, guests and a
//! crash do to it.

mod fake;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use fake::{Asked, Data, FakeSessions, FakeStore, Tree, create};

use super::keys;
use super::model::DeviceModel;
use crate::config::{DomainSettings, Limits};
use crate::counters::Counters;
use crate::features::{Feature, Features};
use crate::sessions::{DeviceId, Ending, SessionEvent};

const ONE: DeviceId = DeviceId {
    domain: 1,
    device: 0,
};
const TWO: DeviceId = DeviceId {
    domain: 2,
    device: 0,
};

/// A backend with all around it.
struct World {
    tree: Rc<RefCell<Tree>>,
    data: Rc<RefCell<Data>>,
    counters: Arc<Counters>,
    model: DeviceModel<FakeStore, FakeSessions>,
    /// The greatest ring order of the configuration, which can change.
    max_page_order: Arc<AtomicU8>,
}

impl World {
    fn new() -> Self {
        Self::on(Rc::default(), "0")
    }

    /// An instance that finds this tree, in a domain.
    fn on(tree: Rc<RefCell<Tree>>, domain: &str) -> Self {
        tree.borrow_mut().set("domid", domain);
        let data = Rc::new(RefCell::new(Data::default()));
        let counters = Arc::new(Counters::default());
        let max_page_order = Arc::new(AtomicU8::new(7));
        let order = Arc::clone(&max_page_order);
        let settings = move |domain: u16, name: &str| {
            assert_eq!(name, format!("guest-{domain}"));
            let limits = Limits {
                max_page_order: order.load(Ordering::Relaxed),
                ..Limits::default()
            };
            Arc::new(DomainSettings {
                limits,
                features: [Feature::Shutdown, Feature::Udp].into_iter().collect(),
                ..DomainSettings::default()
            })
        };
        let model = DeviceModel::new(
            FakeStore(Rc::clone(&tree)),
            FakeSessions(Rc::clone(&data)),
            Box::new(settings),
            Arc::clone(&counters),
        );
        Self {
            tree,
            data,
            counters,
            model: model.unwrap(),
            max_page_order,
        }
    }

    /// Until there is nothing to do but wait.
    fn run(&mut self) {
        for _ in 0..1000 {
            self.model.handle().unwrap();
            let asked = !self.data.borrow().events.is_empty();
            if !asked && self.model.timeout() != Some(Duration::ZERO) {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn create(&mut self, id: DeviceId) {
        create(&mut self.tree.borrow_mut(), id);
        self.run();
    }

    fn set(&mut self, path: &str, value: &str) {
        self.tree.borrow_mut().set(path, value);
    }

    /// The guest writes its state, and nothing else happens meanwhile.
    fn front(&mut self, id: DeviceId, state: &str) {
        self.set(&format!("{}/state", keys::front(id)), state);
        self.run();
    }

    /// The guest publishes its ring.
    fn publish(&mut self, id: DeviceId) {
        let front = keys::front(id);
        self.set(&format!("{front}/version"), "1");
        self.set(&format!("{front}/port"), "7");
        self.set(&format!("{front}/ring-ref"), "8");
        self.front(id, "3");
    }

    /// A device that serves.
    fn connected() -> Self {
        let mut world = Self::new();
        world.create(ONE);
        world.publish(ONE);
        world.front(ONE, "4");
        assert_eq!(world.state(ONE), "4");
        world.data.borrow_mut().asked.clear();
        world
    }

    fn state(&self, id: DeviceId) -> String {
        self.back(id, "state")
    }

    fn back(&self, id: DeviceId, node: &str) -> String {
        let tree = self.tree.borrow();
        tree.text(&format!("{}/{node}", keys::back(id))).to_owned()
    }

    /// What the data side was asked since.
    fn asked(&self) -> VecDeque<Asked> {
        std::mem::take(&mut self.data.borrow_mut().asked)
    }

    #[track_caller]
    fn expect_close(&self, id: DeviceId, ending: Ending) {
        let asked = self.asked();
        assert!(
            matches!(asked.iter().collect::<Vec<_>>()[..],
                [Asked::Close(of, how)] if (*of, *how) == (id, ending)),
            "{asked:?}"
        );
    }

    /// All states that a guest could have seen in our directory, from here on.
    fn forget_all(&self) -> bool {
        self.model.devices().next().is_none() && self.counters.devices().is_empty()
    }
}

#[test]
fn a_device_is_offered_what_its_domain_may_have() {
    let mut world = World::new();
    world.create(ONE);
    assert_eq!(world.state(ONE), "2");
    assert_eq!(world.back(ONE, "versions"), "1");
    assert_eq!(world.back(ONE, "max-page-order"), "7");
    assert_eq!(world.back(ONE, "function-calls"), "1");
    assert_eq!(world.back(ONE, "feature-shutdown"), "1");
    assert_eq!(world.back(ONE, "feature-udp"), "1");
    assert_eq!(world.back(ONE, "feature-ipv6"), "-");
    assert!(world.asked().is_empty());
    assert_eq!(world.counters.devices().len(), 1);
}

#[test]
fn a_frontend_is_served_with_what_both_sides_announced() {
    let mut world = World::new();
    world.create(ONE);
    let front = keys::front(ONE);
    // Not offered; not exactly 1; offered and accepted.
    world.set(&format!("{front}/feature-ipv6"), "1");
    world.set(&format!("{front}/feature-udp"), "1\n");
    world.set(&format!("{front}/feature-shutdown"), "1");
    world.publish(ONE);
    assert_eq!(world.state(ONE), "4");
    let asked = world.asked();
    let [Asked::Open(ONE, connection)] = asked.iter().collect::<Vec<_>>()[..] else {
        panic!("{asked:?}");
    };
    assert_eq!((connection.port, connection.ring_ref), (7, 8));
    let shutdown: Features = [Feature::Shutdown].into_iter().collect();
    assert_eq!(connection.features, shutdown);
    assert_eq!(connection.settings.limits.max_page_order, 7);
}

#[test]
fn a_new_configuration_does_not_take_back_what_was_offered() {
    let mut world = World::new();
    world.create(ONE);
    world.max_page_order.store(2, Ordering::Relaxed);
    world.publish(ONE);
    let order = |world: &World| match &world.asked()[0] {
        Asked::Open(_, connection) => connection.settings.limits.max_page_order,
        other => panic!("{other:?}"),
    };
    assert_eq!(order(&world), 7);
    // But the next offer is another one.
    world.front(ONE, "1");
    assert_eq!(world.back(ONE, "max-page-order"), "2");
    world.asked();
    world.publish(ONE);
    assert_eq!(order(&world), 2);
}

#[test]
fn devices_that_are_there_at_the_start_are_found() {
    let tree = Rc::new(RefCell::new(Tree::default()));
    create(&mut tree.borrow_mut(), ONE);
    create(&mut tree.borrow_mut(), TWO);
    // Things that are no devices.
    tree.borrow_mut().set("backend/pvcalls/x/0/state", "1");
    tree.borrow_mut().set("backend/pvcalls/3/y/state", "1");
    tree.borrow_mut().set("backend/vbd/1/0/state", "1");
    let mut world = World::on(tree, "0");
    world.run();
    assert_eq!(world.state(ONE), "2");
    assert_eq!(world.state(TWO), "2");
    assert_eq!(world.model.devices().count(), 2);
}

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
fn reconnecting_in_order_and_from_connected_straight_to_initialising() {
    let mut world = World::connected();
    world.front(ONE, "5");
    world.expect_close(ONE, Ending::Linger);
    assert_eq!(world.state(ONE), "5");
    world.front(ONE, "6");
    assert_eq!(world.state(ONE), "6");
    world.front(ONE, "1");
    assert_eq!(world.state(ONE), "2");
    world.publish(ONE);
    assert_eq!(world.state(ONE), "4");
    assert!(matches!(world.asked()[0], Asked::Open(ONE, _)));

    // The session takes its time; nothing is offered before it has ended.
    world.data.borrow_mut().by_hand = true;
    world.front(ONE, "1");
    world.expect_close(ONE, Ending::Linger);
    assert_eq!(world.state(ONE), "4");
    world.data.borrow_mut().open.clear();
    let closed = SessionEvent::Closed(ONE);
    world.data.borrow_mut().events.push_back(closed);
    world.run();
    assert_eq!(world.state(ONE), "2");
    world.data.borrow_mut().by_hand = false;
    world.publish(ONE);
    assert_eq!(world.state(ONE), "4");
}

#[test]
fn the_toolstack_unplugs_and_removes() {
    let mut world = World::connected();
    let back = keys::back(ONE);
    world.set(&format!("{back}/online"), "0");
    world.set(&format!("{back}/state"), "5");
    world.run();
    world.expect_close(ONE, Ending::Linger);
    assert_eq!(world.state(ONE), "6");
    // It stays until the toolstack is done; nothing the guest does brings it back.
    world.front(ONE, "1");
    assert_eq!(world.state(ONE), "6");
    world.tree.borrow_mut().remove("backend/pvcalls/1");
    world.run();
    assert!(world.forget_all());
    // No ghosts, no watches.
    let tree = world.tree.borrow();
    assert!(tree.children(keys::AREA).is_empty());
    assert_eq!(tree.watches(), [keys::AREA, "@releaseDomain"]);
}

#[test]
fn a_domain_is_destroyed_as_xl_does_it() {
    let mut world = World::connected();
    let back = keys::back(ONE);
    // All in one transaction: whatever is looked at first, the frontend is known to be gone.
    world.set(&format!("{back}/online"), "0");
    world.set(&format!("{back}/state"), "5");
    world.tree.borrow_mut().remove(&keys::front(ONE));
    world.run();
    world.expect_close(ONE, Ending::Now);
    assert_eq!(world.state(ONE), "6");
    world.tree.borrow_mut().remove("backend/pvcalls/1");
    world.run();
    assert!(world.forget_all());
}

#[test]
fn a_domain_that_dies_without_a_toolstack_is_cleaned_up_after() {
    let mut world = World::connected();
    world.create(TWO);
    world.tree.borrow_mut().dead.insert(1);
    world.tree.borrow_mut().fire("@releaseDomain");
    world.run();
    world.expect_close(ONE, Ending::Now);
    assert_eq!(world.tree.borrow().children(keys::AREA), ["2"]);
    assert_eq!(world.model.devices().collect::<Vec<_>>(), [TWO]);
    assert_eq!(world.state(TWO), "2");
}

#[test]
fn a_domain_that_is_still_to_be_made_is_not_dead() {
    let mut world = World::new();
    world.tree.borrow_mut().dead.insert(1);
    world.create(ONE);
    world.tree.borrow_mut().fire("@releaseDomain");
    world.run();
    assert_eq!(world.state(ONE), "2");
    world.tree.borrow_mut().dead.clear();
    world.publish(ONE);
    assert_eq!(world.state(ONE), "4");
}

#[test]
fn in_a_driver_domain_the_directory_is_ours_to_remove() {
    let tree = Rc::new(RefCell::new(Tree::default()));
    create(&mut tree.borrow_mut(), ONE);
    let mut world = World::on(tree, "5");
    world.run();
    world.publish(ONE);
    world.set(&format!("{}/online", keys::back(ONE)), "0");
    world.run();
    // For a moment, the toolstack can see that all is well.
    assert_eq!(world.state(ONE), "6");
    let wait = world.model.timeout().unwrap();
    assert!(wait <= Duration::from_secs(1));
    std::thread::sleep(wait);
    world.run();
    assert!(world.forget_all());
    assert!(world.tree.borrow().children(keys::AREA).is_empty());
}

#[test]
fn a_directory_that_is_removed_in_between_does_not_come_back() {
    // At each of the writes of a device's life.
    for (n, before) in ["1", "3", "6"].into_iter().enumerate() {
        let mut world = World::new();
        if n > 0 {
            world.create(ONE);
        }
        if n > 1 {
            world.publish(ONE);
        }
        let race = |tree: &mut Tree| tree.remove("backend/pvcalls/1");
        world.tree.borrow_mut().race = Some(Box::new(race));
        if n == 0 {
            world.create(ONE);
        } else if n == 1 {
            world.publish(ONE);
        } else {
            world.front(ONE, before);
        }
        assert!(world.tree.borrow().race.is_none(), "nothing was written");
        assert!(world.tree.borrow().children(keys::AREA).is_empty());
        assert!(world.forget_all());
        assert!(world.data.borrow().open.is_empty());
    }
}

#[test]
fn a_directory_that_is_replaced_in_one_go_is_another_device() {
    let mut world = World::connected();
    world.tree.borrow_mut().remove(&keys::back(ONE));
    world.tree.borrow_mut().remove(&keys::front(ONE));
    world.create(ONE);
    world.expect_close(ONE, Ending::Now);
    assert_eq!(world.state(ONE), "2");
    world.publish(ONE);
    assert_eq!(world.state(ONE), "4");
    assert_eq!(world.tree.borrow().watches().len(), 3);
}

#[test]
fn an_instance_after_a_crash_lets_the_frontend_come_again() {
    let world = World::connected();
    let mut world = World::on(Rc::clone(&world.tree), "0");
    world.run();
    assert_eq!(world.state(ONE), "5");
    assert!(world.asked().is_empty());
    world.front(ONE, "5");
    assert_eq!(world.state(ONE), "5");
    world.front(ONE, "6");
    assert_eq!(world.state(ONE), "6");
    world.front(ONE, "1");
    assert_eq!(world.state(ONE), "2");
    world.publish(ONE);
    assert_eq!(world.state(ONE), "4");
}

#[test]
fn an_instance_after_a_crash_finishes_what_ended_meanwhile() {
    let world = World::connected();
    let tree = Rc::clone(&world.tree);
    create(&mut tree.borrow_mut(), TWO);
    tree.borrow_mut()
        .set(&format!("{}/online", keys::back(TWO)), "0");
    tree.borrow_mut().dead.insert(1);
    let mut world = World::on(tree, "0");
    world.run();
    assert_eq!(world.tree.borrow().children(keys::AREA), ["2"]);
    assert_eq!(world.state(TWO), "6");
    assert!(world.asked().is_empty());
}

#[test]
fn a_clean_stop_and_the_next_instance() {
    let mut world = World::connected();
    world.create(TWO);
    world.data.borrow_mut().by_hand = true;
    world.model.stop();
    world.run();
    world.expect_close(ONE, Ending::Linger);
    assert_eq!(
        (world.state(ONE), world.state(TWO)),
        ("5".into(), "6".into())
    );
    assert!(!world.model.is_idle());
    // What comes now is for the next instance.
    let three = DeviceId {
        domain: 3,
        device: 0,
    };
    world.create(three);
    let closed = SessionEvent::Closed(ONE);
    world.data.borrow_mut().events.push_back(closed);
    world.run();
    assert!(world.model.is_idle());
    assert_eq!(
        (world.state(ONE), world.state(three)),
        ("6".into(), "1".into())
    );
    assert_eq!(world.back(ONE, "online"), "1");

    let mut world = World::on(Rc::clone(&world.tree), "0");
    world.run();
    assert_eq!(
        (world.state(ONE), world.state(three)),
        ("6".into(), "2".into())
    );
    assert_eq!(world.state(TWO), "2");
    world.front(ONE, "6");
    world.front(ONE, "1");
    world.publish(ONE);
    assert_eq!(world.state(ONE), "4");
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
fn a_broken_session_is_told_and_closed() {
    let mut world = World::connected();
    let broken = SessionEvent::Broken(ONE, "indexes jump".to_owned());
    world.data.borrow_mut().events.push_back(broken);
    world.run();
    world.expect_close(ONE, Ending::Now);
    assert_eq!(world.state(ONE), "5");
    assert_eq!(world.back(ONE, "error"), "indexes jump");
    world.front(ONE, "6");
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
        assert!(world.forget_all());
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
