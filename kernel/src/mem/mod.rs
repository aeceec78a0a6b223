//! Memory: where everything lies, page frames, and the heap.
//!
//! ```text
//! 0xffff_8000_0000_0000  Xen's own, with the machine-to-physical table (read only)
//! 0xffff_8800_0000_0000  direct map: frame N of the domain at + N * 4096, never executable
//! 0xffff_c000_0000_0000  device map: pages that are no frames of ours (shared info, grant table)
//! 0xffff_ffff_8000_0000  the image, frame N at + N * 4096; text R-X, constants R--, data RW-
//! ```
//! The lower half stays empty for a later user personality.
//!
//! The direct map is built as memory is used: start of day maps what the domain builder
//! used and little more; when the [`buddy`] allocator runs dry, [`mmu`] maps the next
//! 2 MiB. So a domain of 4 GiB starts as fast as one of 8 MiB, and memory that is never
//! used costs nothing.
//!
//! A frame that is a page table may have no writable mapping (Xen checks); its place in the
//! direct map is read only, and all changes to tables go through hypercalls.

pub mod buddy;
#[cfg(guest)]
pub mod heap;
#[cfg(guest)]
pub(crate) mod mmu;
#[cfg(guest)]
mod pages;

#[cfg(guest)]
pub use heap::{HeapUse, heap_use};
#[cfg(guest)]
pub use pages::{Pages, free_pages, total_pages};
#[cfg(guest)]
pub(crate) use pages::{init, with_memory};

/// Bytes of a page and of a page frame.
pub const PAGE_SIZE: usize = 4096;
