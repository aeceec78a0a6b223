//! Rules 5 and 6: the backend delivers, we read: bytes, or whole frames.

use alloc::vec::Vec;

use super::{ALL, BACK, BYTES, FRONT, Frames, Machine, Model, Rules, START, hangs, moves};
use crate::index::Index;
use crate::notify::{InNotifier, Notify};

const PROD: usize = 0;
const CONS: usize = 1;

/// Bytes that the backend has for us, and the size of the in array.
const INCOMING: u32 = 10;
const IN_BYTES: u32 = 4;

/// Frames that add up to that. There is room for a short one where there is none for the next.
const FRAMES: Frames = &[2, 3, 1, 3, 1];
const LARGEST: u32 = 3;

/// The in ring: the backend fills it as far as it can and sleeps when it is full; the frontend
/// reads any number of bytes at a time and sleeps when it is empty, or, with bytes left, when it
/// has other things to wait for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct In {
    rules: Rules,
    frames: Frames,
    /// What we take for the most that the backend puts in at once.
    largest: u32,
    machine: Machine,
    front: InFront,
    cons: Index,
    notifier: InNotifier,
    back: InBack,
    prod: Index,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum InFront {
    Look,
    /// Consumed and stored; the index is `in_cons` before, and `in_prod` if loaded too early.
    Barrier(Index, Option<Index>),
    Decide(Index, Option<Index>),
    Asleep,
    /// Has left bytes in the ring and does not come back.
    Elsewhere,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum InBack {
    Look,
    Tell,
    Asleep,
    Done,
}

impl In {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            frames: BYTES,
            largest: 1,
            machine: Machine::new([START; 4]),
            front: InFront::Look,
            cons: START,
            notifier: InNotifier::default(),
            back: InBack::Look,
            prod: START,
        }
    }

    fn frames(rules: Rules, largest: u32) -> Self {
        Self {
            frames: FRAMES,
            largest,
            ..Self::new(rules)
        }
    }

    /// How much the backend would put in if there were that much room.
    fn next_put(&self, room: u32) -> u32 {
        let steps = moves(self.frames, self.prod.since(START), room, INCOMING);
        match self.frames {
            BYTES => steps.last().copied().unwrap_or(0),
            _ => steps.first().copied().unwrap_or(0),
        }
    }

    fn front_steps(&self, steps: &mut Vec<Self>) {
        let mut next = self.clone();
        match self.front {
            InFront::Look => {
                let prod = next.machine.load(FRONT, PROD);
                // Before it blocks it pays what it owes.
                if self.rules.flush && next.notifier.settle() {
                    next.machine.send_event(FRONT);
                }
                next.front = match prod == self.cons {
                    true => InFront::Asleep,
                    false => InFront::Elsewhere,
                };
                steps.push(next);
                let there = prod.since(self.cons);
                for count in moves(self.frames, self.cons.since(START), there, INCOMING) {
                    let mut next = self.clone();
                    next.cons = self.cons.plus(count);
                    next.machine.store(FRONT, CONS, next.cons);
                    let early = (!self.rules.reload).then_some(prod);
                    next.front = InFront::Barrier(self.cons, early);
                    steps.push(next);
                }
                return;
            }
            InFront::Barrier(old, early) => {
                if self.rules.front_barrier {
                    next.machine.barrier(FRONT);
                }
                next.front = InFront::Decide(old, early);
            }
            InFront::Decide(old, early) => {
                let prod = early.unwrap_or_else(|| next.machine.load(FRONT, PROD));
                match next
                    .notifier
                    .consumed(old, next.cons, prod, IN_BYTES, self.largest)
                {
                    Notify::Now => next.machine.send_event(FRONT),
                    Notify::No | Notify::Later => {}
                }
                next.front = match next.cons.since(START) {
                    INCOMING => InFront::Done,
                    _ => InFront::Look,
                };
            }
            InFront::Asleep => {
                if !next.machine.take_event(FRONT) {
                    return;
                }
                next.front = InFront::Look;
            }
            InFront::Elsewhere | InFront::Done => return,
        }
        steps.push(next);
    }

    fn back_step(&self) -> Option<Self> {
        let mut next = self.clone();
        match self.back {
            InBack::Look => {
                let produced = self.prod.since(START);
                let free = IN_BYTES - self.prod.since(next.machine.load(BACK, CONS));
                let count = self.next_put(free);
                if count == 0 {
                    next.back = match produced {
                        INCOMING => InBack::Done,
                        _ => InBack::Asleep,
                    };
                } else {
                    next.prod = self.prod.plus(count);
                    next.machine.store(BACK, PROD, next.prod);
                    next.back = InBack::Tell;
                }
            }
            InBack::Tell => {
                if self.rules.back_barrier {
                    next.machine.send_event(BACK);
                } else {
                    // An event that overtakes the store, which no real one does.
                    next.machine.events[FRONT] = true;
                }
                next.back = InBack::Look;
            }
            InBack::Asleep => {
                if !next.machine.take_event(BACK) {
                    return None;
                }
                next.back = InBack::Look;
            }
            InBack::Done => return None,
        }
        Some(next)
    }
}

impl Model for In {
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
        match self.front {
            // The backend may sleep on a full ring, but not while there is room.
            InFront::Elsewhere => {
                let room = IN_BYTES - self.prod.since(self.cons);
                self.back == InBack::Asleep && self.next_put(room) > 0
            }
            _ => self.cons.since(START) != INCOMING,
        }
    }
}

#[test]
fn no_wakeup_is_lost() {
    assert!(!hangs(In::new(ALL)));
}

#[test]
fn no_wakeup_is_lost_with_frames() {
    assert!(!hangs(In::frames(ALL, LARGEST)));
}

#[test]
fn with_frames_longer_than_we_think_it_hangs() {
    for largest in 1..LARGEST {
        assert!(hangs(In::frames(ALL, largest)), "{largest}");
    }
}

#[test]
fn without_our_barrier_it_hangs() {
    assert!(hangs(In::new(Rules {
        front_barrier: false,
        ..ALL
    })));
}

#[test]
fn without_the_barrier_of_the_backends_event_it_hangs() {
    assert!(hangs(In::new(Rules {
        back_barrier: false,
        ..ALL
    })));
}

#[test]
fn with_an_index_loaded_too_early_it_hangs() {
    assert!(hangs(In::new(Rules {
        reload: false,
        ..ALL
    })));
}

#[test]
fn without_paying_before_blocking_it_hangs() {
    assert!(hangs(In::new(Rules {
        flush: false,
        ..ALL
    })));
}
