//! Pages that the backend may map: the only file with `unsafe`.
//!
//! Words are atomics and bytes are copied through raw pointers, one volatile access each: the
//! backend writes at the same time, so no reference to the bytes may exist.

use alloc::vec::Vec;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use rt::io::Result;
use rt::kernel::event::DomId;
use rt::kernel::grant::{self, GrantRef};
use rt::kernel::mem::{PAGE_SIZE, Pages};

use crate::failure;

/// A run of zeroed pages, each with a grant.
///
/// Dropped while the backend maps one of them, the pages and grants stay allocated for good.
#[derive(Debug)]
pub(crate) struct Shared {
    pages: ManuallyDrop<Pages>,
    references: Vec<GrantRef>,
}

impl Shared {
    /// `count` pages that domain `peer` may map and write.
    pub(crate) fn new(peer: DomId, count: usize) -> Result<Shared> {
        Shared::with_access(peer, count, true)
    }

    /// `count` pages that domain `peer` may only read.
    pub(crate) fn read_only(peer: DomId, count: usize) -> Result<Shared> {
        Shared::with_access(peer, count, false)
    }

    fn with_access(peer: DomId, count: usize, writable: bool) -> Result<Shared> {
        let pages = Pages::zeroed(count).ok_or_else(|| failure("no memory for shared pages"))?;
        let mut shared = Shared {
            pages: ManuallyDrop::new(pages),
            references: Vec::with_capacity(count),
        };
        for index in 0..count {
            let reference = grant::share(peer, shared.pages.mfn(index), writable)
                .map_err(|error| failure(alloc::format!("no grant: {error}")))?;
            shared.references.push(reference);
        }
        Ok(shared)
    }

    /// The grants, in the order of the pages.
    pub(crate) fn references(&self) -> &[GrantRef] {
        &self.references
    }

    /// How many pages the backend maps now. Unlike [`grant::revoke`] it cannot map more then.
    pub(crate) fn still_mapped(&self) -> usize {
        let mapped = |reference: &&GrantRef| grant::revoke(**reference).is_err();
        self.references.iter().filter(mapped).count()
    }

    fn at(&self, offset: usize, length: usize) -> NonNull<u8> {
        let bytes = self.pages.count() * PAGE_SIZE;
        assert!(
            offset.checked_add(length).is_some_and(|end| end <= bytes),
            "{length} bytes at {offset} of {bytes}"
        );
        // SAFETY: the offset was just found to be within the run.
        unsafe { self.pages.as_ptr().add(offset) }
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4), "a word at {offset}");
        let word = self.at(offset, 4).cast::<u32>();
        // SAFETY: in bounds and aligned as just checked, mapped as long as `self` lives, and
        // accessed atomically by everybody who accesses words.
        unsafe { AtomicU32::from_ptr(word.as_ptr()) }
    }

    /// The word at a byte offset; what is read after it is not older.
    pub(crate) fn load(&self, offset: usize) -> u32 {
        self.word(offset).load(Ordering::SeqCst)
    }

    /// Sets the word at a byte offset, after everything that was written before.
    pub(crate) fn store(&self, offset: usize, value: u32) {
        self.word(offset).store(value, Ordering::SeqCst);
    }

    /// The byte at an offset.
    pub(crate) fn byte(&self, offset: usize) -> u8 {
        let mut bytes = [0];
        self.read(offset, &mut bytes);
        bytes[0]
    }

    /// Copies bytes out.
    pub(crate) fn read(&self, offset: usize, bytes: &mut [u8]) {
        let from = self.at(offset, bytes.len());
        for (index, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: `at` checked the whole length.
            let from = unsafe { from.add(index) };
            // SAFETY: mapped as long as `self` lives; a volatile read of a byte that the
            // backend changes gives some byte.
            *byte = unsafe { from.read_volatile() };
        }
    }

    /// Copies bytes in.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        let to = self.at(offset, bytes.len());
        for (index, byte) in bytes.iter().enumerate() {
            // SAFETY: `at` checked the whole length.
            let to = unsafe { to.add(index) };
            // SAFETY: mapped as long as `self` lives, and no reference to it exists.
            unsafe { to.write_volatile(*byte) };
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.still_mapped() > 0 {
            return;
        }
        self.references.drain(..).for_each(grant::free);
        // SAFETY: dropped here and nowhere else, and `self` is not used afterwards; the
        // backend maps none of the pages and can map none.
        unsafe { ManuallyDrop::drop(&mut self.pages) };
    }
}
