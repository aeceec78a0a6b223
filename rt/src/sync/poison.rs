//! The errors in the signatures of locks, which never come.

use core::fmt;

/// A lock that a thread left behind by a panic. Never returned: a panic ends the domain.
pub struct PoisonError<T> {
    data: T,
}

/// What locks return: always `Ok`.
pub type LockResult<T> = Result<T, PoisonError<T>>;

/// What `try_lock` and its kin return.
pub type TryLockResult<T> = Result<T, TryLockError<T>>;

impl<T> PoisonError<T> {
    /// An error that holds `data`.
    pub fn new(data: T) -> PoisonError<T> {
        PoisonError { data }
    }

    /// The guard.
    pub fn into_inner(self) -> T {
        self.data
    }

    /// The guard.
    pub fn get_ref(&self) -> &T {
        &self.data
    }

    /// The guard.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

impl<T> fmt::Debug for PoisonError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoisonError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PoisonError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("poisoned lock: another task failed inside")
    }
}

impl<T> core::error::Error for PoisonError<T> {}

/// Why a lock could not be had at once.
pub enum TryLockError<T> {
    /// Never.
    Poisoned(PoisonError<T>),
    /// Somebody else has it.
    WouldBlock,
}

impl<T> From<PoisonError<T>> for TryLockError<T> {
    fn from(error: PoisonError<T>) -> TryLockError<T> {
        TryLockError::Poisoned(error)
    }
}

impl<T> fmt::Debug for TryLockError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Poisoned(_) => "Poisoned(..)",
            TryLockError::WouldBlock => "WouldBlock",
        })
    }
}

impl<T> fmt::Display for TryLockError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::Poisoned(error) => error.fmt(f),
            TryLockError::WouldBlock => {
                f.write_str("try_lock failed because the operation would block")
            }
        }
    }
}

impl<T> core::error::Error for TryLockError<T> {}
