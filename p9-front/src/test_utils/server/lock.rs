//! Locks of ranges of bytes, as `fcntl(2)` has them.

use alloc::vec::Vec;

use super::super::tree::Inode;
use crate::Errno;
use crate::wire::{Fid, Lock, LockKind, LockStatus};

/// One range that somebody has; `last` belongs to it.
#[derive(Clone, Debug)]
struct Held {
    inode: Inode,
    first: u64,
    last: u64,
    is_exclusive: bool,
    owner: (Vec<u8>, u32),
    fid: Fid,
}

/// All locks.
#[derive(Clone, Debug, Default)]
pub(super) struct Locks(Vec<Held>);

impl Locks {
    /// Takes, changes or gives back a range of the owner's.
    pub(super) fn set(
        &mut self,
        inode: Inode,
        fid: Fid,
        lock: &Lock<'_>,
    ) -> Result<LockStatus, Errno> {
        let first = lock.start;
        let last = match lock.len.checked_sub(1) {
            None => u64::MAX,
            Some(more) => first.checked_add(more).ok_or(Errno::EINVAL)?,
        };
        let owner = (lock.client.to_vec(), lock.process);
        let is_exclusive = lock.kind == LockKind::Write;
        let meets = |held: &Held| held.inode == inode && held.first <= last && held.last >= first;
        if lock.kind != LockKind::Unlock
            && self.0.iter().any(|held| {
                meets(held) && held.owner != owner && (is_exclusive || held.is_exclusive)
            })
        {
            return Ok(LockStatus::Blocked);
        }
        let (cut, mut left): (Vec<_>, Vec<_>) = self
            .0
            .drain(..)
            .partition(|held| meets(held) && held.owner == owner);
        for held in cut {
            if held.first < first {
                let last = first - 1;
                left.push(Held {
                    last,
                    ..held.clone()
                });
            }
            if held.last > last {
                let first = last + 1;
                left.push(Held { first, ..held });
            }
        }
        if lock.kind != LockKind::Unlock {
            left.push(Held {
                inode,
                first,
                last,
                is_exclusive,
                owner,
                fid,
            });
        }
        self.0 = left;
        Ok(LockStatus::Success)
    }

    /// Gives back what was locked through this number.
    pub(super) fn forget(&mut self, fid: Fid) {
        self.0.retain(|held| held.fid != fid);
    }

    /// Gives all back.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
