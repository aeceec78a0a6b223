//! Page tables of a PV guest: the direct map, the device map, and the rights of the image.
//!
//! A PV guest writes its own page tables, with *machine* frame numbers in them, but may not
//! map a page table writable; Xen validates each table when it is hooked into the tree and
//! each later change. Frames are named by PFN (number in this domain) or MFN (number in the
//! machine); the domain builder's list `mfn_list` leads from one to the other, and Xen's
//! machine-to-physical table back.

use xen_sys as xen;

use super::PAGE_SIZE;
use super::buddy::Frame;
use crate::boot::image;
use crate::hypercall;

/// Where Xen's domain builder maps frame 0 at the start of day.
pub(crate) const VIRT_BASE: usize = 0xffff_ffff_8000_0000;
/// Where frame 0 of the domain is mapped from then on.
const DIRECT_MAP: usize = 0xffff_8800_0000_0000;
/// Where pages that are not this domain's frames are mapped: 512 of them.
const DEVICE_MAP: usize = 0xffff_c000_0000_0000;

const PRESENT: u64 = 1;
const WRITE: u64 = 1 << 1;
const USER: u64 = 1 << 2; // a 64-bit PV kernel runs in ring 3
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const NO_EXECUTE: u64 = 1 << 63;
const FRAME_MASK: u64 = 0x000f_ffff_ffff_f000;

const READ_EXECUTE: u64 = PRESENT | USER | ACCESSED;
const READ_ONLY: u64 = READ_EXECUTE | NO_EXECUTE;
const READ_WRITE: u64 = READ_ONLY | WRITE | DIRTY;
const TABLE: u64 = PRESENT | WRITE | USER | ACCESSED | DIRTY;

const ENTRIES: usize = 512;
/// Frames under one lowest-level table: the step in which the direct map grows (2 MiB).
const CHUNK: usize = ENTRIES;

/// The frame number of an image address.
fn image_pfn(address: usize) -> usize {
    (address - VIRT_BASE) / PAGE_SIZE
}

/// Address of frame `pfn` in the direct map.
pub(crate) fn direct(pfn: usize) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(DIRECT_MAP + pfn * PAGE_SIZE)
}

/// The frame number of a direct-map address.
pub(crate) fn direct_pfn(address: usize) -> usize {
    (address - DIRECT_MAP) / PAGE_SIZE
}

/// This domain's number for a machine frame. Meaningless for frames that are not ours.
pub(crate) fn pfn_of_mfn(mfn: u64) -> usize {
    let table: *const u64 = core::ptr::with_exposed_provenance(xen::MACH2PHYS_VIRT_START as usize);
    // SAFETY: Xen maps its machine-to-physical table read only into every PV guest, one
    // word per machine frame; `mfn` comes from Xen, the builder or our own page tables.
    // Volatile, for Xen changes the table.
    (unsafe { table.add(mfn as usize).read_volatile() }) as usize
}

/// What start of day knows of the domain's memory (from start_info).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Frames of the domain.
    pub nr_pages: usize,
    /// Image address of the builder's list of machine frame numbers.
    pub mfn_list: usize,
    /// Image address of the bootstrap page tables, top level first.
    pub pt_base: usize,
    /// How many frames those have.
    pub nr_pt_frames: usize,
}

/// The page tables of the domain from the end of [`Mmu::init`] on.
#[derive(Debug)]
pub(crate) struct Mmu {
    nr_pages: usize,
    /// Frames `0..mapped` are in the direct map; a multiple of [`CHUNK`] or `nr_pages`.
    mapped: usize,
    /// The list of machine frame numbers, in the direct map; one word per frame.
    p2m: *const u64,
    /// The direct map's third-level table; one covers 512 GiB.
    l3_pfn: usize,
}

// SAFETY: the pointer leads to memory that nobody writes after the domain builder.
unsafe impl Send for Mmu {}

/// What [`Mmu::init`] leaves for the page allocator.
pub(crate) struct Initial {
    pub mmu: Mmu,
    /// The allocator's array, one entry per frame of the domain.
    pub frames: &'static mut [Frame],
    /// Mapped runs of frames that nothing uses: `(first, count)`.
    pub free: [(usize, usize); 2],
}

impl Mmu {
    /// Builds the direct map of what is in use and the device map, gives the image its
    /// rights, and takes the builder's mapping of everything else away.
    ///
    /// # Safety
    /// Once, at the start of day, with `layout` from start_info and the builder's page
    /// tables in force. Pointers into the builder's mapping die, but for the image itself.
    pub(crate) unsafe fn init(layout: &Layout) -> Initial {
        let in_use_end = image_pfn(layout.pt_base) + layout.nr_pt_frames;
        let meta_frames = (layout.nr_pages * size_of::<Frame>()).div_ceil(PAGE_SIZE);
        let meta = in_use_end;
        let needed = meta + meta_frames;
        assert!(
            needed < layout.nr_pages,
            "no memory left: {} pages",
            layout.nr_pages
        );
        let chunks = needed.div_ceil(CHUNK);
        let mapped = (chunks * CHUNK).min(layout.nr_pages);
        let l2_count = chunks.div_ceil(ENTRIES);

        // The first MiB is free, mapped and zeroed by nobody in particular: tables go there.
        let image_start = image_pfn(image::start());
        let l3 = 0;
        let device = [1, 2, 3]; // third, second, first level
        let l2 = 4;
        let l1 = l2 + l2_count;
        let early_end = l1 + chunks;
        assert!(
            early_end <= image_start,
            "domain too large: early page tables do not fit"
        );

        let p2m_boot: *const u64 = core::ptr::with_exposed_provenance(layout.mfn_list);
        let builder = Builder {
            layout,
            p2m: p2m_boot,
            in_use_end,
            early_end,
        };
        for chunk in 0..chunks {
            builder.fill(l1 + chunk, |i| builder.direct_entry(chunk * CHUNK + i));
        }
        for table in 0..l2_count {
            builder.fill(l2 + table, |i| {
                let chunk = table * ENTRIES + i;
                if chunk < chunks {
                    builder.table_entry(l1 + chunk)
                } else {
                    0
                }
            });
        }
        builder.fill(l3, |i| {
            if i < l2_count {
                builder.table_entry(l2 + i)
            } else {
                0
            }
        });
        builder.fill(device[2], |_| 0);
        builder.fill(device[1], |i| {
            if i == 0 {
                builder.table_entry(device[2])
            } else {
                0
            }
        });
        builder.fill(device[0], |i| {
            if i == 0 {
                builder.table_entry(device[1])
            } else {
                0
            }
        });

        for pfn in 0..early_end {
            let entry = builder.entry(pfn, READ_ONLY);
            // SAFETY: the frames just filled; nothing is written to them from here on.
            unsafe { hypercall::update_va_mapping(VIRT_BASE + pfn * PAGE_SIZE, entry) }
                .expect("write-protect an early page table");
        }
        let l4_machine = builder.mfn(image_pfn(layout.pt_base)) << 12;
        let hook = |slot: usize, table| xen::mmu_update {
            ptr: l4_machine + (slot * 8) as u64,
            val: builder.table_entry(table),
        };
        // SAFETY: both slots were empty, so the new mappings take nothing away. The direct
        // map is a second way to every frame, but Rust objects are only reached through the
        // image mapping (image data) or the direct map (everything else), never both.
        unsafe {
            hypercall::mmu_update(&[
                hook(l4_slot(DIRECT_MAP), l3),
                hook(l4_slot(DEVICE_MAP), device[0]),
            ])
        }
        .expect("hook the direct map into the page tables");

        let p2m = direct(image_pfn(layout.mfn_list)).cast_const().cast();
        let mmu = Mmu {
            nr_pages: layout.nr_pages,
            mapped,
            p2m,
            l3_pfn: l3,
        };
        mmu.protect_image(layout);

        let frames = direct(meta).cast::<Frame>();
        // SAFETY: `meta_frames` frames from `meta` are mapped, unused by the builder, kept
        // from the allocator below, and filled here before the slice is made.
        let frames = unsafe {
            for i in 0..layout.nr_pages {
                frames.add(i).write(Frame::USED);
            }
            core::slice::from_raw_parts_mut(frames, layout.nr_pages)
        };
        let free = [
            (early_end, image_start - early_end),
            (needed, mapped - needed),
        ];
        Initial { mmu, frames, free }
    }

    /// Frames of the domain that the direct map does not show yet.
    pub(crate) fn unmapped(&self) -> usize {
        self.nr_pages - self.mapped
    }

    /// Adds the next 2 MiB to the direct map and returns them as `(first, count)`. Takes
    /// page tables from `spare`: one, and a second every GiB.
    pub(crate) fn grow(&mut self, mut spare: impl FnMut() -> usize) -> (usize, usize) {
        assert!(self.mapped < self.nr_pages, "the direct map is complete");
        let first = self.mapped;
        let chunk = first / CHUNK;
        let end = (first + CHUNK).min(self.nr_pages);

        let l3_slot = chunk / ENTRIES;
        if self.table_at(self.l3_pfn, l3_slot).is_none() {
            let l2 = spare();
            self.make_table(l2, |_| 0);
            self.hook(self.l3_pfn, l3_slot, l2);
        }
        let l2 = self.table_at(self.l3_pfn, l3_slot).expect("hooked above");
        let l1 = spare();
        self.make_table(l1, |i| {
            let pfn = first + i;
            if pfn < end {
                self.entry(pfn, READ_WRITE)
            } else {
                0
            }
        });
        self.hook(l2, chunk % ENTRIES, l1);
        self.mapped = end;
        (first, end - first)
    }

    /// Takes a frame out of the direct map (a guard page), or puts it back.
    ///
    /// # Safety
    /// The frame must be the caller's own, and unused while it is out.
    pub(crate) unsafe fn set_mapped(&self, pfn: usize, mapped: bool) {
        let entry = if mapped {
            self.entry(pfn, READ_WRITE)
        } else {
            0
        };
        // SAFETY: the caller owns the frame.
        unsafe { hypercall::update_va_mapping(direct(pfn).addr(), entry) }
            .expect("change the mapping of a frame of ours");
    }

    /// The machine frame number of frame `pfn`, as grants want it.
    pub(crate) fn mfn(&self, pfn: usize) -> u64 {
        assert!(pfn < self.nr_pages, "frame {pfn} is not of this domain");
        // SAFETY: the list has `nr_pages` entries and nobody writes it.
        unsafe { self.p2m.add(pfn).read() }
    }

    fn entry(&self, pfn: usize, rights: u64) -> u64 {
        (self.mfn(pfn) << 12) | rights
    }

    /// The frame of the table that entry `slot` of table `pfn` leads to.
    fn table_at(&self, pfn: usize, slot: usize) -> Option<usize> {
        let table = direct(pfn).cast_const().cast::<u64>();
        // SAFETY: page tables lie in the direct map, read only; Xen writes accessed bits.
        let entry = unsafe { table.add(slot).read_volatile() };
        (entry & PRESENT != 0).then(|| pfn_of_mfn((entry & FRAME_MASK) >> 12))
    }

    /// Fills a free frame with entries and write-protects it.
    fn make_table(&self, pfn: usize, entry: impl Fn(usize) -> u64) {
        let table = direct(pfn).cast::<u64>();
        for i in 0..ENTRIES {
            // SAFETY: the frame is mapped, free and ours; a page has ENTRIES words.
            unsafe { table.add(i).write(entry(i)) };
        }
        // SAFETY: as above; from here on the frame is only read.
        unsafe { hypercall::update_va_mapping(table.addr(), self.entry(pfn, READ_ONLY)) }
            .expect("write-protect a page table");
    }

    fn hook(&self, parent: usize, slot: usize, child: usize) {
        let update = xen::mmu_update {
            ptr: (self.mfn(parent) << 12) + (slot * 8) as u64,
            val: self.entry(child, TABLE),
        };
        // SAFETY: the slot was empty; what the child maps is the direct map's next part.
        unsafe { hypercall::mmu_update(&[update]) }.expect("hook a page table into the direct map");
    }

    /// W^X for the image, and nothing else left in the builder's mapping, which was
    /// writable, executable and a second way to frames that will become page tables.
    fn protect_image(&self, layout: &Layout) {
        let l4 = image_pfn(layout.pt_base);
        let l3 = self
            .table_at(l4, l4_slot(VIRT_BASE))
            .expect("the image is mapped");
        let l2 = self
            .table_at(l3, (VIRT_BASE >> 30) % ENTRIES)
            .expect("the image is mapped");
        let image = image_pfn(image::start())..image_pfn(image::end()).max(1);
        let mut updates = Updates::new();
        for slot in 0..ENTRIES {
            let Some(l1) = self.table_at(l2, slot) else {
                continue;
            };
            let first = slot * CHUNK;
            if first >= image.end || first + CHUNK <= image.start {
                updates.push((self.mfn(l2) << 12) + (slot * 8) as u64, 0);
                continue;
            }
            for i in 0..ENTRIES {
                let pfn = first + i;
                let rights = image::rights(VIRT_BASE + pfn * PAGE_SIZE);
                let entry = match rights {
                    _ if pfn >= self.nr_pages => 0,
                    None => 0,
                    Some(image::Rights::Execute) => self.entry(pfn, READ_EXECUTE),
                    Some(image::Rights::Read) => self.entry(pfn, READ_ONLY),
                    Some(image::Rights::Write) => self.entry(pfn, READ_WRITE),
                };
                updates.push((self.mfn(l1) << 12) + (i * 8) as u64, entry);
            }
        }
        updates.flush();
        hypercall::tlb_flush();
    }
}

/// Maps a machine page that is no frame of ours at slot `slot` of the device map.
///
/// # Safety
/// `mfn` must be a page that Xen lets this domain use, and the slot unused.
pub(crate) unsafe fn map_device(slot: usize, mfn: u64) -> *mut u8 {
    let page = device_address(slot);
    // SAFETY: the slot is unused, so no Rust object lies there.
    unsafe { hypercall::update_va_mapping(page.addr(), (mfn << 12) | READ_WRITE) }
        .expect("map a device page");
    page
}

/// Where slot `slot` of the device map lies.
pub(crate) fn device_address(slot: usize) -> *mut u8 {
    assert!(slot < ENTRIES, "the device map has {ENTRIES} pages");
    core::ptr::with_exposed_provenance_mut(DEVICE_MAP + slot * PAGE_SIZE)
}

fn l4_slot(va: usize) -> usize {
    (va >> 39) % ENTRIES
}

/// Fills tables through the builder's mapping, before the direct map exists.
struct Builder<'a> {
    layout: &'a Layout,
    p2m: *const u64,
    in_use_end: usize,
    early_end: usize,
}

impl Builder<'_> {
    fn mfn(&self, pfn: usize) -> u64 {
        // SAFETY: the builder's list has an entry for each of the domain's frames.
        unsafe { self.p2m.add(pfn).read() }
    }

    fn entry(&self, pfn: usize, rights: u64) -> u64 {
        (self.mfn(pfn) << 12) | rights
    }

    fn table_entry(&self, pfn: usize) -> u64 {
        self.entry(pfn, TABLE)
    }

    /// A frame in the direct map: page tables and what is constant in the image read only.
    fn direct_entry(&self, pfn: usize) -> u64 {
        if pfn >= self.layout.nr_pages {
            return 0;
        }
        let bootstrap = image_pfn(self.layout.pt_base);
        let is_table = pfn < self.early_end || (bootstrap..self.in_use_end).contains(&pfn);
        let rights = image::rights(VIRT_BASE + pfn * PAGE_SIZE);
        let constant = matches!(rights, Some(image::Rights::Execute | image::Rights::Read));
        self.entry(
            pfn,
            if is_table || constant {
                READ_ONLY
            } else {
                READ_WRITE
            },
        )
    }

    fn fill(&self, pfn: usize, entry: impl Fn(usize) -> u64) {
        let table: *mut u64 = core::ptr::with_exposed_provenance_mut(VIRT_BASE + pfn * PAGE_SIZE);
        for i in 0..ENTRIES {
            // SAFETY: an early frame below the image, mapped by the builder, used by nobody.
            unsafe { table.add(i).write(entry(i)) };
        }
    }
}

/// Collects page-table changes so that one hypercall makes many.
struct Updates {
    requests: [xen::mmu_update; 64],
    count: usize,
}

impl Updates {
    fn new() -> Self {
        Updates {
            requests: [xen::mmu_update { ptr: 0, val: 0 }; 64],
            count: 0,
        }
    }

    fn push(&mut self, ptr: u64, val: u64) {
        self.requests[self.count] = xen::mmu_update { ptr, val };
        self.count += 1;
        if self.count == self.requests.len() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.count > 0 {
            // SAFETY: only `protect_image` uses this: it lowers rights of image pages to
            // what the linker script says their contents need, and drops mappings of
            // frames that are reached through the direct map from then on.
            unsafe { hypercall::mmu_update(&self.requests[..self.count]) }
                .expect("set the rights of the image");
        }
        self.count = 0;
    }
}
