//! Pages of another domain, mapped here because it granted them, by `/dev/xen/gntdev`.
//!
//! A mapping is made in two steps: the first accepts any numbers, the second (`mmap`) asks Xen
//! and fails if one grant is not valid. What a failed step left is undone here.
//!
//! The memory is the other domain's: it can change at any time, so no reference to it may ever
//! exist; a [`Mapping`] hands out an address, and who copies through it argues why that is right.
//! When the domain dies, the pages stay until they are unmapped.
//!
//! The kernel keeps the mappings of a file in a list that it walks for each call; who has
//! thousands spreads them with [`GrantDevices`].

use core::ffi::c_void;
use core::fmt;
use core::ptr::{self, NonNull};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags};

use crate::ioctls::{self, UNMAP_NOTIFY_CLEAR_BYTE, UNMAP_NOTIFY_SEND_EVENT, UnmapNotify};

/// The device.
pub const PATH: &str = "/dev/xen/gntdev";

/// Bytes of a page, and of a grant.
pub const PAGE_BYTES: usize = 4096;

/// The device, open.
#[derive(Debug)]
pub struct GrantDevice {
    /// Shared with the mappings, which outlive their maker.
    file: Arc<File>,
}

impl GrantDevice {
    /// Opens the device.
    ///
    /// # Errors
    /// As opening a file. `NotFound` on a machine that is not a Xen domain, or without the
    /// module `xen-gntdev`.
    pub fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(PATH)?;
        Ok(Self {
            file: Arc::new(file),
        })
    }

    /// Maps pages that a domain granted, in this order and without gaps, for reading and writing.
    ///
    /// # Errors
    /// `InvalidInput` (EINVAL) when a grant is not valid for this domain or only for reading,
    /// when there are none, or more than the kernel allows in one mapping (65,536, unless told
    /// otherwise). Nothing is left mapped then.
    pub fn map(&self, domain: u16, grants: &[u32]) -> io::Result<Mapping> {
        let index = ioctls::map_grants(self.file.as_fd(), domain, grants)?;
        // Undoes the first step when it is dropped.
        let mut mapping = Mapping {
            base: NonNull::dangling(),
            pages: 0,
            prepared: u32::try_from(grants.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
            index,
            file: Arc::clone(&self.file),
        };
        // SAFETY: no address is asked for, so that no memory in use is replaced.
        let base = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                grants.len() * PAGE_BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &self.file,
                index,
            )
        }?;
        mapping.base = NonNull::new(base.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        mapping.pages = grants.len();
        Ok(mapping)
    }

    /// Mappings made by this file that still exist.
    fn mappings(&self) -> usize {
        // Each mapping holds the file once; this does, too.
        Arc::strong_count(&self.file) - 1
    }
}

/// Pages of another domain, mapped until this is dropped.
///
/// Dropping unmaps them at once, except pages that the kernel itself uses at that moment (in a
/// system call of another thread): those follow when it is done.
pub struct Mapping {
    base: NonNull<u8>,
    /// Pages mapped at `base`; 0 until `mmap` succeeded.
    pages: usize,
    /// Grants of the first step.
    prepared: u32,
    /// Offset in the file, in bytes.
    index: u64,
    file: Arc<File>,
}

// SAFETY: an address range and a file descriptor belong to the process, not to a thread. Nothing
// here reads or writes the memory, so a shared reference gives nothing away, either.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// The first byte. Valid for reads and writes of `pages() * PAGE_BYTES` bytes while this
    /// lives; the other domain may write them at any time.
    #[must_use]
    pub const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Pages mapped.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.pages
    }

    /// What the kernel does when the mapping ends, be it dropped or be this process killed: set
    /// the byte at this offset to zero, and notify this port (bound by this process at the time
    /// of this call). Replaces what was said before.
    ///
    /// # Errors
    /// `InvalidInput` when the offset is outside or no such port is bound.
    pub fn notify_on_unmap(&self, clear_byte: Option<usize>, port: Option<u32>) -> io::Result<()> {
        let mut argument = UnmapNotify {
            index: self.index,
            action: 0,
            event_channel_port: 0,
        };
        if let Some(offset) = clear_byte {
            let offset = u64::try_from(offset)
                .ok()
                .filter(|_| offset < self.pages * PAGE_BYTES)
                .ok_or(io::ErrorKind::InvalidInput)?;
            argument.index += offset;
            argument.action |= UNMAP_NOTIFY_CLEAR_BYTE;
        }
        if let Some(port) = port {
            argument.event_channel_port = port;
            argument.action |= UNMAP_NOTIFY_SEND_EVENT;
        }
        // SAFETY: the byte is in this mapping, whose memory changes at any time as it is.
        unsafe { ioctls::unmap_notify(self.file.as_fd(), argument) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.pages > 0 {
            let base: *mut c_void = self.base.as_ptr().cast();
            // SAFETY: mapped by `GrantDevice::map` with this length and not unmapped since;
            // whoever used `base` promised to stop before this is dropped.
            if let Err(error) = unsafe { rustix::mm::munmap(base, self.pages * PAGE_BYTES) } {
                // The kernel runs out of map areas, at worst. The pages stay, the process goes on.
                tracing::error!(%error, pages = self.pages, "granted pages stay mapped");
                return;
            }
        }
        let (file, index) = (self.file.as_fd(), self.index);
        // SAFETY: the memory is unmapped, or never was mapped.
        if let Err(error) = unsafe { ioctls::unmap_grants(file, index, self.prepared) } {
            tracing::error!(%error, index, "a mapping of grants cannot be given back");
        }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("base", &self.base)
            .field("pages", &self.pages)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// The device, opened several times, so that no file has a long list of mappings.
///
/// All files are opened at the start: a daemon may be unable to later, when it has given up its
/// privileges.
#[derive(Debug)]
pub struct GrantDevices {
    devices: Vec<GrantDevice>,
}

impl GrantDevices {
    /// Opens the device so many times, at least once. 256 mappings per file are fine.
    ///
    /// # Errors
    /// As [`GrantDevice::open`].
    pub fn open(files: usize) -> io::Result<Self> {
        let devices = (0..files.max(1)).map(|_| GrantDevice::open());
        Ok(Self {
            devices: devices.collect::<io::Result<_>>()?,
        })
    }

    /// Maps pages by the file that has the fewest mappings now.
    ///
    /// # Errors
    /// As [`GrantDevice::map`].
    pub fn map(&self, domain: u16, grants: &[u32]) -> io::Result<Mapping> {
        let device = self.devices.iter().min_by_key(|device| device.mappings());
        device.ok_or(io::ErrorKind::NotFound)?.map(domain, grants)
    }

    /// Mappings that exist now, of all files.
    #[must_use]
    pub fn mappings(&self) -> usize {
        self.devices.iter().map(GrantDevice::mappings).sum()
    }
}
