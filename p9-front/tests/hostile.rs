//! The client and a server that is not to be trusted: whatever is answered, when nobody waits any
//! more, when the device goes. Every operation ends, with an error or with what an honest server
//! would have said wherever that can be told, and leaves nothing behind.

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use p9_front::client::PathError;
use p9_front::test_utils::server::{Lie, Server};
use p9_front::test_utils::trial::{
    BUDGET, LARGE, Operation, Outcome, fuzz, fuzz_decode, pattern, server,
};
use p9_front::test_utils::{Order, Straight};
use p9_front::wire::Kind;
use p9_front::{Errno, Error};
use proptest::prelude::*;

const ORDERS: [Order; 4] = [
    Order::AtOnce,
    Order::Late,
    Order::Backwards,
    Order::Shuffled(7),
];

fn connection(order: Order) -> Straight {
    static SERVER: LazyLock<Server> = LazyLock::new(server);
    let straight = Straight::new(SERVER.clone());
    straight.set_order(order);
    straight.set_budget(BUDGET);
    straight
}

#[track_caller]
fn run(straight: &Straight, operation: Operation) -> Outcome {
    let Some(outcome) = straight.run(operation.perform(straight.clone())) else {
        panic!("{operation:?} does not end");
    };
    straight.assert_clean();
    outcome
}

/// What comes of it with an honest server, and how many requests of each kind it takes.
fn honest(operation: Operation, order: Order) -> (Outcome, Vec<(Kind, usize)>) {
    let straight = connection(order);
    let outcome = run(&straight, operation);
    let server = straight.server();
    assert_eq!(server.complaints(), [""; 0], "{operation:?}");
    let counts = Kind::ALL
        .iter()
        .map(|&kind| (kind, usize::try_from(server.count(kind)).expect("few")))
        .filter(|(_, count)| *count > 0)
        .collect();
    (outcome, counts)
}

#[test]
fn an_honest_server_is_served_in_any_order() {
    for &operation in Operation::ALL {
        let (expected, _) = honest(operation, Order::AtOnce);
        match operation {
            Operation::ReadMissing => {
                let missing = Err(PathError::Failed(Error::Server(Errno::ENOENT)));
                assert_eq!(expected, missing);
            }
            Operation::Escape => {
                let Err(PathError::Escapes(escape)) = &expected else {
                    panic!("{expected:?}");
                };
                assert_eq!(escape.path, b"/etc/file");
            }
            _ => assert!(expected.is_ok(), "{operation:?}: {expected:?}"),
        }
        for order in ORDERS {
            assert_eq!(
                honest(operation, order).0,
                expected,
                "{operation:?} {order:?}"
            );
        }
    }
    let whole = pattern(LARGE).escape_ascii().to_string();
    for operation in [Operation::ReadWhole, Operation::ReadSequentially] {
        assert!(
            honest(operation, Order::Late).0 == Ok(whole.clone()),
            "{operation:?}"
        );
    }
    let names: Vec<_> = (0..40).map(|i| format!("file {i:03}")).collect();
    assert_eq!(honest(Operation::List, Order::Late).0, Ok(names.join(",")));
    assert_eq!(
        honest(Operation::Append, Order::Late).0,
        Ok("0123456789abcdef".into())
    );
}

/// Each answer in turn is replaced by each lie, and then all from there on.
#[test]
fn no_lie_is_believed_that_can_be_seen_and_none_does_harm() {
    let mut believed = 0;
    for &operation in Operation::ALL {
        let (expected, counts) = honest(operation, Order::Late);
        for (kind, count) in counts {
            for &lie in Lie::ALL.iter().filter(|lie| lie.fits(kind)) {
                for (skip, times) in (0..count.min(4)).flat_map(|n| [(n, 1), (n, usize::MAX)]) {
                    let straight = connection(Order::Late);
                    straight.server().lie_later(kind, lie, skip, times);
                    let outcome = run(&straight, operation);
                    let may_be_believed = if lie == Lie::OneLess {
                        // Of a single byte, that is the end of the file.
                        times > 1 || !operation.is_large()
                    } else {
                        !lie.is_plain()
                    };
                    let is_right = outcome.is_err() || outcome == expected;
                    assert!(
                        is_right || may_be_believed,
                        "{lie:?} of {kind:?} after {skip} in {operation:?}: {outcome:?}",
                    );
                    believed += usize::from(!is_right);
                }
            }
        }
    }
    // That a file is shorter, or another's, nobody can see.
    assert!(believed > 0);
}

/// What can be seen by comparing answers with each other.
#[test]
fn lies_that_do_not_fit_together_are_errors() {
    for (operation, kind, lie) in [
        (Operation::List, Kind::ReadDirectory, Lie::NameSlash),
        (Operation::List, Kind::ReadDirectory, Lie::NameEmpty),
        (Operation::List, Kind::ReadDirectory, Lie::NameNul),
        (Operation::List, Kind::ReadDirectory, Lie::EntryCut),
        (Operation::List, Kind::ReadDirectory, Lie::OffsetsLoop),
        (Operation::List, Kind::ReadDirectory, Lie::OffsetsStand),
        (Operation::Stat, Kind::GetAttributes, Lie::TimesWild),
        (Operation::Stat, Kind::GetAttributes, Lie::NothingKnown),
        (Operation::ReadLink, Kind::ReadLink, Lie::LinkLong),
        (Operation::Attach, Kind::Attach, Lie::OtherKind),
        (Operation::WriteNew, Kind::Write, Lie::Nothing),
    ] {
        let straight = connection(Order::Late);
        straight.server().lie(kind, lie, usize::MAX);
        let outcome = run(&straight, operation);
        assert!(outcome.is_err(), "{lie:?} of {kind:?}: {outcome:?}");
    }
    for lie in [Lie::VersionOther, Lie::VersionUnknown, Lie::VersionLong] {
        let straight = connection(Order::Late);
        straight.server().lie(Kind::Version, lie, 1);
        let outcome = run(&straight, Operation::Attach);
        let Err(PathError::Failed(Error::Version(text))) = outcome else {
            panic!("{lie:?}: {outcome:?}");
        };
        assert!(
            text.len() < 200 && text.is_ascii() == (lie != Lie::VersionLong),
            "{text}"
        );
    }
}

#[test]
fn whatever_is_refused_is_told_and_nothing_is_left() {
    for &operation in Operation::ALL {
        let (expected, counts) = honest(operation, Order::Late);
        for (kind, _) in counts {
            for (errno, times) in [
                (Errno::EIO, usize::MAX),
                (Errno::ENOENT, usize::MAX),
                (Errno::EIO, 1),
            ] {
                let straight = connection(Order::Late);
                straight.server().refuse(kind, errno, times);
                let outcome = run(&straight, operation);
                // What was read ahead may be asked for again; nobody waits for a clunk.
                let is_forgiven = outcome == expected
                    && (times == 1 || kind == Kind::Clunk || errno == Errno::ENOENT);
                assert!(
                    outcome.is_err() || is_forgiven,
                    "{kind:?} refused with {errno:?} in {operation:?}: {outcome:?}"
                );
            }
        }
    }
}

/// Polls so often, and says whether it came to an end.
fn poll_times(times: usize, future: impl Future<Output = Outcome>) -> Option<Outcome> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    })
}

#[test]
fn an_operation_that_nobody_waits_for_leaves_nothing_wherever_it_was() {
    for &operation in Operation::ALL {
        for order in [Order::Late, Order::Backwards, Order::Held] {
            for polls in 0..200 {
                let straight = connection(order);
                let outcome = poll_times(polls, operation.perform(straight.clone()));
                straight.assert_clean();
                assert_eq!(straight.server().complaints(), [""; 0], "{operation:?}");
                if outcome.is_some() || order == Order::Held && polls > 3 {
                    break;
                }
                assert!(polls < 199, "{operation:?} takes too long for this test");
            }
        }
    }
}

#[test]
fn when_the_device_goes_everything_fails_and_nothing_is_left() {
    for &operation in Operation::ALL {
        let (expected, _) = honest(operation, Order::Late);
        for polls in 0..200 {
            let straight = connection(Order::Late);
            let mut future = Box::pin(operation.perform(straight.clone()));
            if poll_times(polls, future.as_mut()).is_some() {
                break;
            }
            straight.go();
            let Some(outcome) = straight.run(future) else {
                panic!("{operation:?} does not end");
            };
            let is_gone = outcome == Err(PathError::Failed(Error::Gone));
            assert!(is_gone || outcome == expected, "{operation:?}: {outcome:?}");
            assert_eq!((straight.calls(), straight.fids()), (0, vec![]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn any_bytes_are_a_server_that_can_be_lived_with(
        data in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..100),
    ) {
        fuzz(&data);
    }

    #[test]
    fn any_bytes_are_a_message_or_none(
        kind in any::<u8>(),
        limit in prop_oneof![0..100_u32, any::<u32>()],
        is_request in any::<bool>(),
        body in proptest::collection::vec(prop_oneof![Just(0), 1..5_u8, any::<u8>()], 0..100),
    ) {
        let type_number = Kind::ALL[usize::from(kind) % Kind::ALL.len()].number();
        let size = u32::try_from(7 + body.len()).expect("small");
        let mut data = vec![kind];
        data.extend(limit.to_le_bytes());
        data.extend(size.to_le_bytes());
        data.extend([type_number + u8::from(!is_request), 1, 0]);
        data.extend(body);
        fuzz_decode(&data);
    }
}
