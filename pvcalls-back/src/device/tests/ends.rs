//! Devices that end, and instances that begin where another one ended.

use super::*;

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
    assert!(world.has_forgotten_all());
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
    assert!(world.has_forgotten_all());
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
    assert!(world.has_forgotten_all());
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
        assert!(world.has_forgotten_all());
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
