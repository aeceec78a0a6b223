//! [`RwLock`].

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use core::ops::{Deref, DerefMut};

use spin::Mutex as Spin;

use super::wait::Waiter;
use super::{LockResult, TryLockError, TryLockResult};

/// Lets many threads read a value, or one change it. Threads have it in the order in which they
/// ask: a reader that comes after a waiting writer waits behind it, so neither starves. A thread
/// that reads already and asks again may so wait for ever, as in std it may.
pub struct RwLock<T: ?Sized> {
    turns: Turns,
    /// Never contended, see `Mutex`.
    value: spin::RwLock<T>,
}

/// Who has it and who waits.
struct Turns(Spin<State>);

struct State {
    readers: usize,
    writer: bool,
    waiting: VecDeque<(Wants, Arc<Waiter>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Read,
    Write,
}

impl State {
    fn is_free_for(&self, wants: Wants) -> bool {
        !self.writer && (wants == Wants::Read || self.readers == 0)
    }

    fn take(&mut self, wants: Wants) {
        match wants {
            Wants::Read => self.readers += 1,
            Wants::Write => self.writer = true,
        }
    }
}

impl Turns {
    const fn new() -> Turns {
        Turns(Spin::new(State {
            readers: 0,
            writer: false,
            waiting: VecDeque::new(),
        }))
    }

    fn try_take(&self, wants: Wants) -> Option<Turn<'_>> {
        let mut state = self.0.lock();
        if !state.waiting.is_empty() || !state.is_free_for(wants) {
            return None;
        }
        state.take(wants);
        Some(Turn { of: self, wants })
    }

    fn take(&self, wants: Wants) -> Turn<'_> {
        let waiter = {
            let mut state = self.0.lock();
            if state.waiting.is_empty() && state.is_free_for(wants) {
                state.take(wants);
                return Turn { of: self, wants };
            }
            let waiter = Waiter::new();
            state.waiting.push_back((wants, waiter.clone()));
            waiter
        };
        // Whoever tells has taken it in our name.
        waiter.wait_until(None);
        Turn { of: self, wants }
    }

    /// Changes the state and lets those in whose turn it is then.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock();
        change(&mut state);
        let mut admitted = VecDeque::new();
        while let Some((wants, _)) = state.waiting.front()
            && state.is_free_for(*wants)
        {
            let wants = *wants;
            state.take(wants);
            admitted.extend(state.waiting.pop_front());
        }
        drop(state);
        admitted.iter().for_each(|(_, waiter)| waiter.tell());
    }
}

/// The right to read or write; dropping it lets the next ones in.
struct Turn<'a> {
    of: &'a Turns,
    wants: Wants,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.of.change(|state| match self.wants {
            Wants::Read => state.readers -= 1,
            Wants::Write => state.writer = false,
        });
    }
}

const ALONE: &str = "whose turn it is has the value";

impl<T> RwLock<T> {
    /// With that value.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock {
            turns: Turns::new(),
            value: spin::RwLock::new(value),
        }
    }

    /// The value.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.value.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until the value can be read.
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        Ok(self.reading(self.turns.take(Wants::Read)))
    }

    /// The value to be read, if nobody changes it or waits for that.
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let turn = self.turns.try_take(Wants::Read);
        Ok(self.reading(turn.ok_or(TryLockError::WouldBlock)?))
    }

    /// Waits until the value can be changed.
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        Ok(self.writing(self.turns.take(Wants::Write)))
    }

    /// The value to be changed, if nobody else has it.
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let turn = self.turns.try_take(Wants::Write);
        Ok(self.writing(turn.ok_or(TryLockError::WouldBlock)?))
    }

    fn reading<'a>(&'a self, turn: Turn<'a>) -> RwLockReadGuard<'a, T> {
        let value = self.value.try_read().expect(ALONE);
        RwLockReadGuard { value, _turn: turn }
    }

    fn writing<'a>(&'a self, turn: Turn<'a>) -> RwLockWriteGuard<'a, T> {
        let value = self.value.try_write().expect(ALONE);
        RwLockWriteGuard { value, turn }
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

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(value) => text.field("data", &&*value),
            Err(_) => text.field("data", &format_args!("<locked>")),
        };
        text.finish_non_exhaustive()
    }
}

/// The value of a [`RwLock`], to be read for as long as this lives.
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Given back in this order: the value, then the turn.
    value: spin::RwLockReadGuard<'a, T>,
    _turn: Turn<'a>,
}

/// The value of a [`RwLock`], to be changed for as long as this lives.
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    // Given back in this order: the value, then the turn.
    value: spin::RwLockWriteGuard<'a, T>,
    turn: Turn<'a>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Goes on reading what was changed; no other writer comes in between.
    pub fn downgrade(guard: RwLockWriteGuard<'a, T>) -> RwLockReadGuard<'a, T> {
        let RwLockWriteGuard { value, mut turn } = guard;
        // The value first: readers are let in by the change of turns.
        let value = value.downgrade();
        turn.wants = Wants::Read;
        turn.of.change(|state| {
            state.writer = false;
            state.readers += 1;
        });
        RwLockReadGuard { value, _turn: turn }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

macro_rules! show {
    ($($guard:ident),*) => { $(
        impl<T: fmt::Debug + ?Sized> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: fmt::Display + ?Sized> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )* };
}

show!(RwLockReadGuard, RwLockWriteGuard);
