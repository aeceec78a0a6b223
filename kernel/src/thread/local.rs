//! Values of which every thread has its own: what `thread_local!` declares.
//!
//! A value lies in a box that the thread's own table points to. It is made by the first access
//! and dropped when its thread ends, by that thread; the main thread's are never dropped, for the
//! domain ends with it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::ptr::NonNull;

use spin::Mutex;

/// A key to a value of which every thread has its own. Made by `thread_local!`.
pub struct LocalKey<T: 'static> {
    /// Makes a thread's value.
    init: fn() -> T,
}

/// The values of one thread.
pub(super) struct Locals(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// By the key's address: keys are statics.
    slots: BTreeMap<usize, Slot>,
    /// Whether the thread is over and makes no new ones.
    ended: bool,
}

enum Slot {
    /// A box that was given up, and how to drop it.
    Value(NonNull<()>, unsafe fn(NonNull<()>)),
    /// It was dropped, or is being dropped: the thread ends.
    Gone,
}

// SAFETY: the table can be reached from other threads, since it belongs to the thread's handle, but
// what the pointers point to is only touched by the thread itself: `LocalKey::try_with` and
// `Locals::destroy` work on the table of the current thread and on no other.
unsafe impl Send for Slot {}

/// Drops a value.
///
/// # Safety
/// `value` must come from a `Box<T>` that was given up, and not be used any more.
unsafe fn drop_box<T>(value: NonNull<()>) {
    // SAFETY: passed on.
    drop(unsafe { Box::from_raw(value.as_ptr().cast::<T>()) });
}

impl Locals {
    pub(super) const fn new() -> Locals {
        Locals(Mutex::new(Table {
            slots: BTreeMap::new(),
            ended: false,
        }))
    }

    /// Drops all values, also those that others make while they are dropped. Called by the thread
    /// itself, at its end.
    pub(super) fn destroy(&self) {
        loop {
            let next = {
                let mut table = self.0.lock();
                let next = table.slots.values_mut().find_map(|slot| {
                    match core::mem::replace(slot, Slot::Gone) {
                        Slot::Value(value, drop) => Some((value, drop)),
                        Slot::Gone => None,
                    }
                });
                if next.is_none() {
                    table.ended = true;
                    table.slots = BTreeMap::new();
                }
                next
            };
            match next {
                // SAFETY: the box of that slot, of the type that `drop` was made for. The slot is
                // gone, so nobody gets a reference any more; and nobody has one, since this
                // thread is in none of the closures that `try_with` runs: it has left them all
                // to end.
                Some((value, drop)) => unsafe { drop(value) },
                None => return,
            }
        }
    }
}

impl<T: 'static> LocalKey<T> {
    /// For `thread_local!`.
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> LocalKey<T> {
        LocalKey { init }
    }

    /// The current thread's value; makes it if need be.
    fn value(&'static self) -> Result<NonNull<T>, AccessError> {
        let thread = super::current();
        let locals = &thread.0.locals;
        let key = core::ptr::from_ref(self).addr();
        let look = || {
            let table = locals.0.lock();
            match table.slots.get(&key) {
                Some(Slot::Value(value, _)) => Ok(Some(value.cast())),
                Some(Slot::Gone) => Err(AccessError),
                None if table.ended => Err(AccessError),
                None => Ok(None),
            }
        };
        if let Some(value) = look()? {
            return Ok(value);
        }
        // Without the lock: this may use other values, or wait.
        let value = Box::new((self.init)());
        if let Some(made_meanwhile) = look()? {
            // By `init` itself. There may be references to that one, so it stays.
            return Ok(made_meanwhile);
        }
        let value = NonNull::from(Box::leak(value));
        let slot = Slot::Value(value.cast(), drop_box::<T>);
        locals.0.lock().slots.insert(key, slot);
        Ok(value)
    }

    /// Runs `f` on the current thread's value.
    ///
    /// # Panics
    /// When the thread ends and the value was dropped already.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(AccessError) => panic!(
                "cannot access a Thread Local Storage value during or after destruction: {AccessError:?}"
            ),
        }
    }

    /// Runs `f` on the current thread's value.
    ///
    /// # Errors
    /// When the thread ends and the value was dropped already.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let value = self.value()?;
        // SAFETY: the value is there until this thread drops it at its end, and this thread is
        // here until `f` returns. References to it are shared ones only.
        Ok(f(unsafe { value.as_ref() }))
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the current thread's value.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// A copy of the current thread's value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// The current thread's value, leaving the default one.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// The current thread's value, leaving `value`.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Runs `f` on the current thread's value.
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Runs `f` on the current thread's value, which it may change.
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the current thread's value.
    pub fn set(&'static self, value: T) {
        self.with(|cell| *cell.borrow_mut() = value);
    }

    /// The current thread's value, leaving the default one.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// The current thread's value, leaving `value`.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// The thread ends, and its value was dropped already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl core::error::Error for AccessError {}
