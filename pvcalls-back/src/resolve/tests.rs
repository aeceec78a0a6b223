//! The resolver, with a system whose answers come when the test says so.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(20);

/// Holds up lookups of names that begin with `slow` until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(open, |open| !*open).unwrap());
    }
}

struct Rig {
    resolver: Resolver,
    gate: Gate,
    answers: Receiver<(Ticket, Answer)>,
}

fn rig() -> Rig {
    let (sender, answers) = mpsc::channel();
    let sender = Mutex::new(sender);
    let gate = Gate::default();
    let held = gate.clone();
    let resolver = Resolver::with(
        Box::new(|| ()),
        Box::new(move |ticket, answer| {
            sender.lock().unwrap().send((ticket, answer)).unwrap();
        }),
        Box::new(move |name: &str| {
            if name.starts_with("slow") {
                held.pass();
            }
            match name {
                "none" => Err(NO_SUCH_NAME),
                _ => Ok(vec![[192, 0, 2, 7].into()]),
            }
        }),
    );
    Rig {
        resolver: resolver.unwrap(),
        gate,
        answers,
    }
}

fn ticket(domain: u16, id: u64) -> Ticket {
    let device = DeviceId { domain, device: 0 };
    Ticket { device, id }
}

#[test]
fn every_lookup_is_answered_once() {
    let rig = rig();
    rig.resolver.submit(ticket(1, 10), 8, "some").unwrap();
    rig.resolver.submit(ticket(2, 20), 8, "none").unwrap();
    let mut answers = [
        rig.answers.recv_timeout(SOON),
        rig.answers.recv_timeout(SOON),
    ]
    .map(|answer| answer.unwrap());
    answers.sort_by_key(|(ticket, _)| ticket.id);
    let found = Ok(vec![[192, 0, 2, 7].into()]);
    assert_eq!(answers[0], (ticket(1, 10), found));
    assert_eq!(answers[1], (ticket(2, 20), Err(NO_SUCH_NAME)));
    assert_eq!(rig.resolver.under_way(), 0);
    assert!(rig.answers.try_recv().is_err());
}

#[test]
fn a_domain_whose_names_hang_delays_nobody_else() {
    let rig = rig();
    for id in 0..8 {
        rig.resolver.submit(ticket(1, id), 8, "slow").unwrap();
    }
    let busy = rig.resolver.submit(ticket(1, 8), 8, "some");
    assert_eq!(busy, Err(SubmitError::Busy), "the limit of the domain");
    rig.resolver.submit(ticket(2, 20), 8, "some").unwrap();
    let (first, _) = rig.answers.recv_timeout(SOON).unwrap();
    assert_eq!(first, ticket(2, 20));
    rig.gate.open();
    let mut ids: Vec<u64> = (0..8)
        .map(|_| rig.answers.recv_timeout(SOON).unwrap().0.id)
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..8).collect::<Vec<_>>());
    rig.resolver.submit(ticket(1, 8), 8, "some").unwrap();
    assert_eq!(rig.answers.recv_timeout(SOON).unwrap().0, ticket(1, 8));
}

#[test]
fn the_domain_with_the_fewest_running_is_next() {
    let mut state = State::default();
    for (domain, id) in [(1, 0), (1, 1), (1, 2), (2, 3), (3, 4), (2, 5)] {
        state.queue.push_back((ticket(domain, id), String::new()));
    }
    let mut order = Vec::new();
    while let Some((ticket, _)) = state.next() {
        state.running.push(ticket.device.domain);
        order.push(ticket.id);
    }
    // Two of each, and the third of domain 1 not before one of its others has ended.
    assert_eq!(order, [0, 3, 4, 1, 5]);
    state.running.swap_remove(0);
    assert_eq!(state.next().map(|(ticket, _)| ticket.id), Some(2));
}

#[test]
fn the_queue_is_bounded_in_all() {
    let rig = rig();
    let taken = (0..2000_u16)
        .filter(|domain| rig.resolver.submit(ticket(*domain, 0), 1, "slow").is_ok())
        .count();
    assert!((QUEUE..=QUEUE + THREADS).contains(&taken), "{taken}");
    rig.gate.open();
    for _ in 0..taken {
        drop(rig.answers.recv_timeout(SOON).unwrap());
    }
}

#[test]
fn what_is_no_name_is_not_asked_for() {
    let rig = rig();
    for name in [
        "", ".", "a..b", "-a", "a b", "a\0", "a\n", "::1", "é", "a/b",
    ] {
        let refused = rig.resolver.submit(ticket(1, 0), 8, name);
        assert_eq!(refused, Err(SubmitError::BadName), "{name:?}");
    }
    assert_eq!(
        rig.resolver.submit(ticket(1, 0), 0, "a"),
        Err(SubmitError::Busy)
    );
}

#[test]
fn the_end_answers_nobody_and_leaves_no_thread() {
    let rig = rig();
    for domain in 0..8 {
        rig.resolver.submit(ticket(domain, 0), 8, "slow").unwrap();
    }
    drop(rig.resolver);
    rig.gate.open();
    // The sender goes with the last thread.
    let end = rig.answers.recv_timeout(SOON);
    assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn the_system_answers_an_address_with_itself() {
    assert_eq!(look_up("192.0.2.9"), Ok(vec![[192, 0, 2, 9].into()]));
    let none = look_up("no-such-name.invalid").unwrap_err();
    assert!([NO_SUCH_NAME, TRY_AGAIN].contains(&none));
}

proptest! {
    /// Names are what RFC 1123 makes them, and nothing longer.
    #[test]
    fn names_are_labels_between_dots(
        labels in prop::collection::vec("[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", 1..9),
        bad in "[^A-Za-z0-9._-]",
        at: prop::sample::Index,
    ) {
        let name = labels.join(".");
        prop_assert_eq!(is_host_name(&name), name.len() <= 253);
        let doubled = format!("{name}..a");
        prop_assert!(!is_host_name(&doubled));
        let long = format!("{}.{name}", "a".repeat(64));
        prop_assert!(!is_host_name(&long));
        let mut spoilt = name.clone();
        spoilt.insert_str(at.index(name.len()), &bad);
        prop_assert!(!is_host_name(&spoilt));
    }
}
