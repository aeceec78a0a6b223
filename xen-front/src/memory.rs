//! The one place that touches memory the peer can write; the only module with `unsafe`.
//!
//! Rules it keeps, so that nobody else has to:
//! * no `&[u8]` or `&mut [u8]` to shared bytes ever exists: bytes are copied in or copied out;
//! * an index is one aligned 32-bit atomic access: loaded with acquire order, so that what the
//!   peer wrote before it is seen, and stored with release order, so that the peer sees what we
//!   wrote before it;
//! * every offset is checked against the length of the pages.
//!
//! # Why the bulk copy is sound
//! The peer is another domain, not a thread of this program; its stores are, for the compiler,
//! what a device's are. What could go wrong is (1) an access out of bounds: excluded by the
//! check; (2) bytes with no valid value: excluded, every bit pattern is a `u8`; (3) the compiler
//! assuming that the source still holds what was copied and reading it again in place of the
//! copy, so that a value could change between check and use: excluded by the compiler fences on
//! both sides, since memory whose address came from outside may have changed across them. The
//! copied bytes may be a mixture of old and new when the peer writes outside its part of the
//! ring; that is the peer's own data it garbles.

use alloc::boxed::Box;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering, compiler_fence, fence};

use crate::units::{GrantRef, PAGE_SIZE, PageCount};

/// Pages of ours that the backend may map: one range of addresses, one grant per page.
///
/// Dropping it leaks the pages, on purpose: memory that a peer may still write must not be used
/// again. The way to give pages back is [`Platform::unshare`](crate::platform::Platform::unshare).
pub struct SharedPages {
    base: NonNull<u8>,
    grants: Box<[GrantRef]>,
    /// What a view of fake pages keeps alive.
    #[cfg(any(test, feature = "test-utils"))]
    keep: Option<alloc::sync::Arc<HeapPages>>,
}

// SAFETY: the value stands for exclusive use of its pages from this side (a duty of `new`), and
// all access goes through raw pointers and atomics that care for no particular thread.
#[expect(unsafe_code, reason = "ownership of memory may change threads")]
unsafe impl Send for SharedPages {}

impl fmt::Debug for SharedPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SharedPages({:p}, {} pages)",
            self.base,
            self.grants.len()
        )
    }
}

#[expect(unsafe_code, reason = "the module's purpose; see its prologue")]
impl SharedPages {
    /// Takes charge of `grants.len()` pages from `base` on, page `i` shared under `grants[i]`.
    ///
    /// # Safety
    /// From now until the value is handed to [`Platform::unshare`](crate::platform::Platform::unshare) and
    /// that succeeds:
    /// * the range is mapped, readable and writable, and `base` is page-aligned;
    /// * nothing else on this side reads or writes it, and no reference into it exists;
    /// * it holds nothing but what is meant for the backend: no other object shares a page.
    ///
    /// # Panics
    /// If `base` is not page-aligned or `grants` is empty: the rest of the driver relies on both.
    #[must_use]
    pub unsafe fn new(base: NonNull<u8>, grants: Box<[GrantRef]>) -> Self {
        assert!(base.addr().get().is_multiple_of(PAGE_SIZE) && !grants.is_empty());
        Self {
            base,
            grants,
            #[cfg(any(test, feature = "test-utils"))]
            keep: None,
        }
    }

    /// The first byte.
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The grant references, one per page, in the order of the pages.
    #[must_use]
    pub fn grants(&self) -> &[GrantRef] {
        &self.grants
    }

    /// How many pages there are.
    #[must_use]
    pub fn pages(&self) -> PageCount {
        PageCount(u16::try_from(self.grants.len()).unwrap_or(u16::MAX))
    }

    /// Loads the word at `offset` with acquire order.
    pub fn load(&self, offset: usize) -> u32 {
        let word = self.word(offset);
        // SAFETY: `word` checked bounds and alignment; `new` promises a live mapping; an atomic
        // tolerates the peer's stores. The reference it makes lives for this expression.
        let value = unsafe { AtomicU32::from_ptr(word) }.load(Ordering::Acquire);
        #[cfg(any(test, feature = "test-utils"))]
        if let Some(heap) = &self.keep {
            heap.spring(word);
        }
        value
    }

    /// Stores the word at `offset` with release order.
    pub fn store(&self, offset: usize, value: u32) {
        let word = self.word(offset);
        // SAFETY: as in `load`.
        unsafe { AtomicU32::from_ptr(word) }.store(value, Ordering::Release);
    }

    /// Copies `into.len()` bytes from `offset` on out of the shared pages.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let from = self.range(offset, into.len());
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `range` checked the bounds of the source, which `new` promises to be mapped;
        // the target is a private slice, so the two cannot overlap. For the peer's concurrent
        // stores see the module's prologue.
        unsafe { core::ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Appends `len` bytes from `offset` on to `into`, in memory that it has reserved for them:
    /// what is about to be overwritten need not be zeroed first.
    ///
    /// # Panics
    /// If it has not.
    pub fn append(&self, offset: usize, len: usize, into: &mut alloc::vec::Vec<u8>) {
        let from = self.range(offset, len);
        let spare = into.spare_capacity_mut();
        assert!(len <= spare.len());
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `range` checked the bounds of the source, which `new` promises to be mapped, and
        // the line above those of the target, which is private. For the peer's concurrent stores
        // see the module's prologue.
        unsafe { core::ptr::copy_nonoverlapping(from, spare.as_mut_ptr().cast::<u8>(), len) };
        compiler_fence(Ordering::SeqCst);
        let end = into.len() + len;
        // SAFETY: within the capacity by the check above, and the copy has written all of it.
        unsafe { into.set_len(end) };
    }

    /// Copies `from` into the shared pages from `offset` on.
    pub fn write(&self, offset: usize, from: &[u8]) {
        let into = self.range(offset, from.len());
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as in `read`, with the directions exchanged.
        unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), into, from.len()) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Zeroes the first page, the one that holds indexes.
    pub fn zero_first_page(&self) {
        self.write(0, &[0; PAGE_SIZE]);
    }

    fn word(&self, offset: usize) -> *mut u32 {
        assert!(offset.is_multiple_of(4));
        self.range(offset, 4).cast::<u32>()
    }

    fn range(&self, offset: usize, len: usize) -> *mut u8 {
        let end = offset.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.pages().bytes()));
        // SAFETY: the check above keeps the result inside the pages or at their end.
        unsafe { self.base.as_ptr().add(offset) }
    }
}

/// A full barrier: every earlier store of ours is visible before any later load is done.
///
/// The notification rules need it between publishing an index and looking at the peer's; see
/// the drivers. On x86 this is the one reordering the processor really does.
pub fn full_barrier() {
    fence(Ordering::SeqCst);
}

/// Pages on the heap for the fakes, freed when dropped.
#[cfg(any(test, feature = "test-utils"))]
#[derive(Debug)]
pub struct HeapPages {
    base: NonNull<u8>,
    layout: alloc::alloc::Layout,
    traps: spin::Mutex<alloc::vec::Vec<Trap>>,
}

/// A peer that strikes between two loads, once: when the word at address `loaded` has been
/// loaded, it stores `changes`, offsets in the pages and values.
#[cfg(any(test, feature = "test-utils"))]
#[derive(Debug)]
struct Trap {
    loaded: usize,
    changes: alloc::vec::Vec<(usize, u32)>,
}

// SAFETY: it owns its allocation, and all access goes through `SharedPages`.
#[cfg(any(test, feature = "test-utils"))]
#[expect(unsafe_code, reason = "ownership of memory may change threads")]
unsafe impl Send for HeapPages {}

// SAFETY: a shared reference allows nothing but making views.
#[cfg(any(test, feature = "test-utils"))]
#[expect(unsafe_code, reason = "views are made through a shared reference")]
unsafe impl Sync for HeapPages {}

#[cfg(any(test, feature = "test-utils"))]
#[expect(unsafe_code, reason = "the fakes need memory to share")]
impl HeapPages {
    /// Allocates zeroed pages.
    pub fn new(pages: PageCount) -> Self {
        let layout = alloc::alloc::Layout::from_size_align(pages.bytes(), PAGE_SIZE)
            .expect("a page count fits");
        assert!(layout.size() > 0);
        // SAFETY: the size is not zero.
        let base = unsafe { alloc::alloc::alloc_zeroed(layout) };
        let base = NonNull::new(base).expect("the test host has memory");
        Self {
            base,
            layout,
            traps: spin::Mutex::default(),
        }
    }

    /// Sets a trap: after the next load of the word at `offset`, the words of `changes` (offset
    /// and value) are stored.
    pub fn set_trap(&self, offset: usize, changes: &[(usize, u32)]) {
        self.traps.lock().push(Trap {
            loaded: self.base.addr().get() + offset,
            changes: changes.to_vec(),
        });
    }

    fn spring(&self, loaded: *mut u32) {
        let mut traps = self.traps.lock();
        let Some(trap) = traps.iter().position(|trap| trap.loaded == loaded.addr()) else {
            return;
        };
        for (offset, value) in traps.remove(trap).changes {
            assert!(offset.is_multiple_of(4) && offset < self.layout.size());
            // SAFETY: inside the allocation by the check above.
            let word = unsafe { self.base.add(offset) }.cast::<u32>();
            // SAFETY: aligned and inside; all else that is done to it is atomic or a copy.
            unsafe { AtomicU32::from_ptr(word.as_ptr()) }.store(value, Ordering::Release);
        }
    }

    /// A view of `grants.len()` pages from page `first` on, which keeps the pages alive. The
    /// frontend and the fake backend may have views of the same pages: all use the accessors of
    /// this module, which bear it, as long as the test is on one thread.
    pub fn view(
        self: &alloc::sync::Arc<Self>,
        first: usize,
        grants: Box<[GrantRef]>,
    ) -> SharedPages {
        assert!((first + grants.len()) * PAGE_SIZE <= self.layout.size());
        // SAFETY: inside the allocation by the check above.
        let base = unsafe { self.base.add(first * PAGE_SIZE) };
        // SAFETY: mapped and page-aligned as a part of our allocation, which `keep` holds; no
        // references to it exist, and it serves nothing else.
        let mut pages = unsafe { SharedPages::new(base, grants) };
        pages.keep = Some(self.clone());
        pages
    }
}

#[cfg(any(test, feature = "test-utils"))]
impl Drop for HeapPages {
    #[expect(unsafe_code, reason = "frees what `new` allocated")]
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout, and dropped once.
        unsafe { alloc::alloc::dealloc(self.base.as_ptr(), self.layout) };
    }
}
