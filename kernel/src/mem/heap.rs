//! The global allocator: a small static arena first, then talc over the page frames.
//!
//! Three places, told apart by what is asked and by address:
//! - Before memory is set up, the **boot heap**: linked_list_allocator over a static arena.
//!   Its cost grows with the number of holes, which a few dozen early allocations never
//!   make many, and it needs nothing but the arena.
//! - **Page runs** for [`PAGE_RUN_BYTES`] and more: straight from the frames, so that large
//!   buffers go back to the domain when dropped, and page-aligned ones waste nothing.
//! - **talc** for everything else, in constant time however fragmented the heap; it takes
//!   blocks of frames as it needs them and gives empty ones back.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use spin::Mutex;
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::GlobalAllocSource;

use super::{PAGE_SIZE, Pages};

/// From this size on an allocation is a run of pages of its own.
const PAGE_RUN_BYTES: usize = 64 * 1024;
/// What talc takes from the frames at least.
const BLOCK_BYTES: usize = 64 * 1024;
const BOOT_HEAP_BYTES: usize = 16 * 1024;

#[global_allocator]
static HEAP: Heap = Heap {
    boot: Mutex::new(linked_list_allocator::Heap::empty()),
    talc: Mutex::new(Talc::new(GlobalAllocSource::with_block_size(
        PageRuns,
        BLOCK_BYTES,
    ))),
    pages_ready: AtomicBool::new(false),
    bytes: AtomicUsize::new(0),
    pages: AtomicUsize::new(0),
};

/// What the heap holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapUse {
    /// Bytes that are allocated, as they were asked for.
    pub bytes: usize,
    /// Pages that serve them; those talc keeps for its next allocations included.
    pub pages: usize,
}

/// What the heap holds now.
pub fn heap_use() -> HeapUse {
    HeapUse {
        bytes: HEAP.bytes.load(Ordering::Relaxed),
        pages: HEAP.pages.load(Ordering::Relaxed),
    }
}

/// The boot heap's memory. Only `Heap::boot` touches it.
#[repr(align(16))]
struct Arena(core::cell::UnsafeCell<[u8; BOOT_HEAP_BYTES]>);
// SAFETY: the bytes are only reached through the boot heap, which a mutex guards.
unsafe impl Sync for Arena {}
static ARENA: Arena = Arena(core::cell::UnsafeCell::new([0; BOOT_HEAP_BYTES]));

/// From now on allocations come from the domain's page frames.
pub(crate) fn init() {
    HEAP.pages_ready.store(true, Ordering::Relaxed);
}

struct Heap {
    boot: Mutex<linked_list_allocator::Heap>,
    talc: Mutex<Talc<GlobalAllocSource<PageRuns>, DefaultBinning>>,
    pages_ready: AtomicBool,
    bytes: AtomicUsize,
    pages: AtomicUsize,
}

/// Moves a counter. Two plain accesses instead of a locked one: nothing on this one vCPU comes in
/// between, and a second vCPU would only make the numbers a little wrong.
fn count(counter: &AtomicUsize, more: usize, less: usize) {
    let before = counter.load(Ordering::Relaxed);
    counter.store(
        before.wrapping_add(more).wrapping_sub(less),
        Ordering::Relaxed,
    );
}

fn is_page_run(layout: Layout) -> bool {
    layout.size() >= PAGE_RUN_BYTES || layout.align() >= PAGE_SIZE
}

fn in_boot_heap(pointer: *mut u8) -> bool {
    let start = ARENA.0.get().addr();
    (start..start + BOOT_HEAP_BYTES).contains(&pointer.addr())
}

// SAFETY: each of the three places returns memory of the layout asked or null, and memory
// goes back to the place it came from: the arena is known by its address, page runs by
// their layout, which callers must repeat, and the rest is talc's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let pointer = if !self.pages_ready.load(Ordering::Relaxed) {
            self.alloc_early(layout)
        } else if is_page_run(layout) {
            // SAFETY: `PageRuns` takes any layout.
            unsafe { PageRuns.alloc(layout) }
        } else {
            // SAFETY: `GlobalAlloc` callers never ask for zero bytes.
            unsafe { self.talc.lock().allocate(layout) }.map_or(null_mut(), NonNull::as_ptr)
        };
        if !pointer.is_null() {
            count(&self.bytes, layout.size(), 0);
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(&self.bytes, 0, layout.size());
        if in_boot_heap(pointer) {
            let Some(pointer) = NonNull::new(pointer) else {
                return;
            };
            // SAFETY: an address in the arena came from the boot heap, with this layout.
            unsafe { self.boot.lock().deallocate(pointer, layout) }
        } else if is_page_run(layout) {
            // SAFETY: the layout says that it came from `PageRuns`.
            unsafe { PageRuns.dealloc(pointer, layout) }
        } else {
            // SAFETY: what remains came from talc, with this layout.
            unsafe { self.talc.lock().deallocate(pointer, layout) }
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `GlobalAlloc` callers pass a size that makes a layout.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let talcs = |layout| !is_page_run(layout);
        if !in_boot_heap(pointer) && talcs(layout) && talcs(new_layout) {
            // SAFETY: the allocation is talc's, with this layout.
            if unsafe {
                self.talc
                    .lock()
                    .try_realloc_in_place(pointer, layout, new_size)
            } {
                count(&self.bytes, new_size, layout.size());
                return pointer;
            }
        } else if is_page_run(layout)
            && is_page_run(new_layout)
            && layout.size().div_ceil(PAGE_SIZE) == new_size.div_ceil(PAGE_SIZE)
        {
            count(&self.bytes, new_size, layout.size());
            return pointer;
        }
        // SAFETY: a layout that is not empty.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            let kept = layout.size().min(new_size);
            // SAFETY: both are live allocations of at least `kept` bytes, and distinct.
            unsafe { new.copy_from_nonoverlapping(pointer, kept) };
            // SAFETY: the old allocation, with its layout.
            unsafe { self.dealloc(pointer, layout) };
        }
        new
    }
}

impl Heap {
    fn alloc_early(&self, layout: Layout) -> *mut u8 {
        let mut boot = self.boot.lock();
        if boot.size() == 0 {
            // SAFETY: the arena is static, used by nothing else, and this happens once.
            unsafe { boot.init(ARENA.0.get().cast(), BOOT_HEAP_BYTES) };
        }
        boot.allocate_first_fit(layout)
            .map_or(null_mut(), NonNull::as_ptr)
    }
}

/// Whole pages, as an allocator that talc can draw on.
#[derive(Debug)]
struct PageRuns;

// SAFETY: runs of frames are page aligned, exclusively the caller's until given back, and
// their length follows from the layout. Alignments above a page: see `alloc`.
unsafe impl GlobalAlloc for PageRuns {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A run is aligned to its length rounded up to a power of two, so asking for as
        // many pages as the alignment has gives that alignment.
        let Some(pages) = Pages::new(run_pages(layout)) else {
            return null_mut();
        };
        count(&HEAP.pages, run_pages(layout), 0);
        pages.into_raw().as_ptr()
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(pointer) = NonNull::new(pointer) else {
            return;
        };
        count(&HEAP.pages, 0, run_pages(layout));
        // SAFETY: `alloc` gave up a run of this many pages at this address.
        drop(unsafe { Pages::from_raw(pointer, run_pages(layout)) });
    }
}

fn run_pages(layout: Layout) -> usize {
    layout.size().max(layout.align()).div_ceil(PAGE_SIZE)
}
