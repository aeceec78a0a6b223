//! The loop with a store and a data side that are not real: what a toolstack, guests and a
//! crash do to it.

mod ends;
mod fake;
mod hostile;

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

    /// No device is left.
    fn has_forgotten_all(&self) -> bool {
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
