//! Rules 11 to 13: both sides say at which index they want to be told (`feature-event-idx`).
//!
//! A producer fills a small ring, a consumer empties it, and each sleeps when it can do nothing. The
//! frontend is once the one and once the other; the other side is a backend that keeps the rules of
//! docs/extensions.md. There is no timer.

use alloc::vec::Vec;

use super::{ALL, BACK, FRONT, Machine, Model, Rules, START, hangs};
use crate::index::Index;
use crate::notify::{Notify, OutNotifier, asked_for, room_wish};

const PROD: usize = 0;
const CONS: usize = 1;
const PROD_EVENT: usize = 2;
const CONS_EVENT: usize = 3;

const TOTAL: u32 = 5;
const BYTES: u32 = 4;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Wishes {
    rules: Rules,
    machine: Machine,
    /// Which side produces.
    producer: usize,
    prod: Index,
    producing: Phase,
    /// Bytes that were published and not announced.
    silent: bool,
    /// What the frontend remembers if it produces; a backend remembers `told`.
    notifier: OutNotifier,
    told: Index,
    cons: Index,
    consuming: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Look,
    /// An index was stored; the one before it.
    Stored(Index),
    Tell(Index),
    /// A wish was stored.
    Wished,
    Recheck,
    Asleep,
    Done,
}

impl Wishes {
    fn new(producer: usize, rules: Rules) -> Self {
        Self {
            rules,
            machine: Machine::new([START; 4]),
            producer,
            prod: START,
            producing: Phase::Look,
            silent: false,
            notifier: OutNotifier::new(START, true),
            told: START,
            cons: START,
            consuming: Phase::Look,
        }
    }

    fn barrier(&mut self, side: usize) {
        let kept = match side {
            FRONT => self.rules.front_barrier,
            _ => self.rules.back_barrier,
        };
        if kept {
            self.machine.barrier(side);
        }
    }

    fn produce(&self, steps: &mut Vec<Self>) {
        let side = self.producer;
        let mut next = self.clone();
        match self.producing {
            Phase::Look => {
                let cons = next.machine.load(side, CONS);
                let left = TOTAL - self.prod.since(START);
                let room = (BYTES - self.prod.since(cons)).min(left);
                for count in 1..=room {
                    let mut next = self.clone();
                    next.prod = self.prod.plus(count);
                    next.machine.store(side, PROD, next.prod);
                    next.producing = Phase::Stored(self.prod);
                    if side == FRONT && next.notifier.published(next.prod, BYTES) != Notify::Now {
                        // In a burst: no word about it yet.
                        let mut quiet = next.clone();
                        quiet.silent = true;
                        quiet.producing = Phase::Look;
                        steps.push(quiet);
                    }
                    steps.push(next);
                }
                if room > 0 {
                    return;
                }
                // Before it blocks, or turns to something else, it says what it has not said.
                next.producing = if self.silent && self.rules.flush {
                    Phase::Stored(self.prod)
                } else if left == 0 {
                    Phase::Done
                } else {
                    let wish = match side {
                        FRONT => room_wish(self.prod, cons, BYTES),
                        _ => cons.plus(1),
                    };
                    next.machine.store(side, CONS_EVENT, wish);
                    Phase::Wished
                };
            }
            Phase::Stored(old) => {
                next.barrier(side);
                next.producing = Phase::Tell(old);
            }
            Phase::Tell(_) => {
                let wish = next.machine.load(side, PROD_EVENT);
                let tell = match side {
                    FRONT => {
                        let cons = next.machine.load(side, CONS);
                        next.notifier.announce(next.prod, cons, Some(wish), 0)
                    }
                    _ => asked_for(wish, self.told, self.prod),
                };
                next.told = self.prod;
                next.silent = false;
                if tell {
                    next.machine.send_event(side);
                }
                next.producing = Phase::Look;
            }
            Phase::Wished => {
                next.barrier(side);
                next.producing = Phase::Recheck;
            }
            Phase::Recheck => {
                let room = BYTES - self.prod.since(next.machine.load(side, CONS));
                next.producing = match room > 0 && self.rules.recheck {
                    true => Phase::Look,
                    false => Phase::Asleep,
                };
            }
            Phase::Asleep => {
                if !next.machine.take_event(side) {
                    return;
                }
                next.producing = Phase::Look;
            }
            Phase::Done => return,
        }
        steps.push(next);
    }

    fn consume(&self, steps: &mut Vec<Self>) {
        let side = 1 - self.producer;
        let mut next = self.clone();
        match self.consuming {
            Phase::Look => {
                let prod = next.machine.load(side, PROD);
                let there = prod.since(self.cons);
                // A backend takes all there is, a reader what it likes.
                let least = if side == BACK { there } else { 1 };
                for count in least.max(1)..=there {
                    let mut next = self.clone();
                    next.cons = self.cons.plus(count);
                    next.machine.store(side, CONS, next.cons);
                    next.consuming = Phase::Stored(self.cons);
                    steps.push(next);
                }
                if there > 0 {
                    return;
                }
                if self.cons.since(START) == TOTAL {
                    next.consuming = Phase::Done;
                } else {
                    next.machine.store(side, PROD_EVENT, prod.plus(1));
                    next.consuming = Phase::Wished;
                }
            }
            Phase::Stored(old) => {
                next.barrier(side);
                next.consuming = Phase::Tell(old);
            }
            Phase::Tell(old) => {
                let wish = next.machine.load(side, CONS_EVENT);
                if asked_for(wish, old, self.cons) {
                    next.machine.send_event(side);
                }
                next.consuming = Phase::Look;
            }
            Phase::Wished => {
                next.barrier(side);
                next.consuming = Phase::Recheck;
            }
            Phase::Recheck => {
                let there = next.machine.load(side, PROD) != self.cons;
                next.consuming = match there && self.rules.recheck {
                    true => Phase::Look,
                    false => Phase::Asleep,
                };
            }
            Phase::Asleep => {
                if !next.machine.take_event(side) {
                    return;
                }
                next.consuming = Phase::Look;
            }
            Phase::Done => return,
        }
        steps.push(next);
    }
}

impl Model for Wishes {
    fn steps(&self) -> Vec<Self> {
        let mut steps = Vec::new();
        self.produce(&mut steps);
        self.consume(&mut steps);
        steps.extend(self.machine.drains().map(|machine| Self {
            machine,
            ..self.clone()
        }));
        steps
    }

    fn work_left(&self) -> bool {
        self.cons.since(START) != TOTAL
    }
}

#[test]
fn no_wakeup_is_lost_without_any_timer() {
    for producer in [FRONT, BACK] {
        assert!(!hangs(Wishes::new(producer, ALL)), "side {producer}");
    }
}

#[test]
fn without_the_barrier_of_either_side_it_hangs() {
    for producer in [FRONT, BACK] {
        let ours = Rules {
            front_barrier: false,
            ..ALL
        };
        let theirs = Rules {
            back_barrier: false,
            ..ALL
        };
        assert!(hangs(Wishes::new(producer, ours)), "side {producer}");
        assert!(hangs(Wishes::new(producer, theirs)), "side {producer}");
    }
}

#[test]
fn without_another_look_after_the_wish_it_hangs() {
    for producer in [FRONT, BACK] {
        let rules = Rules {
            recheck: false,
            ..ALL
        };
        assert!(hangs(Wishes::new(producer, rules)), "side {producer}");
    }
}

#[test]
fn without_the_announcement_before_blocking_it_hangs() {
    let rules = Rules {
        flush: false,
        ..ALL
    };
    assert!(hangs(Wishes::new(FRONT, rules)));
}
