//! A hypervisor without one: grants are pages of memory files, event channels are eventfds.
//!
//! Frontend and backend meet in one process, over the same code that runs on Xen: the test bed of
//! both, and what the fuzz target drives. [`LocalHost`] is the machine, [`LocalDomain`] what a
//! frontend does in it, [`LocalPlatform`] the backend's side. What a real hypervisor refuses is
//! refused here: grants that do not exist, ports that nobody opened, pages taken back while they
//! are mapped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use super::{Mapped, Pending, Platform};
use crate::abi::PAGE_BYTES;

/// A machine with domains and backends.
#[derive(Clone, Default)]
pub struct LocalHost(Arc<Mutex<State>>);

impl fmt::Debug for LocalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("LocalHost")
            .field("grants", &state.grants.len())
            .field("channels", &state.channels.len())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    next: u32,
    grants: BTreeMap<(u16, u32), Grant>,
    /// By the frontend's port.
    channels: BTreeMap<(u16, u32), Channel>,
    /// Which channel ends at a backend's port.
    bound: BTreeMap<u32, (u16, u32)>,
    fronts: BTreeMap<u16, Side>,
    backs: Vec<Side>,
}

/// A granted page.
struct Grant {
    file: Arc<OwnedFd>,
    page: u64,
    mapped: u32,
}

/// An event channel: who holds its other end, if anybody.
struct Channel {
    /// Which backend, and its port.
    back: Option<(usize, u32)>,
}

/// Who is told of events, and which.
struct Side {
    wake: Arc<OwnedFd>,
    pending: VecDeque<u32>,
    /// Those that stand in `pending`.
    waiting: BTreeSet<u32>,
    /// Told and not unmasked yet; with `true`, raised again meanwhile.
    masked: BTreeMap<u32, bool>,
}

impl Side {
    fn new() -> io::Result<Self> {
        Ok(Self {
            wake: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?),
            pending: VecDeque::new(),
            waiting: BTreeSet::new(),
            masked: BTreeMap::new(),
        })
    }

    fn raise(&mut self, port: u32) {
        if let Some(again) = self.masked.get_mut(&port) {
            *again = true;
        } else if self.waiting.insert(port) {
            self.pending.push_back(port);
            // It cannot overflow: it is read before it is written 2^64 times.
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
    }

    fn forget(&mut self, port: u32) {
        if self.waiting.remove(&port) {
            self.pending.retain(|&one| one != port);
        }
        self.masked.remove(&port);
    }

    fn take(&mut self) -> Vec<u32> {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        self.waiting.clear();
        self.pending.drain(..).collect()
    }
}

impl State {
    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Raises the frontend's end.
    fn raise_front(&mut self, domain: u16, port: u32) {
        if self.channels.contains_key(&(domain, port))
            && let Some(front) = self.fronts.get_mut(&domain)
        {
            front.raise(port);
        }
    }
}

impl LocalHost {
    /// A machine with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A domain; each number once.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn domain(&self, id: u16) -> io::Result<LocalDomain> {
        let side = Side::new()?;
        let wake = Arc::clone(&side.wake);
        self.state().fronts.insert(id, side);
        Ok(LocalDomain {
            host: self.clone(),
            id,
            wake,
        })
    }

    /// The backend's side, for one worker.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn platform(&self) -> io::Result<LocalPlatform> {
        let side = Side::new()?;
        let wake = Arc::clone(&side.wake);
        let mut state = self.state();
        state.backs.push(side);
        Ok(LocalPlatform {
            host: self.clone(),
            index: state.backs.len() - 1,
            wake,
            ports: BTreeSet::new(),
        })
    }

    /// Grants that are mapped now, and ports that are bound: nothing, when all has been closed.
    #[must_use]
    pub fn in_use(&self) -> (usize, usize) {
        let state = self.state();
        (
            state.grants.values().filter(|one| one.mapped > 0).count(),
            state
                .channels
                .values()
                .filter(|one| one.back.is_some())
                .count(),
        )
    }
}

/// What a frontend's domain can do.
#[derive(Debug)]
pub struct LocalDomain {
    host: LocalHost,
    id: u16,
    wake: Arc<OwnedFd>,
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

/// The backend's side.
#[derive(Debug)]
pub struct LocalPlatform {
    host: LocalHost,
    index: usize,
    wake: Arc<OwnedFd>,
    ports: BTreeSet<u32>,
}

/// Pages of a frontend, mapped by the backend.
#[derive(Debug)]
pub struct LocalMapping {
    host: LocalHost,
    base: NonNull<u8>,
    keys: Vec<(u16, u32)>,
    /// Set the byte at this offset to zero, and raise this port, at the end.
    at_end: Mutex<Option<(usize, u16, u32)>>,
}

// SAFETY: as for `LocalPages`.
unsafe impl Send for LocalMapping {}

// SAFETY: the range is mapped by `LocalPlatform::map`, at a fixed address, until the drop.
unsafe impl Mapped for LocalMapping {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn pages(&self) -> usize {
        self.keys.len()
    }

    fn notify_on_unmap(&self, offset: usize, port: u32) -> io::Result<()> {
        if offset >= self.keys.len() * PAGE_BYTES {
            return Err(ErrorKind::InvalidInput.into());
        }
        let state = self.host.state();
        let front = state.bound.get(&port);
        let &(domain, front) = front.ok_or(ErrorKind::InvalidInput)?;
        *self.at_end.lock().unwrap_or_else(PoisonError::into_inner) = Some((offset, domain, front));
        Ok(())
    }
}

impl Drop for LocalMapping {
    fn drop(&mut self) {
        let at_end = self
            .at_end
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((offset, ..)) = *at_end {
            // SAFETY: within the mapping: checked when it was set.
            let byte = unsafe { self.base.as_ptr().add(offset) };
            // SAFETY: still mapped; a volatile store, since a frontend may look at it.
            unsafe { byte.write_volatile(0) };
        }
        // SAFETY: mapped by `LocalPlatform::map` with this length, and unmapped only here.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.keys.len() * PAGE_BYTES) };
        debug_assert!(unmapped.is_ok());
        let mut state = self.host.state();
        for key in &self.keys {
            if let Some(grant) = state.grants.get_mut(key) {
                grant.mapped -= 1;
            }
        }
        if let Some((_, domain, port)) = *at_end {
            state.raise_front(domain, port);
        }
    }
}

impl Platform for LocalPlatform {
    type Mapping = LocalMapping;

    fn map(&mut self, domain: u16, refs: &[u32]) -> io::Result<LocalMapping> {
        if refs.is_empty() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let mut state = self.host.state();
        let keys: Vec<_> = refs.iter().map(|&one| (domain, one)).collect();
        let known = |key: &(u16, u32)| state.grants.contains_key(key);
        if !keys.iter().all(known) {
            return Err(ErrorKind::InvalidInput.into());
        }
        // SAFETY: no address is asked for. Reserves the range that the pages go into.
        let range = unsafe {
            mmap_anonymous(
                null_mut(),
                refs.len() * PAGE_BYTES,
                ProtFlags::empty(),
                MapFlags::PRIVATE,
            )
        }?;
        let base = NonNull::new(range.cast()).ok_or(ErrorKind::AddrNotAvailable)?;
        // From here on its drop gives everything back.
        let mut mapping = LocalMapping {
            host: self.host.clone(),
            base,
            keys: Vec::new(),
            at_end: Mutex::new(None),
        };
        let result = keys.iter().enumerate().try_for_each(|(index, key)| {
            let grant = &state.grants[key];
            // SAFETY: within the range reserved above.
            let at = unsafe { base.as_ptr().add(index * PAGE_BYTES) };
            // SAFETY: replaces a page of the range reserved above, which nobody uses yet.
            unsafe {
                mmap(
                    at.cast(),
                    PAGE_BYTES,
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::SHARED | MapFlags::FIXED,
                    &*grant.file,
                    grant.page * PAGE_BYTES as u64,
                )
            }
            .map(drop)
        });
        for key in &keys {
            if let Some(grant) = state.grants.get_mut(key) {
                grant.mapped += 1;
            }
        }
        drop(state);
        mapping.keys = keys;
        result?;
        Ok(mapping)
    }

    fn bind(&mut self, domain: u16, port: u32) -> io::Result<u32> {
        let mut state = self.host.state();
        let back = state.fresh();
        let channel = state.channels.get_mut(&(domain, port));
        let channel = channel.filter(|channel| channel.back.is_none());
        let channel = channel.ok_or(ErrorKind::InvalidInput)?;
        channel.back = Some((self.index, back));
        state.bound.insert(back, (domain, port));
        state.backs[self.index].raise(back);
        self.ports.insert(back);
        Ok(back)
    }

    fn unbind(&mut self, port: u32) {
        let mut state = self.host.state();
        if !self.ports.remove(&port) {
            return;
        }
        if let Some(front) = state.bound.remove(&port)
            && let Some(channel) = state.channels.get_mut(&front)
        {
            channel.back = None;
        }
        state.backs[self.index].forget(port);
    }

    fn notify(&mut self, port: u32) {
        let mut state = self.host.state();
        if self.ports.contains(&port)
            && let Some(&(domain, front)) = state.bound.get(&port)
        {
            state.raise_front(domain, front);
        }
    }

    fn events(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    fn pending(&mut self, ports: &mut Vec<u32>) -> io::Result<Pending> {
        let mut state = self.host.state();
        let side = &mut state.backs[self.index];
        for port in side.take() {
            side.masked.insert(port, false);
            ports.push(port);
        }
        Ok(Pending::Taken)
    }

    fn unmask(&mut self, ports: &[u32]) {
        let mut state = self.host.state();
        let side = &mut state.backs[self.index];
        for &port in ports {
            if side.masked.remove(&port) == Some(true) {
                side.raise(port);
            }
        }
    }
}

impl Drop for LocalPlatform {
    fn drop(&mut self) {
        for port in self.ports.clone() {
            self.unbind(port);
        }
    }
}
