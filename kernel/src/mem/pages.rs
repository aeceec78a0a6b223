//! The domain's page frames: the one allocator behind heap, stacks, rings and page tables.

use core::ptr::NonNull;

use spin::{Mutex, Once};

use super::PAGE_SIZE;
use super::buddy::Buddy;
use super::mmu::{self, Layout, Mmu};

/// Page tables that [`Mmu::grow`] can need at once.
const SPARE: usize = 2;

static MEMORY: Once<Mutex<Memory>> = Once::new();

/// Free frames and the page tables that show them.
pub(crate) struct Memory {
    buddy: Buddy<'static>,
    pub(crate) mmu: Mmu,
    /// Frames kept for page tables, so that memory can grow when not one page is free.
    spare: [usize; SPARE],
}

/// Takes over the domain's memory from its builder.
///
/// # Safety
/// As for [`Mmu::init`].
pub(crate) unsafe fn init(layout: &Layout) {
    // SAFETY: passed on.
    let initial = unsafe { Mmu::init(layout) };
    let mut buddy = Buddy::new(initial.frames);
    for (first, count) in initial.free {
        buddy.free(first, count);
    }
    let spare = core::array::from_fn(|_| buddy.alloc(1).expect("the first MiB has free pages"));
    MEMORY.call_once(|| {
        Mutex::new(Memory {
            buddy,
            mmu: initial.mmu,
            spare,
        })
    });
}

/// Runs `f` on the domain's memory.
pub(crate) fn with_memory<R>(f: impl FnOnce(&mut Memory) -> R) -> R {
    f(&mut MEMORY
        .get()
        .expect("memory is set up at the start of day")
        .lock())
}

impl Memory {
    /// `count` frames in a row, or `None` when the domain has no such run left.
    pub(crate) fn alloc(&mut self, count: usize) -> Option<usize> {
        self.alloc_by(count, Buddy::alloc)
    }

    fn alloc_by(
        &mut self,
        count: usize,
        alloc: fn(&mut Buddy<'static>, usize) -> Option<usize>,
    ) -> Option<usize> {
        loop {
            if let Some(first) = alloc(&mut self.buddy, count) {
                return Some(first);
            }
            // What cannot be had is not worth mapping all memory for.
            let there_is = self.buddy.free_frames() + self.mmu.unmapped();
            if self.mmu.unmapped() == 0 || count > there_is.min(Buddy::MAX_FRAMES) {
                return None;
            }
            let mut taken = 0;
            let spare = self.spare;
            let (first, fresh) = self.mmu.grow(|| {
                taken += 1;
                spare[taken - 1]
            });
            self.buddy.free(first, fresh);
            // Single frames come from the smallest block there is, so the tables of a
            // gigabyte lie side by side and large blocks stay whole.
            for slot in &mut self.spare[..taken] {
                match self.buddy.alloc(1) {
                    Some(frame) => *slot = frame,
                    None => unreachable!("{fresh} frames were just added"),
                }
            }
        }
    }

    /// Gives frames back.
    pub(crate) fn free(&mut self, first: usize, count: usize) {
        self.buddy.free(first, count);
    }
}

/// Frames that can still be allocated.
pub fn free_pages() -> usize {
    with_memory(|memory| memory.buddy.free_frames() + memory.mmu.unmapped())
}

/// Frames of the domain, used or not.
pub fn total_pages() -> usize {
    crate::boot::start_info().nr_pages
}

/// A run of page frames, contiguous in the direct map, given back when dropped.
#[derive(Debug)]
pub struct Pages {
    first: usize,
    count: usize,
}

impl Pages {
    /// `count` pages with whatever was in them; `None` when memory is short.
    pub fn new(count: usize) -> Option<Pages> {
        let first = with_memory(|memory| memory.alloc(count))?;
        Some(Pages { first, count })
    }

    /// As [`Pages::new`], aligned to nothing, so that many runs that are no power of two fit
    /// side by side.
    pub(crate) fn packed(count: usize) -> Option<Pages> {
        let first = with_memory(|memory| memory.alloc_by(count, Buddy::alloc_packed))?;
        Some(Pages { first, count })
    }

    /// `count` pages of zeros; `None` when memory is short.
    pub fn zeroed(count: usize) -> Option<Pages> {
        let pages = Pages::new(count)?;
        // SAFETY: the run is ours, mapped and writable, and nothing refers to it yet.
        unsafe { pages.as_ptr().write_bytes(0, count * PAGE_SIZE) };
        Some(pages)
    }

    /// Where the first page lies.
    pub fn as_ptr(&self) -> NonNull<u8> {
        NonNull::new(mmu::direct(self.first)).expect("the direct map is not at 0")
    }

    /// How many pages.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Frame number, in this domain, of the first page.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// Machine frame number of page `index`, as grants want it.
    ///
    /// # Panics
    /// When there is no such page in the run.
    pub fn mfn(&self, index: usize) -> u64 {
        assert!(
            index < self.count,
            "page {index} of a run of {}",
            self.count
        );
        with_memory(|memory| memory.mmu.mfn(self.first + index))
    }

    /// The address, keeping the pages allocated until [`Pages::from_raw`].
    pub fn into_raw(self) -> NonNull<u8> {
        let pointer = self.as_ptr();
        core::mem::forget(self);
        pointer
    }

    /// Undoes [`Pages::into_raw`].
    ///
    /// # Safety
    /// Address and count of a run whose ownership was given up with `into_raw`.
    pub unsafe fn from_raw(pointer: NonNull<u8>, count: usize) -> Pages {
        Pages {
            first: mmu::direct_pfn(pointer.addr().get()),
            count,
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        with_memory(|memory| memory.free(self.first, self.count));
    }
}
