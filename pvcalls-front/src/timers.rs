//! When the driver wants to be polled: a heap of deadlines, one live entry per key at most.
//!
//! Cancelling and postponing leave the entry where it is: it then comes too early, which costs a
//! look at a socket that needs none, and never too late. So a write that starts the re-kick timer
//! costs no heap operation as long as an earlier entry of that socket is there.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

/// Deadlines in nanoseconds, each for a key that means something to the owner.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(u64, usize)>>,
}

/// The earliest entry of one key, kept beside the thing the key names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Armed(Option<u64>);

impl Timers {
    /// Sees to it that `key` comes up at `at_ns` or earlier.
    pub(crate) fn arm(&mut self, armed: &mut Armed, key: usize, at_ns: u64) {
        if armed.0.is_none_or(|earlier| at_ns < earlier) {
            armed.0 = Some(at_ns);
            self.heap.push(Reverse((at_ns, key)));
        }
    }

    /// Takes out one entry that is due. The owner passes it to [`Armed::fired`] of its key.
    pub(crate) fn pop(&mut self, now_ns: u64) -> Option<(u64, usize)> {
        let Reverse((at_ns, _)) = self.heap.peek()?;
        if *at_ns > now_ns {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// The earliest entry.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at_ns, _))| *at_ns)
    }
}

impl Armed {
    /// Notes that the entry of `at_ns` came up; false if it was left over from an earlier arming.
    pub(crate) fn fired(&mut self, at_ns: u64) -> bool {
        let live = self.0 == Some(at_ns);
        if live {
            self.0 = None;
        }
        live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_early_but_never_late() {
        let mut timers = Timers::default();
        let mut armed = Armed::default();
        timers.arm(&mut armed, 7, 50);
        timers.arm(&mut armed, 7, 60);
        timers.arm(&mut armed, 7, 40);
        assert_eq!(timers.next_ns(), Some(40));
        assert_eq!(timers.pop(39), None);
        assert_eq!(timers.pop(45), Some((40, 7)));
        assert!(armed.fired(40));
        assert_eq!(timers.pop(50), Some((50, 7)));
        assert!(!armed.fired(50), "superseded");
        assert_eq!(timers.next_ns(), None);
    }
}
