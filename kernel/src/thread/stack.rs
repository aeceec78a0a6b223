//! Stacks with a guard page below.

use core::ops::Range;

use crate::mem::{PAGE_SIZE, Pages, with_memory};

/// A run of pages whose lowest is unmapped, so that an overflow faults.
#[derive(Debug)]
pub(super) struct Stack {
    pages: Pages,
}

impl Stack {
    /// A stack of at least `bytes`, the guard page not counted.
    pub(super) fn new(bytes: usize) -> Option<Stack> {
        let pages = Pages::packed(bytes.div_ceil(PAGE_SIZE) + 1)?;
        // SAFETY: the page is ours and unused, and stays so until `drop` maps it again.
        with_memory(|memory| unsafe { memory.mmu.set_mapped(pages.first(), false) });
        Some(Stack { pages })
    }

    /// What may be used, lowest address first.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.pages.as_ptr().addr().get();
        start + PAGE_SIZE..start + self.pages.count() * PAGE_SIZE
    }

    /// One past the highest word.
    pub(super) fn top(&self) -> *mut u64 {
        // One past the end of the run, as a place to push from.
        self.pages
            .as_ptr()
            .as_ptr()
            .wrapping_add(self.pages.count() * PAGE_SIZE)
            .cast()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: our page, unmapped by `new`.
        with_memory(|memory| unsafe { memory.mmu.set_mapped(self.pages.first(), true) });
    }
}
