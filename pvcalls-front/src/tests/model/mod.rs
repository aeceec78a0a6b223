//! The notification rules, run through every interleaving of both sides.
//!
//! Both sides are small programs over a few shared words. Each has a store buffer, as an x86
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

mod command;
mod input;
mod output;
mod wishes;

const FRONT: usize = 0;
const BACK: usize = 1;

/// Where the indexes begin: the wrap is always on the way.
const START: Index = Index::new(u32::MAX - 1);

/// Words of memory, a store buffer and a pending event for each side.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Machine {
    memory: [Index; 4],
    buffers: [Vec<(usize, Index)>; 2],
    events: [bool; 2],
}

impl Machine {
    fn new(memory: [Index; 4]) -> Self {
        Self {
            memory,
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

/// A model with fewer states says nothing.
const LEAST_STATES: usize = 50;

/// Visits every reachable state until one is a hang; true if one is.
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
        if hang && seen.len() > LEAST_STATES {
            return true;
        }
    }
    assert!(
        seen.len() > LEAST_STATES,
        "the model has something to explore"
    );
    hang
}

/// What travels: bytes, of which any number moves at once, or frames of these lengths, in a circle.
type Frames = &'static [u32];

/// A stream.
const BYTES: Frames = &[];

/// By how much an index that has come `so_far` may move at once, if there is room, or bytes, for `most`
/// and `total` is all there will be.
fn moves(frames: Frames, so_far: u32, most: u32, total: u32) -> Vec<u32> {
    let most = most.min(total - so_far);
    if frames.is_empty() {
        return (1..=most).collect();
    }
    let mut ends = vec![0];
    for frame in frames.iter().cycle() {
        let end = ends.last().map_or(0, |end| end + frame);
        if end > total {
            break;
        }
        ends.push(end);
    }
    assert!(ends.contains(&so_far), "only whole frames move");
    let steps = ends.iter().filter(|&&end| end > so_far);
    steps
        .map(|end| end - so_far)
        .filter(|&step| step <= most)
        .collect()
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
    /// The command ring is looked at once more after asking for an event.
    recheck: bool,
}

const ALL: Rules = Rules {
    front_barrier: true,
    back_barrier: true,
    timer: true,
    flush: true,
    reload: true,
    recheck: true,
};
