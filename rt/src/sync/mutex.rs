//! [`Mutex`].

use core::fmt;
use core::ops::{Deref, DerefMut};

use super::wait::{Gate, Held};
use super::{LockResult, TryLockError, TryLockResult};

/// Lets one thread at a time have a value. Threads have it in the order in which they ask.
///
/// A thread that locks it twice waits for ever, as in std it may.
pub struct Mutex<T: ?Sized> {
    gate: Gate,
    /// Never contended: whoever passed the gate is alone. It is here because it is sound
    /// whatever this file does.
    value: spin::Mutex<T>,
}

impl<T> Mutex<T> {
    /// With that value.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            gate: Gate::new(),
            value: spin::Mutex::new(value),
        }
    }

    /// The value.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.value.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the value can be had.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        Ok(self.guard(self.gate.enter()))
    }

    /// The value if nobody else has it.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let held = self.gate.try_enter().ok_or(TryLockError::WouldBlock)?;
        Ok(self.guard(held))
    }

    fn guard<'a>(&'a self, held: Held<'a>) -> MutexGuard<'a, T> {
        let value = self.value.try_lock();
        MutexGuard {
            value: value.expect("whoever passed the gate is alone"),
            mutex: self,
            _held: held,
        }
    }

    /// False: nothing is ever poisoned.
    pub fn is_poisoned(&self) -> bool {
        false
    }

    /// Nothing to do: nothing is ever poisoned.
    pub fn clear_poison(&self) {}

    /// The value, which nobody else can have.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.value.get_mut())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(value) => text.field("data", &&*value),
            Err(_) => text.field("data", &format_args!("<locked>")),
        };
        text.finish_non_exhaustive()
    }
}

/// The value of a [`Mutex`], for as long as this lives.
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized> {
    // Given back in this order: the value, then the gate.
    value: spin::MutexGuard<'a, T>,
    _held: Held<'a>,
    mutex: &'a Mutex<T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// What it is the guard of: a condition variable gives it up and locks it again.
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
