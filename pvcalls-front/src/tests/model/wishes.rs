//! Rules 11 to 13: both sides say at which index they want to be told (`feature-event-idx`).
//!
//! A producer fills a small ring, a consumer empties it, and each sleeps when it can do nothing. The
//! frontend is once the one and once the other, and once bytes travel and once whole frames; the other side is a backend that keeps the rules of
//! docs/extensions.md. There is no timer.

use alloc::vec::Vec;

use super::{ALL, BACK, BYTES, FRONT, Frames, Machine, Model, Rules, START, hangs, moves};
use crate::index::Index;
use crate::notify::{Notify, OutNotifier, asked_for, room_wish};

const PROD: usize = 0;
const CONS: usize = 1;
const PROD_EVENT: usize = 2;
const CONS_EVENT: usize = 3;

const TOTAL: u32 = 5;
const FRAMES_TOTAL: u32 = 9;
const ARRAY: u32 = 4;

/// Frames, some longer than half the ring, that add up to more than it.
const FRAMES: Frames = &[1, 1, 2, 4, 1];

#[derive(Clone, PartialEq, Eq, Hash)]
struct Wishes {
    rules: Rules,
    machine: Machine,
    /// Which side produces.
    producer: usize,
    prod: Index,
    producing: Phase,
    frames: Frames,
    total: u32,
    /// The frontend asks for as much room as it needs.
    knows_needs: bool,
    /// It asks again if an event comes and there is too little.
    asks_again: bool,
    /// How much somebody else puts in, byte by byte, while the frontend's writer sleeps.
    others: u32,
    /// How much that writer has put in itself.
    put: u32,
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
            frames: BYTES,
            total: TOTAL,
            knows_needs: true,
            asks_again: true,
            others: 0,
            put: 0,
            silent: false,
            notifier: OutNotifier::new(START, true),
            told: START,
            cons: START,
            consuming: Phase::Look,
        }
    }

    fn frames(producer: usize, rules: Rules) -> Self {
        Self {
            frames: FRAMES,
            total: FRAMES_TOTAL,
            ..Self::new(producer, rules)
        }
    }

    /// A writer of long frames, and another of short ones.
    fn two_writers() -> Self {
        Self {
            frames: &[2, 4],
            total: 6,
            others: 2,
            ..Self::new(FRONT, ALL)
        }
    }

    /// By how much the producer may go on with that much room.
    fn puts(&self, room: u32) -> Vec<u32> {
        moves(self.frames, self.put, room, self.total)
    }

    /// By how much the consumer may.
    fn takes(&self, there: u32) -> Vec<u32> {
        let so_far = self.cons.since(START);
        match self.others + self.prod.since(START) - self.put {
            0 => moves(self.frames, so_far, there, self.total),
            // Frames of two writers are mixed; where they end makes no difference.
            _ => (1..=there).collect(),
        }
    }

    /// The other writer puts a byte in and tells of it, all at one blow.
    fn others_put(&self, steps: &mut Vec<Self>) {
        let cons = self.machine.load(FRONT, CONS);
        // Wish and second look are one call of the driver's: nobody comes in between.
        let asleep = self.producing == Phase::Asleep;
        if self.others == 0 || !asleep || ARRAY == self.prod.since(cons) {
            return;
        }
        let mut next = self.clone();
        next.others -= 1;
        next.prod = self.prod.plus(1);
        next.machine.store(FRONT, PROD, next.prod);
        next.machine.barrier(FRONT);
        let (wish, cons) = (
            next.machine.load(FRONT, PROD_EVENT),
            next.machine.load(FRONT, CONS),
        );
        if next.notifier.announce(next.prod, cons, Some(wish), 0) {
            next.machine.send_event(FRONT);
        }
        steps.push(next);
    }

    /// Where the producer wants to be told of room.
    fn room_wish(&self, cons: Index) -> Index {
        let needed = match self.knows_needs {
            true => self.puts(ARRAY).first().copied().unwrap_or(1),
            false => 1,
        };
        match self.producer {
            FRONT => room_wish(self.prod, cons, ARRAY, needed),
            _ => cons.plus(1),
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
                let left = self.total - self.put;
                let puts = self.puts(ARRAY - self.prod.since(cons));
                for &count in &puts {
                    let mut next = self.clone();
                    next.prod = self.prod.plus(count);
                    next.put += count;
                    next.machine.store(side, PROD, next.prod);
                    next.producing = Phase::Stored(self.prod);
                    if side == FRONT && next.notifier.published(next.prod, ARRAY) != Notify::Now {
                        // In a burst: no word about it yet.
                        let mut quiet = next.clone();
                        quiet.silent = true;
                        quiet.producing = Phase::Look;
                        steps.push(quiet);
                    }
                    steps.push(next);
                }
                if !puts.is_empty() {
                    return;
                }
                // Before it blocks, or turns to something else, it says what it has not said.
                next.producing = if self.silent && self.rules.flush {
                    Phase::Stored(self.prod)
                } else if left == 0 {
                    Phase::Done
                } else {
                    let wish = self.room_wish(cons);
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
                let cons = next.machine.load(side, CONS);
                let goes_on = match side {
                    FRONT => !self.puts(ARRAY - self.prod.since(cons)).is_empty(),
                    // If room has come and it is too little, the wish is behind: another one.
                    _ => cons.plus(1) != next.machine.load(side, CONS_EVENT),
                };
                next.producing = match goes_on && self.rules.recheck {
                    true => Phase::Look,
                    false => Phase::Asleep,
                };
            }
            Phase::Asleep => {
                if !next.machine.take_event(side) {
                    return;
                }
                let cons = next.machine.load(side, CONS);
                let enough = !self.puts(ARRAY - self.prod.since(cons)).is_empty();
                next.producing = match enough || side == BACK {
                    true => Phase::Look,
                    // The driver, not the writer, who sleeps on.
                    false if self.asks_again => {
                        next.machine.store(side, CONS_EVENT, self.room_wish(cons));
                        Phase::Wished
                    }
                    false => Phase::Asleep,
                };
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
                let mut counts = self.takes(there);
                if side == BACK && self.frames.is_empty() {
                    counts.retain(|&count| count == there);
                }
                for count in counts {
                    let mut next = self.clone();
                    next.cons = self.cons.plus(count);
                    next.machine.store(side, CONS, next.cons);
                    next.consuming = Phase::Stored(self.cons);
                    steps.push(next);
                }
                if there > 0 {
                    return;
                }
                if self.put == self.total && self.cons == self.prod {
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
        self.others_put(&mut steps);
        self.consume(&mut steps);
        steps.extend(self.machine.drains().map(|machine| Self {
            machine,
            ..self.clone()
        }));
        steps
    }

    fn work_left(&self) -> bool {
        self.put != self.total || self.cons != self.prod
    }
}

#[test]
fn no_wakeup_is_lost_without_any_timer() {
    for producer in [FRONT, BACK] {
        assert!(!hangs(Wishes::new(producer, ALL)), "side {producer}");
        assert!(!hangs(Wishes::frames(producer, ALL)), "frames, {producer}");
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
        assert!(hangs(Wishes::frames(producer, ours)), "frames, {producer}");
        assert!(hangs(Wishes::new(producer, theirs)), "side {producer}");
        assert!(
            hangs(Wishes::frames(producer, theirs)),
            "frames, {producer}"
        );
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
        assert!(hangs(Wishes::frames(producer, rules)), "frames, {producer}");
    }
}

#[test]
fn without_the_announcement_before_blocking_it_hangs() {
    let rules = Rules {
        flush: false,
        ..ALL
    };
    assert!(hangs(Wishes::new(FRONT, rules)));
    assert!(hangs(Wishes::frames(FRONT, rules)));
}

#[test]
fn a_wish_for_less_room_than_the_next_frame_needs_hangs() {
    let ignorant = Wishes {
        knows_needs: false,
        ..Wishes::frames(FRONT, ALL)
    };
    assert!(hangs(ignorant));
}

#[test]
fn who_waits_for_room_that_another_takes_asks_again() {
    assert!(!hangs(Wishes::two_writers()));
    let once = Wishes {
        asks_again: false,
        ..Wishes::two_writers()
    };
    assert!(hangs(once));
}
