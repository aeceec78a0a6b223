//! A buddy allocator over page frames, in plain safe Rust so that it runs on the host too.
//!
//! Blocks are 2^order frames, aligned to their size. What is known of a frame lies in an
//! array outside the frames, so a workload that overruns a page cannot corrupt the
//! allocator, and freeing a block is O(log n): doubly linked free lists by frame number.
//!
//! Runs that are no power of two are cut from a larger block and the tail goes back at
//! once; [`Buddy::free`] takes any run of allocated frames back, whole or in parts.

/// log2 of the largest block, in frames: 2^18 frames are 1 GiB.
const MAX_ORDER: usize = 18;

/// "No frame" in a link, and the largest frame number plus one: 2^27 frames are 512 GiB.
const NONE: u32 = (1 << LINK_BITS) - 1;
const LINK_BITS: u32 = 27;

/// How many free blocks of a size [`Buddy::alloc_packed`] looks at before it cuts a larger one:
/// allocating takes constant time.
const HOLES_LOOKED_AT: usize = 16;

/// What the allocator knows of one frame: 8 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Next block of the same order; the top five bits hold `order + 1` when this frame
    /// heads a free block and 0 when it does not.
    next: u32,
    /// Previous block of the same order.
    prev: u32,
}

impl Frame {
    /// A frame that heads no free block: allocated, inside a block, or not there.
    pub const USED: Frame = Frame {
        next: NONE,
        prev: NONE,
    };

    fn free_order(self) -> Option<usize> {
        match self.next >> LINK_BITS {
            0 => None,
            n => Some(n as usize - 1),
        }
    }
}

/// The free page frames of the domain. Frames are named by their number in the domain (PFN).
#[derive(Debug)]
pub struct Buddy<'a> {
    frames: &'a mut [Frame],
    heads: [u32; MAX_ORDER + 1],
    free_frames: usize,
}

impl<'a> Buddy<'a> {
    /// The longest run that can be allocated.
    pub const MAX_FRAMES: usize = 1 << MAX_ORDER;

    /// An allocator with no free frame, for frames `0..frames.len()`.
    pub fn new(frames: &'a mut [Frame]) -> Self {
        assert!(frames.len() < NONE as usize, "more than 512 GiB of memory");
        frames.fill(Frame::USED);
        Buddy {
            frames,
            heads: [NONE; MAX_ORDER + 1],
            free_frames: 0,
        }
    }

    /// Frames that can be allocated now.
    pub fn free_frames(&self) -> usize {
        self.free_frames
    }

    /// Allocates `count` frames in a row; the first is aligned to `count` rounded up to a
    /// power of two. `None` when no free block is large enough.
    pub fn alloc(&mut self, count: usize) -> Option<usize> {
        let order = order_for(count)?;
        let found = (order..=MAX_ORDER).find(|&o| self.heads[o] != NONE)?;
        let first = self.heads[found] as usize;
        self.unlink(first, found);
        let taken = 1 << found;
        self.free_frames -= taken;
        self.free(first + count, taken - count);
        Some(first)
    }

    /// As [`Buddy::alloc`], but anywhere: free pieces in front of a block are used up before the
    /// block is, and holes between runs that are no power of two are used again.
    pub fn alloc_packed(&mut self, count: usize) -> Option<usize> {
        let order = order_for(count)?;
        // A hole that holds `count` frames almost always has a block of half that size or a
        // quarter in it.
        for half in (order.saturating_sub(2)..order).rev() {
            let mut at = self.heads[half];
            for _ in 0..HOLES_LOOKED_AT {
                if at == NONE {
                    break;
                }
                let (start, end) = self.region_around(at as usize, half, order, count);
                if end - start >= count {
                    return Some(self.take(start, end, count));
                }
                at = self.frames[at as usize].next & NONE;
            }
        }
        let found = (order..=MAX_ORDER).find(|&o| self.heads[o] != NONE)?;
        let first = self.heads[found] as usize;
        let (start, end) = self.region_around(first, found, order, count);
        Some(self.take(start, end, count))
    }

    /// A block with free blocks beside it: smaller ones than `2^order` in front, any behind, as
    /// far as `count` frames need.
    fn region_around(
        &self,
        first: usize,
        block: usize,
        order: usize,
        count: usize,
    ) -> (usize, usize) {
        let (mut start, mut end) = (first, first + (1 << block));
        while first - start < count {
            let before = (0..order).find(|&o| {
                let head = start.checked_sub(1 << o).and_then(|f| self.frames.get(f));
                head.and_then(|frame| frame.free_order()) == Some(o)
            });
            match before {
                Some(o) => start -= 1 << o,
                None => break,
            }
        }
        while end - start < count {
            match self.frames.get(end).and_then(|frame| frame.free_order()) {
                Some(o) => end += 1 << o,
                None => break,
            }
        }
        (start, end)
    }

    /// Allocates the first `count` frames of `start..end`, which are whole free blocks.
    fn take(&mut self, start: usize, end: usize, count: usize) -> usize {
        let mut at = start;
        while at < end {
            let order = self.frames[at].free_order();
            let order = order.expect("the region is made of free blocks");
            self.unlink(at, order);
            self.free_frames -= 1 << order;
            at += 1 << order;
        }
        self.free(start + count, at - start - count);
        start
    }

    /// Gives `count` frames from `first` back (or in, the first time).
    ///
    /// # Panics
    /// When a frame is not of this domain, or the head of a block that is free already.
    pub fn free(&mut self, mut first: usize, count: usize) {
        let end = first + count;
        assert!(
            end <= self.frames.len(),
            "frames {first}..{end} are not of this domain"
        );
        while first < end {
            let aligned = if first == 0 {
                MAX_ORDER
            } else {
                first.trailing_zeros() as usize
            };
            let fits = (end - first).ilog2() as usize;
            let order = aligned.min(fits).min(MAX_ORDER);
            self.free_block(first, order);
            first += 1 << order;
        }
    }

    fn free_block(&mut self, mut first: usize, mut order: usize) {
        assert!(
            self.frames[first].free_order().is_none(),
            "frame {first} freed twice"
        );
        self.free_frames += 1 << order;
        while order < MAX_ORDER {
            let buddy = first ^ (1 << order);
            if self.frames.get(buddy).and_then(|f| f.free_order()) != Some(order) {
                break;
            }
            self.unlink(buddy, order);
            first = first.min(buddy);
            order += 1;
        }
        self.link(first, order);
    }

    fn link(&mut self, first: usize, order: usize) {
        let next = self.heads[order];
        let number = to_link(first);
        self.frames[first] = Frame {
            next: tag(order) | next,
            prev: NONE,
        };
        if next != NONE {
            self.frames[next as usize].prev = number;
        }
        self.heads[order] = number;
    }

    fn unlink(&mut self, first: usize, order: usize) {
        let Frame { next, prev } = self.frames[first];
        let next = next & NONE;
        if next != NONE {
            self.frames[next as usize].prev = prev;
        }
        if prev == NONE {
            self.heads[order] = next;
        } else {
            self.frames[prev as usize].next = tag(order) | next;
        }
        self.frames[first] = Frame::USED;
    }
}

impl Frame {
    const _SIZE: () = assert!(size_of::<Frame>() == 8);
}

fn tag(order: usize) -> u32 {
    // `order` is at most MAX_ORDER.
    (order as u32 + 1) << LINK_BITS
}

fn to_link(frame: usize) -> u32 {
    // `Buddy::new` refused frame numbers that do not fit.
    u32::try_from(frame).expect("frame number fits a link")
}

/// The order of the smallest block that holds `count` frames.
fn order_for(count: usize) -> Option<usize> {
    if count == 0 || count > 1 << MAX_ORDER {
        return None;
    }
    Some(count.next_power_of_two().trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_run_that_is_no_power_of_two_costs_only_itself() {
        let mut frames = [Frame::USED; 64];
        let mut buddy = Buddy::new(&mut frames);
        buddy.free(0, 64);
        let run = buddy.alloc(17).unwrap();
        assert_eq!((run, buddy.free_frames()), (0, 47));
        buddy.free(run, 17);
        assert_eq!(buddy.alloc(64), Some(0), "everything merged again");
    }

    #[test]
    fn packed_runs_leave_no_gaps() {
        // A thousand stacks of 12 pages and a guard in 64 MiB: aligned to 16, they would need
        // 16,000 of the 16,384 frames.
        let mut frames = vec![Frame::USED; 13_100];
        let mut buddy = Buddy::new(&mut frames);
        buddy.free(0, 13_100);
        let runs: Vec<usize> = core::iter::from_fn(|| buddy.alloc_packed(13)).collect();
        assert!(runs.len() >= 1000, "{} fit", runs.len());
        // Holes are used again, whatever lives between them.
        for run in runs.iter().step_by(2) {
            buddy.free(*run, 13);
        }
        let again = (0..500).filter_map(|_| buddy.alloc_packed(13)).count();
        assert!(again >= 490, "{again} of 500 holes are found");
    }

    #[test]
    fn nothing_is_invented_when_memory_is_short() {
        let mut frames = [Frame::USED; 8];
        let mut buddy = Buddy::new(&mut frames);
        assert_eq!(buddy.alloc(1), None);
        buddy.free(1, 7);
        assert_eq!(buddy.alloc(8), None);
        assert_eq!(buddy.alloc(4), Some(4));
        assert_eq!(buddy.alloc(0), None);
        assert_eq!(buddy.alloc((1 << MAX_ORDER) + 1), None);
    }

    #[test]
    #[should_panic(expected = "freed twice")]
    fn a_double_free_is_caught() {
        let mut frames = [Frame::USED; 8];
        let mut buddy = Buddy::new(&mut frames);
        buddy.free(2, 1);
        buddy.free(2, 1);
    }

    #[test]
    #[should_panic(expected = "not of this domain")]
    fn a_foreign_frame_is_refused() {
        let mut frames = [Frame::USED; 8];
        Buddy::new(&mut frames).free(7, 2);
    }

    proptest! {
        /// Runs never overlap, stay within the domain, and all memory comes back whole.
        #[test]
        fn allocations_are_disjoint_and_everything_merges(
            total in 1usize..3000,
            steps in proptest::collection::vec((0..4u8, 1usize..200, any::<usize>()), 0..300),
        ) {
            let mut frames = vec![Frame::USED; total];
            let mut buddy = Buddy::new(&mut frames);
            buddy.free(0, total);
            let mut live: Vec<(usize, usize)> = Vec::new();
            let mut used = BTreeSet::new();
            for (step, count, pick) in steps {
                if step < 2 {
                    let packed = step == 1;
                    let run = match packed {
                        true => buddy.alloc_packed(count),
                        false => buddy.alloc(count),
                    };
                    if let Some(first) = run {
                        prop_assert!(packed || first % count.next_power_of_two() == 0);
                        for frame in first..first + count {
                            prop_assert!(frame < total && used.insert(frame));
                        }
                        live.push((first, count));
                    }
                } else if !live.is_empty() {
                    let (first, count) = live.swap_remove(pick % live.len());
                    (first..first + count).for_each(|f| { used.remove(&f); });
                    // In two parts: a run may come back piecemeal.
                    let cut = pick % (count + 1);
                    buddy.free(first, cut);
                    buddy.free(first + cut, count - cut);
                }
                prop_assert_eq!(buddy.free_frames(), total - used.len());
            }
            for (first, count) in live {
                buddy.free(first, count);
            }
            prop_assert_eq!(buddy.free_frames(), total);
            let largest = 1 << total.ilog2();
            prop_assert_eq!(buddy.alloc(largest), Some(0), "all memory merged");
        }
    }
}
