//! Rules 9 and 10: requests and responses, each side telling the other when it wants to be woken.

use alloc::vec::Vec;

use super::{ALL, BACK, FRONT, Machine, Model, Rules, START, hangs};
use crate::index::Index;
use crate::notify::asked_for;

const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 1;
const RSP_PROD: usize = 2;
const RSP_EVENT: usize = 3;

/// Requests that the frontend sends, at any time, and wants answered.
const REQUESTS: u32 = 3;

/// The command ring; the backend answers one request after the other.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Command {
    rules: Rules,
    machine: Machine,
    /// Requests sent, responses taken; then requests taken, responses sent.
    produced: [Index; 2],
    consumed: [Index; 2],
    sides: [Side; 2],
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    /// Looks for something to consume.
    Look,
    /// Has asked for an event.
    Asked,
    /// Looks once more.
    LookAgain,
    /// Has stored its `prod`; what it was before.
    Stored(Index),
    /// The same, after the barrier.
    Decide(Index),
    Asleep,
}

impl Command {
    fn new(rules: Rules) -> Self {
        let first = START.plus(1);
        Self {
            rules,
            machine: Machine::new([START, first, START, first]),
            produced: [START; 2],
            consumed: [START; 2],
            sides: [Side::Look, Side::Asleep],
        }
    }

    /// Publishes one more request or response.
    fn produce(&self, side: usize) -> Self {
        let mut next = self.clone();
        let old = self.produced[side];
        next.produced[side] = old.plus(1);
        let word = [REQ_PROD, RSP_PROD][side];
        next.machine.store(side, word, next.produced[side]);
        next.sides[side] = Side::Stored(old);
        next
    }

    /// Takes one response, or one request and answers it.
    fn consume(&self, side: usize) -> Self {
        let mut next = self.clone();
        next.consumed[side] = self.consumed[side].plus(1);
        next.sides[side] = Side::Look;
        match side {
            FRONT => next,
            _ => next.produce(BACK),
        }
    }

    fn side_steps(&self, side: usize, steps: &mut Vec<Self>) {
        let (prod, wish) = [(RSP_PROD, RSP_EVENT), (REQ_PROD, REQ_EVENT)][side];
        let barrier = [self.rules.front_barrier, self.rules.back_barrier][side];
        let mut next = self.clone();
        match self.sides[side] {
            Side::Look | Side::LookAgain
                if next.machine.load(side, prod) != self.consumed[side] =>
            {
                steps.push(self.consume(side));
                return;
            }
            Side::Look => {
                next.machine.store(side, wish, self.consumed[side].plus(1));
                next.sides[side] = Side::Asked;
            }
            Side::Asked => {
                if barrier {
                    next.machine.barrier(side);
                }
                next.sides[side] = match self.rules.recheck {
                    true => Side::LookAgain,
                    false => Side::Asleep,
                };
            }
            Side::LookAgain => next.sides[side] = Side::Asleep,
            Side::Stored(old) => {
                if barrier {
                    next.machine.barrier(side);
                }
                next.sides[side] = Side::Decide(old);
            }
            Side::Decide(old) => {
                let theirs = [REQ_EVENT, RSP_EVENT][side];
                let event = next.machine.load(side, theirs);
                if asked_for(event, old, self.produced[side]) {
                    next.machine.send_event(side);
                }
                next.sides[side] = Side::Look;
            }
            Side::Asleep => {
                // The frontend may come back at any time with another request.
                if side == FRONT && self.produced[FRONT].since(START) < REQUESTS {
                    steps.push(self.produce(FRONT));
                }
                if !next.machine.take_event(side) {
                    return;
                }
                next.sides[side] = Side::Look;
            }
        }
        steps.push(next);
    }
}

impl Model for Command {
    fn steps(&self) -> Vec<Self> {
        let mut steps = Vec::new();
        self.side_steps(FRONT, &mut steps);
        self.side_steps(BACK, &mut steps);
        steps.extend(self.machine.drains().map(|machine| Self {
            machine,
            ..self.clone()
        }));
        steps
    }

    fn work_left(&self) -> bool {
        self.consumed[FRONT].since(START) != REQUESTS
    }
}

#[test]
fn no_wakeup_is_lost() {
    assert!(!hangs(Command::new(ALL)));
}

#[test]
fn without_our_barrier_it_hangs() {
    assert!(hangs(Command::new(Rules {
        front_barrier: false,
        ..ALL
    })));
}

#[test]
fn without_the_backends_barrier_it_hangs() {
    assert!(hangs(Command::new(Rules {
        back_barrier: false,
        ..ALL
    })));
}

#[test]
fn without_a_second_look_it_hangs() {
    assert!(hangs(Command::new(Rules {
        recheck: false,
        ..ALL
    })));
}
