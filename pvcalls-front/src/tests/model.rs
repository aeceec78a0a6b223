//! The notification rules, run through every interleaving of both sides.
//!
//! Both sides are small programs over two shared words. Each has a store buffer, as an x86
//! processor has: a store is visible to the other side only some time later, unless a full
//! barrier is in between. The frontend's decisions are those of `notify.rs` itself; only loads,
//! stores, barriers and events are the model's. A wake-up is lost if both sides are asleep, no
//! event is pending, no timer runs, and there is work left.
//!
//! A check that never fails proves nothing: each rule is also left out once, and the model must
//! then find the hang.

use alloc::vec;
use alloc::vec::Vec;
use core::hash::Hash;
use std::collections::HashSet;

use crate::index::Index;
use crate::notify::{InNotifier, Notify, OutNotifier};

const FRONT: usize = 0;
const BACK: usize = 1;
const PROD: usize = 0;
const CONS: usize = 1;

/// Where the indexes begin: the wrap is always on the way.
const START: Index = Index::new(u32::MAX - 1);

/// Two words of memory, a store buffer and a pending event for each side.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Machine {
    memory: [Index; 2],
    buffers: [Vec<(usize, Index)>; 2],
    events: [bool; 2],
}

impl Machine {
    fn new() -> Self {
        Self {
            memory: [START; 2],
            buffers: [vec![], vec![]],
            events: [false; 2],
        }
    }

    fn store(&mut self, side: usize, word: usize, index: Index) {
        self.buffers[side].push((word, index));
    }

    /// A side sees its own stores at once.
    fn load(&self, side: usize, word: usize) -> Index {
        let own = self.buffers[side]
            .iter()
            .rev()
            .find(|store| store.0 == word);
        own.map_or(self.memory[word], |store| store.1)
    }

    fn barrier(&mut self, side: usize) {
        for (word, index) in core::mem::take(&mut self.buffers[side]) {
            self.memory[word] = index;
        }
    }

    /// Sending an event is a hypercall, and that is a full barrier.
    fn send_event(&mut self, from: usize) {
        self.barrier(from);
        self.events[1 - from] = true;
    }

    fn take_event(&mut self, side: usize) -> bool {
        core::mem::take(&mut self.events[side])
    }

    /// The machine's own moves: the oldest store of one side becomes visible.
    fn drains(&self) -> impl Iterator<Item = Self> {
        [FRONT, BACK].into_iter().filter_map(|side| {
            let mut next = self.clone();
            if next.buffers[side].is_empty() {
                return None;
            }
            let (word, index) = next.buffers[side].remove(0);
            next.memory[word] = index;
            Some(next)
        })
    }
}

trait Model: Clone + Eq + Hash {
    /// All states that one step of either side, or of the machine, leads to.
    fn steps(&self) -> Vec<Self>;
    /// Whether, when no step is left, work was left undone.
    fn work_left(&self) -> bool;
}

/// Visits every reachable state; true if one is a hang.
fn hangs<M: Model>(initial: M) -> bool {
    let mut seen = HashSet::new();
    let mut stack = vec![initial];
    let mut hang = false;
    while let Some(state) = stack.pop() {
        if seen.contains(&state) {
            continue;
        }
        let steps = state.steps();
        hang |= steps.is_empty() && state.work_left();
        stack.extend(steps);
        seen.insert(state);
    }
    assert!(seen.len() > 50, "the model has something to explore");
    hang
}

/// What is left out of the rules, or true of the backend.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Rules {
    /// The frontend's barrier between its store and its load.
    front_barrier: bool,
    /// The backend's barrier between its store and its load: Linux has none for the out ring,
    /// and for the in ring that of the event it sends.
    back_barrier: bool,
    /// The re-kick timer.
    timer: bool,
    /// What is held back is announced before the frontend blocks.
    flush: bool,
    /// The peer's index is loaded after our store, not before.
    reload: bool,
}

const ALL: Rules = Rules {
    front_barrier: true,
    back_barrier: true,
    timer: true,
    flush: true,
    reload: true,
};

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
            machine: Machine::new(),
            front: OutFront::Write,
            prod: START,
            notifier: OutNotifier::new(START),
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
                if next.notifier.announce(next.prod, cons, 0) {
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

/// Bytes that the backend has for us, and the size of the in array.
const INCOMING: u32 = 10;
const IN_BYTES: u32 = 4;

/// The in ring: the backend fills it as far as it can and sleeps when it is full; the frontend
/// reads any number of bytes at a time and sleeps when it is empty, or, with bytes left, when it
/// has other things to wait for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct In {
    rules: Rules,
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
            machine: Machine::new(),
            front: InFront::Look,
            cons: START,
            notifier: InNotifier::default(),
            back: InBack::Look,
            prod: START,
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
                for count in 1..=prod.since(self.cons) {
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
                match next.notifier.consumed(old, next.cons, prod, IN_BYTES) {
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
                let count = free.min(INCOMING - produced);
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
                self.back == InBack::Asleep && self.prod.since(self.cons) < IN_BYTES
            }
            _ => self.cons.since(START) != INCOMING,
        }
    }
}

#[test]
fn out_no_wakeup_is_lost_with_a_backend_that_has_its_barrier_even_without_the_timer() {
    assert!(!hangs(Out::new(Rules {
        timer: false,
        ..ALL
    })));
}

#[test]
fn out_no_wakeup_is_lost_with_a_backend_without_a_barrier() {
    assert!(!hangs(Out::new(Rules {
        back_barrier: false,
        ..ALL
    })));
}

#[test]
fn out_a_backend_without_a_barrier_hangs_without_the_timer() {
    let rules = Rules {
        back_barrier: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}

#[test]
fn out_without_our_barrier_it_hangs() {
    let rules = Rules {
        front_barrier: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}

#[test]
fn out_with_an_index_loaded_too_early_it_hangs() {
    let rules = Rules {
        reload: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}

#[test]
fn out_without_the_announcement_before_blocking_it_hangs() {
    let rules = Rules {
        flush: false,
        timer: false,
        ..ALL
    };
    assert!(hangs(Out::new(rules)));
}

#[test]
fn in_no_wakeup_is_lost() {
    assert!(!hangs(In::new(ALL)));
}

#[test]
fn in_without_our_barrier_it_hangs() {
    assert!(hangs(In::new(Rules {
        front_barrier: false,
        ..ALL
    })));
}

#[test]
fn in_without_the_barrier_of_the_backends_event_it_hangs() {
    assert!(hangs(In::new(Rules {
        back_barrier: false,
        ..ALL
    })));
}

#[test]
fn in_with_an_index_loaded_too_early_it_hangs() {
    assert!(hangs(In::new(Rules {
        reload: false,
        ..ALL
    })));
}

#[test]
fn in_without_paying_before_blocking_it_hangs() {
    assert!(hangs(In::new(Rules {
        flush: false,
        ..ALL
    })));
}
