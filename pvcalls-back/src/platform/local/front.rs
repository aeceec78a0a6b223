//! The frontend's side: pages it grants, ports it opens.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::{Channel, Grant, LocalHost, Side};
use crate::abi::PAGE_BYTES;
use crate::platform::Mapped;

/// What a frontend's domain can do.
#[derive(Debug)]
pub struct LocalDomain {
    pub(super) host: LocalHost,
    pub(super) id: u16,
    pub(super) wake: Arc<OwnedFd>,
}

impl LocalDomain {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Makes pages, zeroed, and grants each of them.
    ///
    /// # Errors
    /// When the process runs out of memory or file descriptors.
    pub fn share(&self, pages: usize) -> io::Result<LocalPages> {
        let file = rustix::fs::memfd_create("granted", MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, (pages * PAGE_BYTES) as u64)?;
        // SAFETY: no address is asked for, so that no memory in use is replaced.
        let base = unsafe {
            mmap(
                null_mut(),
                pages * PAGE_BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )
        }?;
        let base = NonNull::new(base.cast()).ok_or(ErrorKind::AddrNotAvailable)?;
        let file = Arc::new(file);
        let mut state = self.host.state();
        let mut refs = Vec::new();
        for page in 0..pages as u64 {
            let reference = state.fresh();
            let file = Arc::clone(&file);
            let mapped = 0;
            state
                .grants
                .insert((self.id, reference), Grant { file, page, mapped });
            refs.push(reference);
        }
        Ok(LocalPages { base, refs })
    }

    /// Takes pages back; not while one of them is mapped.
    ///
    /// # Errors
    /// The pages, if one is mapped.
    pub fn revoke(&self, pages: LocalPages) -> Result<(), LocalPages> {
        let mut state = self.host.state();
        let key = |&reference: &u32| (self.id, reference);
        let mapped = |one: &u32| {
            state
                .grants
                .get(&key(one))
                .is_some_and(|one| one.mapped > 0)
        };
        if pages.refs.iter().any(mapped) {
            return Err(pages);
        }
        for one in &pages.refs {
            state.grants.remove(&key(one));
        }
        Ok(())
    }

    /// Opens a port for a backend to bind.
    #[must_use]
    pub fn open_port(&self) -> u32 {
        let mut state = self.host.state();
        let port = state.fresh();
        state
            .channels
            .insert((self.id, port), Channel { back: None });
        port
    }

    /// Closes a port.
    pub fn close_port(&self, port: u32) {
        let mut state = self.host.state();
        state.channels.remove(&(self.id, port));
        if let Some(front) = state.fronts.get_mut(&self.id) {
            front.forget(port);
        }
    }

    /// Raises the backend's end of a port.
    pub fn notify(&self, port: u32) {
        let mut state = self.host.state();
        let channel = state.channels.get(&(self.id, port));
        if let Some((back, port)) = channel.and_then(|channel| channel.back) {
            state.backs[back].raise(port);
        }
    }

    /// Ports raised by the backend since.
    #[must_use]
    pub fn take_events(&self) -> Vec<u32> {
        let mut state = self.host.state();
        state
            .fronts
            .get_mut(&self.id)
            .map_or_else(Vec::new, Side::take)
    }
}

impl AsFd for LocalDomain {
    /// Readable when a port was raised.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

/// Pages of a frontend.
#[derive(Debug)]
pub struct LocalPages {
    base: NonNull<u8>,
    refs: Vec<u32>,
}

// SAFETY: an address range belongs to the process, not to a thread; nothing here touches it.
unsafe impl Send for LocalPages {}

impl LocalPages {
    /// The first byte; readable and writable until the value is dropped, and by the backend, too.
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The grants, one per page.
    #[must_use]
    pub fn refs(&self) -> &[u32] {
        &self.refs
    }
}

// SAFETY: the range is mapped by `LocalDomain::share`, at a fixed address, until the drop.
unsafe impl Mapped for LocalPages {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn pages(&self) -> usize {
        self.refs.len()
    }

    fn notify_on_unmap(&self, _offset: usize, _port: u32) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}

impl Drop for LocalPages {
    fn drop(&mut self) {
        // SAFETY: mapped by `share` with this length, and unmapped only here.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.refs.len() * PAGE_BYTES) };
        debug_assert!(unmapped.is_ok());
    }
}
