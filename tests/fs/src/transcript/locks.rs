//! Locks of whole files, of several handles in one program.

use crate::log::{Log, step};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Error, Result};
use std::path::Path;
use std::prelude::v1::*;

/// Whether a lock was had at once.
fn tried(result: core::result::Result<(), TryLockError>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Error::new(error.kind(), error.to_string())),
    }
}

pub(super) fn check(log: &mut Log, dir: &Path) -> Result<()> {
    fs::write(dir.join("file"), "x")?;
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(dir.join("file"))
    };
    let (one, other) = (open()?, open()?);
    step!(log, one.lock());
    step!(log, tried(other.try_lock()));
    step!(log, tried(other.try_lock_shared()));
    step!(log, one.unlock());
    step!(log, tried(other.try_lock()));
    step!(log, tried(one.try_lock()));
    step!(log, other.unlock());
    step!(log, one.lock_shared());
    step!(log, tried(other.try_lock_shared()));
    step!(log, tried(other.try_lock()));
    step!(log, one.unlock());
    step!(log, tried(other.try_lock()));
    step!(log, one.unlock());
    step!(log, tried(one.try_lock()));
    drop(other);
    step!(log, tried(one.try_lock()));
    // A clone is the same open file, which the last of them unlocks.
    let clone = one.try_clone()?;
    let other = open()?;
    step!(log, tried(clone.try_lock()));
    drop(one);
    step!(log, tried(other.try_lock()));
    drop(clone);
    step!(log, tried(other.try_lock()));
    // For reading only is enough.
    let reader = File::open(dir.join("file"))?;
    step!(log, other.unlock());
    step!(log, tried(reader.try_lock()));
    step!(log, tried(other.try_lock_shared()));
    Ok(())
}
