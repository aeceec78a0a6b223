//! The client, the session and rings against a server at their other end: every operation, with
//! backends of every manner, honest and not.

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use p9_front::Config;
use p9_front::test_utils::server::{Lie, Server};
use p9_front::test_utils::trial::{Noise, Operation, Outcome, fuzz_rings, server};
use p9_front::test_utils::{Manner, Rig, Shared, Straight};
use p9_front::wire::Kind;
use proptest::prelude::*;

const MANNERS: [Manner; 4] = [
    Manner::Eager,
    Manner::Qemu,
    Manner::Pieces(5),
    Manner::Shuffled(3),
];

fn prepared() -> Server {
    static SERVER: LazyLock<Server> = LazyLock::new(server);
    SERVER.clone()
}

fn rig(rings: u32, manner: Manner) -> Shared {
    // Two pages each way; the indexes wrap around on the way.
    let mut rig = Rig::new(Config::default(), rings, 2, manner, 0xffff_f000);
    rig.server = prepared();
    Shared::new(rig)
}

/// Polls as long as something happens; then time passes, until a call of this time would have been
/// given up several times over.
fn run(shared: &Shared, future: impl Future<Output = Outcome>) -> Option<Outcome> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let mut quiet = 0;
    while quiet < 20 {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
            return Some(outcome);
        }
        if shared.rig().turn() {
            quiet = 0;
        } else {
            quiet += 1;
            shared.rig().advance(61_000_000_000);
        }
    }
    None
}

#[track_caller]
fn perform(shared: &Shared, operation: Operation) -> Outcome {
    let Some(outcome) = run(shared, operation.perform(shared.clone())) else {
        panic!("{operation:?} does not end");
    };
    let mut rig = shared.rig();
    for _ in 0..10 {
        rig.settle();
        rig.advance(61_000_000_000);
    }
    outcome
}

/// That the session is as it was before: nothing is under way, no file number in use. A server that
/// never answers a request, or breaks the rings, need not get that far.
#[track_caller]
fn assert_clean(shared: &Shared, what: &str) {
    let stats = shared.rig().session.stats();
    assert_eq!((stats.in_flight, stats.fids), (0, 0), "{what}");
}

/// Whether a request stays without an answer, for the session at least, or a message is too long.
fn loses_answers(lie: Lie) -> bool {
    matches!(
        lie,
        Lie::SizeZero
            | Lie::SizeOneLess
            | Lie::SizeOneMore
            | Lie::SizeHuge
            | Lie::OtherTag
            | Lie::LinkLong
    )
}

/// What it comes to without rings.
fn expected(operation: Operation) -> Outcome {
    let straight = Straight::new(prepared());
    straight
        .run(operation.perform(straight.clone()))
        .expect("it ends")
}

#[test]
fn every_operation_works_with_every_backend() {
    for manner in MANNERS {
        for rings in [1, 3] {
            for &operation in Operation::ALL {
                let shared = rig(rings, manner);
                let outcome = perform(&shared, operation);
                assert_eq!(
                    outcome,
                    expected(operation),
                    "{operation:?} {manner:?} {rings}"
                );
                let rig = shared.rig();
                assert_eq!(rig.server.complaints(), [""; 0], "{operation:?} {manner:?}");
                assert_eq!(rig.server.fids().count(), 0, "{operation:?} {manner:?}");
                let stats = rig.session.stats();
                assert_eq!((stats.bad_answers, stats.timeouts), (0, 0));
                assert_eq!(rig.session.fault(), None);
                drop(rig);
                assert_clean(&shared, &format!("{operation:?} {manner:?}"));
            }
        }
    }
}

#[test]
fn lies_end_calls_or_the_device_and_nobody_waits_for_ever() {
    for (operation, manner) in [
        (Operation::ReadSequentially, Manner::Shuffled(5)),
        (Operation::WriteNew, Manner::Eager),
        (Operation::List, Manner::Qemu),
        (Operation::ReadThroughLinks, Manner::Eager),
        (Operation::Append, Manner::Pieces(9)),
        (Operation::Lock, Manner::Qemu),
    ] {
        let honest = rig(2, manner);
        let expected = perform(&honest, operation);
        let is_used = |kind: &&Kind| honest.rig().server.count(**kind) > 0;
        for &kind in Kind::ALL.iter().filter(is_used) {
            for &lie in Lie::ALL.iter().filter(|lie| lie.fits(kind)) {
                for (skip, times) in [(0, 1), (0, usize::MAX)] {
                    let shared = rig(2, manner);
                    shared.rig().server.lie_later(kind, lie, skip, times);
                    let outcome = perform(&shared, operation);
                    let what = format!("{lie:?} of {kind:?} after {skip} in {operation:?}");
                    let is_right = outcome.is_err() || outcome == expected;
                    assert!(is_right || !lie.is_plain(), "{what}: {outcome:?}");
                    if !loses_answers(lie) {
                        assert_eq!(shared.rig().session.fault(), None, "{what}");
                        assert_clean(&shared, &what);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_bytes_are_a_backend_that_can_be_lived_with(
        operation in proptest::sample::select(Operation::ALL),
        manner in proptest::sample::select(&MANNERS[..]),
        data in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..60),
    ) {
        let shared = rig(2, manner);
        shared.rig().server.set_noise(Noise::new(&data));
        // That it ends is all there is to say.
        let _ = perform(&shared, operation);
    }

    #[test]
    fn any_bytes_are_rings_that_can_be_lived_with(
        data in proptest::collection::vec(prop_oneof![2 => Just(0), 1 => any::<u8>()], 0..120),
    ) {
        fuzz_rings(&data);
    }
}
