//! Rules 1 to 4: we write, Linux's backend sends.

use alloc::vec::Vec;

use super::{ALL, BACK, FRONT, Machine, Model, Rules, START, hangs};
use crate::index::Index;
use crate::notify::{Notify, OutNotifier};

const PROD: usize = 0;
const CONS: usize = 1;

/// Writes of the frontend, one byte each.
const WRITES: u32 = 6;
/// A ring large enough for all of them.
const OUT_BYTES: u32 = 8;

/// The out ring: the frontend writes, may announce after each write, and must before it blocks.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Out {
    rules: Rules,
    machine: Machine,
    front: OutFront,
    prod: Index,
    notifier: OutNotifier,
    early_kicks: u32,
    back: OutBack,
    cons: Index,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum OutFront {
    Write,
    /// Announcing, with the `out_cons` that was loaded too early if that rule is off.
    Announce(Option<Index>),
    Load(Option<Index>),
    Asleep,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum OutBack {
    Asleep,
    Look,
    Store(Index),
    LookAgain,
    Tell(Index),
}

impl Out {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            machine: Machine::new([START; 4]),
            front: OutFront::Write,
            prod: START,
            notifier: OutNotifier::new(START, false),
            early_kicks: 1,
            back: OutBack::Asleep,
            cons: START,
        }
    }

    fn written(&self) -> u32 {
        self.prod.since(START)
    }

    /// All that the frontend may do next.
    fn front_steps(&self, steps: &mut Vec<Self>) {
        let mut next = self.clone();
        match self.front {
            OutFront::Write => {
                let early = next.machine.load(FRONT, CONS);
                let early = (!self.rules.reload).then_some(early);
                next.prod = self.prod.plus(1);
                next.machine.store(FRONT, PROD, next.prod);
                let last = next.written() == WRITES;
                let notify = next.notifier.published(next.prod, OUT_BYTES);
                if notify == Notify::Later && !(last && self.rules.flush) {
                    // In a burst: no word about it yet.
                    let mut silent = next.clone();
                    if last {
                        silent.front = OutFront::Asleep;
                    }
                    steps.push(silent);
                }
                if notify == Notify::Now || self.rules.flush {
                    next.front = OutFront::Announce(early);
                    steps.push(next);
                }
            }
            OutFront::Announce(early) => {
                if self.rules.front_barrier {
                    next.machine.barrier(FRONT);
                }
                next.front = OutFront::Load(early);
                steps.push(next);
            }
            OutFront::Load(early) => {
                let cons = early.unwrap_or_else(|| next.machine.load(FRONT, CONS));
                if next.notifier.announce(next.prod, cons, None, 0) {
                    next.machine.send_event(FRONT);
                }
                next.front = match next.written() {
                    WRITES => OutFront::Asleep,
                    _ => OutFront::Write,
                };
                steps.push(next);
            }
            OutFront::Asleep => {
                // An event wakes it, and it finds nothing to do.
                if next.machine.take_event(FRONT) {
                    steps.push(next.clone());
                }
                // The timer is slow: it comes when all else sleeps, and once at a bad moment too.
                let asleep = self.back == OutBack::Asleep
                    && !self.machine.events[BACK]
                    && self.machine.buffers[BACK].is_empty();
                if let (true, Some(at_ns)) = (self.rules.timer, self.notifier.deadline_ns())
                    && (asleep || self.early_kicks > 0)
                {
                    next.early_kicks -= u32::from(!asleep);
                    let cons = next.machine.load(FRONT, CONS);
                    if next.notifier.check_kick(next.prod, cons, at_ns) {
                        next.machine.send_event(FRONT);
                    }
                    steps.push(next);
                }
            }
        }
    }

    /// Linux's way: take all there is, publish, look whether there is more, tell, sleep.
    fn back_step(&self) -> Option<Self> {
        let mut next = self.clone();
        match self.back {
            OutBack::Asleep => {
                if !next.machine.take_event(BACK) {
                    return None;
                }
                next.back = OutBack::Look;
            }
            OutBack::Look => {
                next.back = match next.machine.load(BACK, PROD) {
                    prod if prod == next.cons => OutBack::Asleep,
                    prod => OutBack::Store(prod),
                };
            }
            OutBack::Store(prod) => {
                next.cons = prod;
                next.machine.store(BACK, CONS, prod);
                if self.rules.back_barrier {
                    next.machine.barrier(BACK);
                }
                next.back = OutBack::LookAgain;
            }
            OutBack::LookAgain => next.back = OutBack::Tell(next.machine.load(BACK, PROD)),
            OutBack::Tell(prod) => {
                next.machine.send_event(BACK);
                next.back = match prod == next.cons {
                    true => OutBack::Asleep,
                    false => OutBack::Store(prod),
                };
            }
        }
        Some(next)
    }
}

impl Model for Out {
    fn steps(&self) -> Vec<Self> {
        let mut steps = Vec::new();
        self.front_steps(&mut steps);
        steps.extend(self.back_step());
        steps.extend(self.machine.drains().map(|machine| Self {
            machine,
            ..self.clone()
        }));
        steps
    }

    fn work_left(&self) -> bool {
        self.cons != self.prod
    }
}

#[test]
fn no_wakeup_is_lost_with_a_backend_that_has_its_barrier_even_without_the_timer() {
    assert!(!hangs(Out::new(Rules {
        timer: false,
        ..ALL
    })));
}

#[test]
fn no_wakeup_is_lost_with_a_backend_without_a_barrier() {
    assert!(!hangs(Out::new(Rules {
        back_barrier: false,
        ..ALL
    })));
}

#[test]
fn a_backend_without_a_barrier_hangs_without_the_timer() {
    let rules = Rules {
        back_barrier: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}

#[test]
fn without_our_barrier_it_hangs() {
    let rules = Rules {
        front_barrier: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}

#[test]
fn with_an_index_loaded_too_early_it_hangs() {
    let rules = Rules {
        reload: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}

#[test]
fn without_the_announcement_before_blocking_it_hangs() {
    let rules = Rules {
        flush: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}
