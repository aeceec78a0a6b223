//! A backend that ends without a word: its state in xenstore stays, but Xen takes its end of the
//! event channels.

use super::{get, next, small, submit};
use crate::{Error, Fault};

#[test]
fn calls_of_a_backend_that_died_fail_long_before_their_time() {
    let mut rig = small();
    let root = rig.attach();
    let id = submit(&mut rig, &get(root));
    // It took the request, and is killed.
    next(&mut rig, 0);
    rig.platform.set_unbound(true);
    assert!(rig.answer(id).is_none());
    rig.advance(1_000_000_000);
    assert_eq!(rig.session.fault(), Some(Fault::BackendDied));
    assert_eq!(rig.answer(id), Some(Err(Error::Gone)));
    assert_eq!(rig.submit(&get(root)), Err(Error::Gone));
}

#[test]
fn a_slow_backend_is_not_taken_for_dead() {
    let mut rig = small();
    let root = rig.attach();
    let id = submit(&mut rig, &get(root));
    rig.advance(60_000_000_000);
    assert_eq!(rig.session.fault(), None);
    assert!(rig.answer(id).is_none());
    rig.settle();
    assert!(matches!(rig.answer(id), Some(Ok(_))));
    // Nobody looks while nothing is asked: what is not needed is not missed.
    rig.platform.set_unbound(true);
    rig.advance(60_000_000_000);
    assert_eq!(rig.session.fault(), None);
}
