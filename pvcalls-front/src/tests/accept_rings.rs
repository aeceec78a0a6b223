//! Data rings that are ready before somebody connects: how many, how large, and what they cost.

use super::passive::{
    SECOND, at, begin, close, end, establish, listening, next_accept, rig_with, take,
};
use super::{nothing_asked, rig};
use crate::{Config, ListenOptions, Readiness, RingOrder, ShareError, TryError};

#[test]
fn who_does_not_take_connections_leaves_them_in_the_host() {
    for features in [&[] as &[&str], &["feature-multi-accept"]] {
        let mut rig = rig_with(features);
        let listener = listening(&mut rig, 80);
        let ahead = Config::default().accepts_ahead;
        for _ in 0..ahead {
            let accept = next_accept(&mut rig, listener);
            answer!(&mut rig, accept, 0);
        }
        nothing_asked(&mut rig);
        let pages = rig.platform.shared_pages();
        assert_eq!(pages, 1 + 3 * ahead);
        let readiness = rig.frontend.readiness(listener).expect("good");
        assert_eq!(readiness, Readiness::READABLE);
        // One is taken: one more may come.
        take(&mut rig, listener);
        next_accept(&mut rig, listener);
        nothing_asked(&mut rig);
        for _ in 1..ahead {
            take(&mut rig, listener);
        }
        let error = rig.frontend.try_accept(listener, 0);
        assert_eq!(error, Err(TryError::WouldBlock));
        let readiness = rig.frontend.readiness(listener).expect("good");
        assert_eq!(readiness, Readiness::empty());
    }
}

#[test]
fn connections_cost_no_pages_when_rings_have_been_made() {
    for features in [&[] as &[&str], &["feature-multi-accept"]] {
        let mut rig = rig_with(features);
        let id = rig.frontend.listen(at(80), ListenOptions::default(), 0);
        let listener = id.expect("nothing is short");
        rig.settle();
        let mut made = None;
        for round in 0..100 {
            assert!(rig.backend.accept(listener).is_some());
            rig.deliver();
            let stream = take(&mut rig, listener);
            close(&mut rig, stream);
            rig.settle();
            if round == 20 {
                made = Some(rig.platform.made());
            }
        }
        assert_eq!(Some(rig.platform.made()), made);
        close(&mut rig, listener);
        rig.advance(SECOND);
        rig.settle();
        let lost = rig.frontend.stats().slots_lost;
        assert_eq!(lost, usize::from(features.is_empty()), "Linux's way");
    }
}

#[test]
fn rings_kept_ready_take_a_part_of_the_memory() {
    let mut rig = rig_with(&["feature-multi-accept"]);
    // 3 pages each; a sixteenth of 160 pages is 10.
    rig.platform.set_free_pages(160);
    listening(&mut rig, 80);
    assert_eq!(rig.frontend.stats().accepts_out, 3);
    let mut rig = rig_with(&["feature-multi-accept"]);
    rig.platform.set_free_pages(4);
    let listener = listening(&mut rig, 80);
    assert_eq!(rig.frontend.stats().accepts_out, 1);
    let accept = next_accept(&mut rig, listener);
    answer!(&mut rig, accept, 0);
    // The first one waits for its caller.
    nothing_asked(&mut rig);
    take(&mut rig, listener);
    next_accept(&mut rig, listener);
}

#[test]
fn the_size_of_the_rings_is_as_asked_or_as_memory_permits() {
    let sizes = [(1, 4096), (3, 16384), (4, 32768)];
    for (order, bytes) in sizes {
        let mut rig = rig();
        let options = ListenOptions {
            ring_order: RingOrder::new(order),
            ..ListenOptions::default()
        };
        let id = rig.frontend.listen(at(80), options, 0).expect("known");
        establish(&mut rig, id);
        let accept = next_accept(&mut rig, id);
        answer!(&mut rig, accept, 0);
        let stream = take(&mut rig, id);
        let backend = rig.backend.stream(stream).expect("open");
        assert_eq!(backend.array_bytes(), bytes);
    }
    // Order 4 asked for, in a guest that has no 16 pages in one piece: a smaller one.
    let mut rig = rig();
    rig.platform.set_free_pages(15);
    let options = ListenOptions {
        ring_order: RingOrder::new(4),
        ..ListenOptions::default()
    };
    let id = rig.frontend.listen(at(80), options, 0).expect("known");
    establish(&mut rig, id);
    let accept = next_accept(&mut rig, id);
    answer!(&mut rig, accept, 0);
    let stream = take(&mut rig, id);
    let backend = rig.backend.stream(stream).expect("open");
    assert_eq!(backend.array_bytes(), 4096);
}

#[test]
fn a_shortage_of_this_guest_does_not_fail_the_listener() {
    for no_port in [false, true] {
        let mut rig = rig();
        let listener = begin(&mut rig, 80);
        rig.platform
            .set_share_error((!no_port).then_some(ShareError::NoGrants));
        rig.platform.set_no_port(no_port);
        establish(&mut rig, listener);
        rig.advance(10 * SECOND);
        nothing_asked(&mut rig);
        assert_eq!(rig.frontend.try_listen(listener), Ok(()));
        let error = rig.frontend.try_accept(listener, rig.now_ns);
        assert_eq!(error, Err(TryError::WouldBlock));
        rig.platform.set_share_error(None);
        rig.platform.set_no_port(false);
        rig.advance(SECOND);
        let accept = next_accept(&mut rig, listener);
        end(&mut rig, listener, &[accept]);
    }
}
