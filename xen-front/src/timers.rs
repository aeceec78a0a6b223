//! When the driver wants to be polled: a binary heap of deadlines, at most one per key.
//!
//! Cancelling and postponing leave an entry where it is: it then comes too early, which costs a
//! look at a socket that needs none, and never too late. So a write that starts the re-kick timer
//! costs no heap operation as long as an earlier entry of that socket is there. A table of
//! positions keeps it to one entry per key, so the heap never outgrows the table of sockets and
//! the steady state allocates nothing.

use alloc::vec::Vec;

/// Deadlines in nanoseconds, each for a small number that means something to the owner.
#[derive(Debug, Default)]
pub struct Timers {
    /// A binary heap, the earliest deadline first.
    heap: Vec<(u64, usize)>,
    /// Where in the heap each key is, or `NOWHERE`.
    positions: Vec<usize>,
}

const NOWHERE: usize = usize::MAX;

impl Timers {
    /// Sees to it that `key` comes up at `at_ns` or earlier.
    pub fn arm(&mut self, key: usize, at_ns: u64) {
        if self.positions.len() <= key {
            self.positions.resize(key + 1, NOWHERE);
        }
        let position = match self.positions[key] {
            NOWHERE => {
                self.heap.push((at_ns, key));
                self.heap.len() - 1
            }
            position if self.heap[position].0 > at_ns => {
                self.heap[position].0 = at_ns;
                position
            }
            _ => return,
        };
        self.rise(position);
    }

    /// Takes out the key of one entry that is due.
    pub fn pop(&mut self, now_ns: u64) -> Option<usize> {
        let &(at_ns, key) = self.heap.first()?;
        if at_ns > now_ns {
            return None;
        }
        self.positions[key] = NOWHERE;
        let last = self.heap.pop()?;
        if let Some(first) = self.heap.first_mut() {
            *first = last;
            self.sink();
        }
        Some(key)
    }

    /// The earliest entry.
    pub fn next_ns(&self) -> Option<u64> {
        self.heap.first().map(|&(at_ns, _)| at_ns)
    }

    /// Moves an entry towards the front until its parent is not later.
    fn rise(&mut self, mut position: usize) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.heap[parent] <= self.heap[position] {
                break;
            }
            self.heap.swap(parent, position);
            self.positions[self.heap[position].1] = position;
            position = parent;
        }
        self.positions[self.heap[position].1] = position;
    }

    /// Moves the first entry back until none of its children is earlier.
    fn sink(&mut self) {
        let mut position = 0;
        loop {
            let children = 2 * position + 1..(2 * position + 3).min(self.heap.len());
            let Some(child) = children.min_by_key(|&child| self.heap[child]) else {
                break;
            };
            if self.heap[position] <= self.heap[child] {
                break;
            }
            self.heap.swap(child, position);
            self.positions[self.heap[position].1] = position;
            position = child;
        }
        self.positions[self.heap[position].1] = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_comes_early_but_never_late() {
        let mut timers = Timers::default();
        timers.arm(7, 50);
        timers.arm(7, 60);
        timers.arm(7, 40);
        assert_eq!(timers.next_ns(), Some(40));
        assert_eq!(timers.pop(39), None);
        assert_eq!(timers.pop(45), Some(7));
        assert_eq!(timers.next_ns(), None);
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_map_of_earliest_deadlines(
            steps in proptest::collection::vec((0usize..12, 0u64..100), 0..200),
        ) {
            let mut timers = Timers::default();
            let mut model = alloc::collections::BTreeMap::new();
            for (key, at_ns) in steps {
                if key == 0 {
                    let due = timers.pop(at_ns);
                    let expected = model.values().min().is_some_and(|&first| first <= at_ns);
                    prop_assert_eq!(due.is_some(), expected);
                    if let Some(key) = due {
                        let was = model.remove(&key).expect("armed");
                        prop_assert!(model.values().all(|&other| other >= was));
                    }
                } else {
                    timers.arm(key, at_ns);
                    let entry = model.entry(key).or_insert(at_ns);
                    *entry = at_ns.min(*entry);
                }
                prop_assert_eq!(timers.next_ns(), model.values().min().copied());
                prop_assert_eq!(timers.heap.len(), model.len());
            }
        }
    }
}
