//! The one place that touches memory which a frontend can write; with `net/vectored.rs`, where
//! the kernel does it for us, the only `unsafe` of the data side.
//!
//! Rules it keeps, so that nobody else has to:
//! * no `&[u8]` or `&mut [u8]` to shared bytes ever exists: bytes are copied in or out, or the
//!   kernel is given addresses;
//! * an index or an error word is one aligned 32-bit atomic access: acquire when loaded, release
//!   when stored;
//! * every offset is checked against the length of the mapping, by assertion: offsets come from
//!   our constants and masked indices, never from the frontend.
//!
//! # Why the copies are sound
//! The other writer is another domain, not a thread of this program; to the compiler its stores
//! are a device's. The copy is done by volatile bytes (or words), so what was copied is what is
//! used: the compiler may not read the source again. Every bit pattern is a value. That the bytes
//! may be a mixture of old and new is the frontend's own loss.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use crate::abi::PAGE_BYTES;
use crate::platform::Mapped;

/// Mapped pages of a frontend, and safe ways to touch them.
pub struct Shared<M>(M);

impl<M> fmt::Debug for Shared<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// A piece of shared memory for the kernel to read from or write to: an address and a length, not
/// a reference. It keeps the [`Shared`] it came from borrowed, so that the address stays mapped.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    pub(crate) base: *mut u8,
    pub(crate) len: usize,
    owner: PhantomData<&'a ()>,
}

impl<M: Mapped> Shared<M> {
    /// Wraps a mapping.
    pub fn new(mapping: M) -> Self {
        Self(mapping)
    }

    /// The mapping.
    pub fn mapping(&self) -> &M {
        &self.0
    }

    /// Bytes of the mapping.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.pages() * PAGE_BYTES
    }

    /// Whether there are none: there always are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The address of `len` bytes at `offset`.
    fn at(&self, offset: usize, len: usize) -> *mut u8 {
        let end = offset.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.len()), "beyond the pages");
        // SAFETY: `offset` is within the mapping, which `Mapped` promises to be there.
        unsafe { self.0.base().as_ptr().add(offset) }
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4), "words are aligned");
        let word = self.at(offset, 4).cast::<AtomicU32>();
        // SAFETY: inside the mapping for as long as `self`, aligned since pages are; the only
        // reference kind to shared memory is this one to an atomic, which may be written by
        // others at any time.
        unsafe { &*word }
    }

    /// Loads a word; what its writer wrote before is visible then.
    #[must_use]
    pub fn load(&self, offset: usize) -> u32 {
        u32::from_le(self.word(offset).load(Ordering::Acquire))
    }

    /// Stores a word; what was written before is visible to whoever loads it.
    pub fn store(&self, offset: usize, value: u32) {
        self.word(offset).store(value.to_le(), Ordering::Release);
    }

    /// Copies bytes out, once.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let from = self.at(offset, into.len()).cast_const();
        for (index, byte) in into.iter_mut().enumerate() {
            // SAFETY: below `into.len()`, which `at` checked.
            let from = unsafe { from.add(index) };
            // SAFETY: a mapped byte; see the module's prologue for why a volatile read is right.
            *byte = unsafe { from.read_volatile() };
        }
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, from: &[u8]) {
        let into = self.at(offset, from.len());
        for (index, byte) in from.iter().enumerate() {
            // SAFETY: below `from.len()`, which `at` checked.
            let into = unsafe { into.add(index) };
            // SAFETY: a mapped, writable byte; see the module's prologue.
            unsafe { into.write_volatile(*byte) };
        }
    }

    /// A piece for the kernel.
    #[must_use]
    pub fn piece(&self, offset: usize, len: usize) -> Piece<'_> {
        Piece {
            base: self.at(offset, len),
            len,
            owner: PhantomData,
        }
    }
}

/// What was stored before is visible before anything is loaded after: the full barrier that
/// "publish, then look whether the peer sleeps" needs.
pub fn full_barrier() {
    fence(Ordering::SeqCst);
}
