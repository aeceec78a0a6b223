//! What all users of one volume share, and an identifier that is given back when it is dropped.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::{Connection, Limits};
use crate::Error;
use crate::wire::{Fid, IO_HEADER_LEN, Qid};

/// Counters of writes; files share them by a hash of their identity.
const WRITE_COUNTERS: usize = 64;

/// One attached volume.
#[derive(Debug)]
pub(super) struct Shared<C: Connection> {
    pub(super) connection: C,
    /// The root; belongs to this structure.
    pub(super) root: Fid,
    pub(super) root_qid: Qid,
    pub(super) gid: u32,
    pub(super) limits: Limits,
    /// How often files were written to. What was read ahead of a write is out of date after it,
    /// through whichever handle it went.
    writes: [AtomicU32; WRITE_COUNTERS],
    /// Bytes that are read ahead, by all.
    ahead: AtomicUsize,
}

impl<C: Connection> Shared<C> {
    pub(super) fn new(connection: C, root: Fid, root_qid: Qid, gid: u32, limits: Limits) -> Self {
        Self {
            connection,
            root,
            root_qid,
            gid,
            limits,
            writes: [const { AtomicU32::new(0) }; WRITE_COUNTERS],
            ahead: AtomicUsize::new(0),
        }
    }

    /// The counter of writes to the file `qid`, and to others.
    fn counter(&self, qid: Qid) -> &AtomicU32 {
        let hash = (qid.path ^ (qid.path >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        let index = usize::try_from(hash).unwrap_or(0) % WRITE_COUNTERS;
        &self.writes[index]
    }

    /// How often the file was written to, and others, modulo 2^32.
    pub(super) fn writes(&self, qid: Qid) -> u32 {
        self.counter(qid).load(Ordering::Relaxed)
    }

    /// Says that the file is written to. What was read before this is dropped is out of date then,
    /// however the write ended.
    pub(super) fn writing(&self, qid: Qid) -> Writing<'_> {
        Writing(self.counter(qid))
    }

    /// Room for so many bytes that are read ahead, if there is.
    pub(super) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reserved<C>> {
        let most = self.limits.ahead_together;
        self.ahead
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                taken.checked_add(bytes).filter(|&sum| sum <= most)
            })
            .ok()?;
        let shared = self.clone();
        Some(Reserved { shared, bytes })
    }

    /// The largest read or write that one message holds, bytes.
    pub(super) fn max_count(&self) -> u32 {
        self.connection.msize().saturating_sub(IO_HEADER_LEN).max(1)
    }
}

impl<C: Connection> Drop for Shared<C> {
    fn drop(&mut self) {
        self.connection.forget(self.root);
    }
}

/// Room for bytes that are read ahead; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Reserved<C: Connection> {
    shared: Arc<Shared<C>>,
    bytes: usize,
}

impl<C: Connection> Drop for Reserved<C> {
    fn drop(&mut self) {
        self.shared.ahead.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A write that is under way.
#[derive(Debug)]
pub(super) struct Writing<'s>(&'s AtomicU32);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// An identifier; given back when it is dropped, unless it is the volume's root.
#[derive(Debug)]
pub(super) struct FidGuard<C: Connection> {
    shared: Arc<Shared<C>>,
    fid: Fid,
    is_root: bool,
}

impl<C: Connection> FidGuard<C> {
    /// A new one, which means nothing to the server yet.
    pub(super) fn new(shared: &Arc<Shared<C>>) -> Result<Self, Error> {
        let fid = shared.connection.new_fid()?;
        Ok(Self {
            shared: shared.clone(),
            fid,
            is_root: false,
        })
    }

    /// The volume's root.
    pub(super) fn root(shared: &Arc<Shared<C>>) -> Self {
        Self {
            shared: shared.clone(),
            fid: shared.root,
            is_root: true,
        }
    }

    pub(super) fn fid(&self) -> Fid {
        self.fid
    }

    /// Whether it is shared with all others, so that it must not be opened.
    pub(super) fn is_root(&self) -> bool {
        self.is_root
    }

    pub(super) fn shared(&self) -> &Arc<Shared<C>> {
        &self.shared
    }
}

impl<C: Connection> Drop for FidGuard<C> {
    fn drop(&mut self) {
        if !self.is_root {
            self.shared.connection.forget(self.fid);
        }
    }
}
