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
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

pub use front::{LocalDomain, LocalPages};

use super::{Mapped, Pending, Platform};
use crate::abi::PAGE_BYTES;

mod front;

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
