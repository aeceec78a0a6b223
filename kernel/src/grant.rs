//! The grant table: which pages of ours another domain may map.
//!
//! Version 1 entries of 8 bytes (xen/grant_table.h), 512 to a page; the table starts with
//! one page and grows page by page up to what the host allows. A page may only be reused
//! when the peer has unmapped it and can not map it again; [`revoke`] tells.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU16, Ordering};

use spin::Mutex;
use xen_sys as xen;

use crate::errno::Errno;
use crate::event::DomId;
use crate::hypercall;
use crate::mem::{PAGE_SIZE, mmu};

/// Number of an entry in the grant table; what a peer is told.
pub type GrantRef = u32;

/// The first entries belong to the toolstack: console and xenstore rings.
const RESERVED: u32 = xen::GNTTAB_NR_RESERVED_ENTRIES;
const PER_PAGE: u32 = (PAGE_SIZE / size_of::<xen::grant_entry_v1>()) as u32;
/// Pages of the table are mapped from here in the device map.
const FIRST_SLOT: usize = 1;
/// The device map's room for them; hosts allow 64 by default.
const MAX_PAGES: u32 = 256;

/// Why no grant was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantError {
    /// All entries are in use and the host allows no more.
    TableFull {
        /// Entries that the table has.
        entries: u32,
    },
    /// Xen refused to grow the table.
    Xen(Errno),
}

impl core::fmt::Display for GrantError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            GrantError::TableFull { entries } => {
                write!(
                    f,
                    "all {entries} grants are in use (max_grant_frames limits them)"
                )
            }
            GrantError::Xen(errno) => write!(f, "Xen does not grow the grant table: {errno}"),
        }
    }
}

impl core::error::Error for GrantError {}

/// The peer still maps the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillMapped;

struct Table {
    /// Pages of the table that are mapped.
    pages: u32,
    max_pages: u32,
    free: Vec<GrantRef>,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    pages: 0,
    max_pages: 0,
    free: Vec::new(),
});

/// Maps the table's first page.
pub(crate) fn init() {
    let (_, max) = hypercall::grant_query_size().expect("ask for the size of the grant table");
    let mut table = TABLE.lock();
    table.max_pages = max.min(MAX_PAGES);
    table.grow().expect("the grant table has at least one page");
}

impl Table {
    fn entries(&self) -> u32 {
        self.pages * PER_PAGE
    }

    fn grow(&mut self) -> Result<(), GrantError> {
        if self.pages == self.max_pages {
            return Err(GrantError::TableFull {
                entries: self.entries(),
            });
        }
        let count = self.pages + 1;
        let mut frames = alloc::vec![0; count as usize];
        hypercall::grant_setup_table(&mut frames).map_err(GrantError::Xen)?;
        let slot = FIRST_SLOT + self.pages as usize;
        // SAFETY: Xen just gave us this page of the table; each page has its own slot.
        unsafe { mmu::map_device(slot, frames[self.pages as usize]) };
        let first = self.entries().max(RESERVED);
        self.pages = count;
        // Lowest numbers on top of the stack: they are handed out first.
        self.free.extend((first..self.entries()).rev());
        Ok(())
    }
}

fn entry(reference: GrantRef) -> *mut xen::grant_entry_v1 {
    let page = FIRST_SLOT + (reference / PER_PAGE) as usize;
    mmu::device_address(page)
        .cast::<xen::grant_entry_v1>()
        .wrapping_add((reference % PER_PAGE) as usize)
}

/// The entry's flags: written by both sides.
fn flags(reference: GrantRef) -> &'static AtomicU16 {
    // SAFETY: callers pass references below `entries()`, whose pages are mapped for good;
    // the field is aligned and both sides access it atomically.
    unsafe { AtomicU16::from_ptr(&raw mut (*entry(reference)).flags) }
}

/// Lets domain `peer` map the page with machine frame number `mfn`.
pub fn share(peer: DomId, mfn: u64, writable: bool) -> Result<GrantRef, GrantError> {
    let frame = u32::try_from(mfn).expect("version 1 grants name frames below 16 TiB");
    let reference = {
        let mut table = TABLE.lock();
        if table.free.is_empty() {
            table.grow()?;
        }
        table.free.pop().expect("the table just grew")
    };
    let entry = entry(reference);
    // SAFETY: the entry is free, so Xen does not look at it; mapped as for `flags`.
    unsafe { (&raw mut (*entry).domid).write_volatile(peer) };
    // SAFETY: as above.
    unsafe { (&raw mut (*entry).frame).write_volatile(frame) };
    let access = if writable { 0 } else { xen::GTF_readonly };
    // The flags make the entry valid: after the other fields.
    flags(reference).store(xen::GTF_permit_access | access, Ordering::SeqCst);
    Ok(reference)
}

/// Ends the peer's right to map the page. While it does map it nothing changes: keep the
/// page and ask again later. A grant that was revoked before stays so.
///
/// Revoking and [`free`]ing are two steps so that a run of pages can be taken back whole:
/// revoke each, and free only when none is mapped any more.
pub fn revoke(reference: GrantRef) -> Result<(), StillMapped> {
    let flags = flags(reference);
    let mut seen = flags.load(Ordering::SeqCst);
    loop {
        if seen & (xen::GTF_reading | xen::GTF_writing) != 0 {
            return Err(StillMapped);
        }
        // Xen sets the bits above with the same kind of instruction: either it or we win.
        match flags.compare_exchange(seen, 0, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => return Ok(()),
            Err(now) => seen = now,
        }
    }
}

/// Gives the number of a revoked grant back.
///
/// # Panics
/// When the grant was not revoked: the peer could map whatever page gets the number next.
pub fn free(reference: GrantRef) {
    let revoked = flags(reference).load(Ordering::SeqCst) == 0;
    assert!(
        revoked,
        "grant {reference} is freed while a peer may use it"
    );
    TABLE.lock().free.push(reference);
}

/// Grants in use: of the table as it is now.
pub fn in_use() -> u32 {
    let table = TABLE.lock();
    table.entries() - RESERVED.min(table.entries()) - u32::try_from(table.free.len()).unwrap_or(0)
}
