//! What happens once: [`Once`], [`OnceLock`], [`LazyLock`].

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, Ordering};

use spin::Mutex as Spin;

use super::wait::Waiter;

/// Something that is done once, however many threads ask for it.
pub struct Once {
    done: AtomicBool,
    state: Spin<State>,
}

struct State {
    begun: bool,
    /// Who waits until it is done.
    waiting: Vec<Arc<Waiter>>,
}

/// Told to what [`Once::call_once_force`] calls.
#[derive(Debug)]
pub struct OnceState(());

impl OnceState {
    /// False: nothing is ever poisoned.
    pub fn is_poisoned(&self) -> bool {
        false
    }
}

impl Once {
    /// Not done yet.
    pub const fn new() -> Once {
        Once {
            done: AtomicBool::new(false),
            state: Spin::new(State {
                begun: false,
                waiting: Vec::new(),
            }),
        }
    }

    /// Calls `f` if nobody has done so, and returns when it is done, by whomever. An `f` that calls
    /// this on the same value waits for ever.
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if self.is_completed() {
            return;
        }
        {
            let mut state = self.state.lock();
            if state.begun {
                drop(state);
                return self.wait();
            }
            state.begun = true;
        }
        f();
        let waiting = {
            let mut state = self.state.lock();
            self.done.store(true, Ordering::Release);
            core::mem::take(&mut state.waiting)
        };
        waiting.iter().for_each(|waiter| waiter.tell());
    }

    /// As [`Once::call_once`]: nothing is ever poisoned.
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        self.call_once(|| f(&OnceState(())));
    }

    /// Whether it is done.
    pub fn is_completed(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Waits until somebody has done it.
    pub fn wait(&self) {
        let waiter = {
            let mut state = self.state.lock();
            // Under the lock, as it is set: who is not seen done here will find the waiter.
            if self.is_completed() {
                return;
            }
            let waiter = Waiter::new();
            state.waiting.push(waiter.clone());
            waiter
        };
        waiter.wait_until(None);
    }

    /// As [`Once::wait`]: nothing is ever poisoned.
    pub fn wait_force(&self) {
        self.wait();
    }
}

impl Default for Once {
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// A value that is set once.
pub struct OnceLock<T> {
    once: Once,
    /// Set by the one closure that `once` calls, so never contended.
    value: spin::Once<T>,
}

impl<T> OnceLock<T> {
    /// Without a value.
    pub const fn new() -> OnceLock<T> {
        OnceLock {
            once: Once::new(),
            value: spin::Once::new(),
        }
    }

    /// The value, if it is set.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it is set.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value.
    ///
    /// # Errors
    /// `value`, if there is one already. If somebody else is setting one, waits for that.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("it is set once"));
        match value {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// The value; `f` makes it if there is none. Waits while somebody else makes it. An `f` that
    /// asks for the same value waits for ever.
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        self.once.call_once(|| {
            let value = f();
            self.value.call_once(|| value);
        });
        self.get().expect("it is set now")
    }

    /// Waits until it is set.
    pub fn wait(&self) -> &T {
        self.once.wait();
        self.get().expect("it is set now")
    }

    /// The value, if it is set.
    pub fn into_inner(self) -> Option<T> {
        self.value.try_into_inner()
    }

    /// The value, if it is set, which it then is not any more.
    pub fn take(&mut self) -> Option<T> {
        core::mem::take(self).into_inner()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => text.field(value),
            None => text.field(&format_args!("<uninit>")),
        };
        text.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        match self.get() {
            Some(value) => OnceLock::from(value.clone()),
            None => OnceLock::new(),
        }
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        let lock = OnceLock::new();
        lock.get_or_init(|| value);
        lock
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

/// A value that its first use makes.
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    init: Spin<Option<F>>,
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// To be made by `f`.
    pub const fn new(f: F) -> LazyLock<T, F> {
        LazyLock {
            value: OnceLock::new(),
            init: Spin::new(Some(f)),
        }
    }

    /// The value; makes it if need be. Waits while another thread does.
    pub fn force(this: &LazyLock<T, F>) -> &T {
        this.value.get_or_init(|| {
            let init = this.init.lock().take();
            init.expect("it is made once")()
        })
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_tuple("LazyLock");
        match self.value.get() {
            Some(value) => text.field(value),
            None => text.field(&format_args!("<uninit>")),
        };
        text.finish()
    }
}
