//! Locks of whole files, as std's: who holds one keeps out those that ask for one, nobody else.
//!
//! Between the open files of this guest they are kept here, since the protocol knows locks of
//! processes and the guest is one. The server is asked as well; QEMU's grants every lock, so against
//! others than this guest they only help where the server cares.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use p9_front::client::Range;
use p9_front::wire::LockKind;

use super::File;
use super::volumes::{pause, wait};
use crate::io::{Error, Result};
use crate::sync::{Condvar, Mutex, PoisonError};

/// Who we are to the server.
const MACHINE: &[u8] = b"callisto";
/// How long it is waited before the server is asked again; doubled up to a second.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Which file: the volume's tag, and the server's number.
type Key = (String, u64);

/// The locks of this guest: the file, who holds it, and whether he alone.
static LOCKS: Mutex<Vec<(Key, u32, bool)>> = Mutex::new(Vec::new());
/// Told when a lock is given back.
static FREED: Condvar = Condvar::new();
static NEXT_OWNER: AtomicU32 = AtomicU32::new(1);

/// Why [`File::try_lock`] has no lock.
pub enum TryLockError {
    /// The server failed.
    Error(Error),
    /// Somebody else has a lock.
    WouldBlock,
}

impl fmt::Debug for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::Error(error) => error.fmt(f),
            TryLockError::WouldBlock => f.write_str("WouldBlock"),
        }
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Error(_) => "lock acquisition failed due to I/O error",
            TryLockError::WouldBlock => "lock acquisition failed because the operation would block",
        })
    }
}

impl core::error::Error for TryLockError {}

impl From<TryLockError> for Error {
    fn from(error: TryLockError) -> Error {
        match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => crate::io::ErrorKind::WouldBlock.into(),
        }
    }
}

/// The lock that an open file has, or has not.
#[derive(Debug)]
pub(super) struct Held {
    key: Key,
    owner: u32,
}

impl Held {
    pub(super) fn new(tag: &str, file: u64) -> Held {
        let owner = NEXT_OWNER.fetch_add(1, Ordering::Relaxed);
        let key = (tag.into(), file);
        Held { key, owner }
    }

    /// Takes or changes the lock, if nobody is in the way.
    fn take(&self, locks: &mut Vec<(Key, u32, bool)>, exclusive: bool) -> bool {
        let taken = locks.iter().any(|(key, owner, alone)| {
            *key == self.key && *owner != self.owner && (exclusive || *alone)
        });
        if !taken {
            locks.retain(|(_, owner, _)| *owner != self.owner);
            locks.push((self.key.clone(), self.owner, exclusive));
        }
        !taken
    }

    /// Gives the lock back; whether there was one.
    fn free(&self) -> bool {
        let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
        let before = locks.len();
        locks.retain(|(_, owner, _)| *owner != self.owner);
        let freed = locks.len() < before;
        drop(locks);
        if freed {
            FREED.notify_all();
        }
        freed
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.free();
    }
}

impl File {
    /// Waits for the lock that nobody else has at the same time.
    ///
    /// # Errors
    /// What the file server says.
    pub fn lock(&self) -> Result<()> {
        self.wait_lock(true)
    }

    /// Waits for a lock that others may share.
    ///
    /// # Errors
    /// What the file server says.
    pub fn lock_shared(&self) -> Result<()> {
        self.wait_lock(false)
    }

    /// Takes the lock that nobody else has at the same time.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if somebody has it, and what the file server says.
    pub fn try_lock(&self) -> core::result::Result<(), TryLockError> {
        self.take_lock(true)
    }

    /// Takes a lock that others may share.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if somebody has one alone, and what the file server says.
    pub fn try_lock_shared(&self) -> core::result::Result<(), TryLockError> {
        self.take_lock(false)
    }

    /// Gives the lock back; without one it does nothing.
    ///
    /// # Errors
    /// What the file server says.
    pub fn unlock(&self) -> Result<()> {
        let (held, remote) = self.held();
        if held.free() {
            let all = Range::ALL;
            wait(remote.try_lock(LockKind::Unlock, all, held.owner, MACHINE, false))?;
        }
        Ok(())
    }

    fn wait_lock(&self, exclusive: bool) -> Result<()> {
        let mut patience = FIRST_PAUSE;
        loop {
            let (held, _) = self.held();
            let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
            while !held.take(&mut locks, exclusive) {
                locks = FREED.wait(locks).unwrap_or_else(PoisonError::into_inner);
            }
            drop(locks);
            if self.ask_server(exclusive, true)? {
                return Ok(());
            }
            pause(patience);
            patience = (patience * 2).min(LONGEST_PAUSE);
        }
    }

    fn take_lock(&self, exclusive: bool) -> core::result::Result<(), TryLockError> {
        let (held, _) = self.held();
        let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = held.take(&mut locks, exclusive);
        drop(locks);
        if taken
            && self
                .ask_server(exclusive, false)
                .map_err(TryLockError::Error)?
        {
            return Ok(());
        }
        Err(TryLockError::WouldBlock)
    }

    /// Takes the lock at the server; if that does not give it, nobody has it.
    fn ask_server(&self, exclusive: bool, waits: bool) -> Result<bool> {
        let (held, remote) = self.held();
        let kind = if exclusive {
            LockKind::Write
        } else {
            LockKind::Read
        };
        let asked = wait(remote.try_lock(kind, Range::ALL, held.owner, MACHINE, waits));
        if !matches!(asked, Ok(true)) {
            held.free();
        }
        Ok(asked?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_or_several() {
        let held = |file| Held::new("T", file);
        let (a, b, other) = (held(1), held(1), held(2));
        let mut locks = Vec::new();
        assert!(a.take(&mut locks, true));
        assert!(!b.take(&mut locks, false));
        assert!(other.take(&mut locks, true));
        assert!(a.take(&mut locks, false), "one's own is changed");
        assert!(b.take(&mut locks, false));
        assert!(!a.take(&mut locks, true), "another shares it");
        assert_eq!(locks.len(), 3);
    }
}
