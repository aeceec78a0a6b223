//! The keys and what they stand for, in bounded memory. Knows nothing of the protocol.
//!
//! Ordered maps, not hash tables: no key that a client could choose makes them slow, none of them
//! doubles its memory at a time, and no request waits while one is rebuilt.
//!
//! Every byte is counted: an element costs what it is long, and a constant that is more than
//! the tree around it ever takes. What would go beyond the limit is refused with
//! [`Refused::OutOfMemory`] and changes nothing, so the heap behind never runs out.

mod memory;
mod sorted;
mod value;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

pub use memory::Memory;
pub use sorted::Sorted;
pub use value::{Hash, Kind, List, Set, Text, Value};

/// A key, or an element of a value.
pub type Bytes = Box<[u8]>;

/// Why something was not done. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The key stands for a value of another kind.
    WrongKind,
    /// It would take more memory than there may be.
    OutOfMemory,
}

/// What a key costs beside its bytes and its value.
const KEY_COST: usize = 208;
/// What a deadline costs beside the bytes of the key.
const DEADLINE_COST: usize = 96;
/// So many keys whose time is over are removed at once.
const MOST_EXPIRED: usize = 16;

#[derive(Debug)]
struct Entry {
    value: Value,
    /// Milliseconds since 1970.
    deadline: Option<u64>,
}

/// The keys.
#[derive(Debug)]
pub struct Store {
    keys: BTreeMap<Bytes, Entry>,
    /// Those that end, the next one first.
    deadlines: BTreeSet<(u64, Bytes)>,
    memory: Memory,
    /// Keys that were removed because their time was over, if somebody asks for them.
    ended: Option<Vec<Bytes>>,
    /// Nobody's time is over.
    frozen: bool,
}

impl Store {
    /// No keys; they will not take more than `limit` bytes.
    pub fn new(limit: usize) -> Store {
        Store {
            keys: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            memory: Memory::new(limit),
            ended: None,
            frozen: false,
        }
    }

    /// From now on [`Store::take_ended`] tells which keys ended.
    pub fn watch_ends(&mut self) {
        self.ended.get_or_insert_default();
    }

    /// The keys that have been removed since the last call because their time was over, whoever
    /// came upon them; nothing without [`Store::watch_ends`].
    pub fn take_ended(&mut self) -> Vec<Bytes> {
        self.ended.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Keys whose time is over stay, and count as there, for as long as this is `true`: what
    /// happened to a key in the past is gone through again as it was then.
    pub fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    fn is_over(&self, deadline: Option<u64>, now: u64) -> bool {
        !self.frozen && deadline.is_some_and(|deadline| deadline <= now)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys have a deadline.
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    /// What is used, and what others may take of it.
    pub fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Removes keys whose time is over at `now` (milliseconds since 1970), some at a time.
    /// Called before each request, it keeps up with any number of them.
    pub fn expire(&mut self, now: u64) {
        for _ in 0..MOST_EXPIRED {
            match self.deadlines.first() {
                Some((deadline, _)) if self.is_over(Some(*deadline), now) => {}
                _ => return,
            }
            if let Some((_, key)) = self.deadlines.pop_first() {
                self.memory.give_back(DEADLINE_COST + key.len());
                if let Some(entry) = self.keys.remove(&key) {
                    self.memory
                        .give_back(KEY_COST + key.len() + entry.value.cost());
                }
                if let Some(ended) = &mut self.ended {
                    ended.push(key);
                }
            }
        }
    }

    /// The value of `key`, if it has one at `now`.
    pub fn get(&self, key: &[u8], now: u64) -> Option<&Value> {
        let entry = self.keys.get(key)?;
        (!self.is_over(entry.deadline, now)).then_some(&entry.value)
    }

    /// The value of `key` if it is of the kind `K`, or none.
    pub fn read<K: Kind>(&self, key: &[u8], now: u64) -> Result<Option<&K>, Refused> {
        match self.get(key, now) {
            None => Ok(None),
            Some(value) => K::of(value).map(Some).ok_or(Refused::WrongKind),
        }
    }

    /// Changes the value of `key`, which is made if it is not there. Afterwards a value without
    /// elements is removed, key and all.
    ///
    /// `change` must take from the memory what it adds before it adds it.
    pub fn change<K: Kind, T>(
        &mut self,
        key: &[u8],
        now: u64,
        change: impl FnOnce(&mut K, &mut Memory) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.remove_if_over(key, now);
        let Some(entry) = self.keys.get_mut(key) else {
            // Not put in before it has something in it.
            self.memory.take(KEY_COST + key.len())?;
            let mut value = K::default();
            let result = change(&mut value, &mut self.memory);
            let value = value.into_value();
            if value.is_empty() && !K::MAY_BE_EMPTY || result.is_err() {
                self.memory.give_back(KEY_COST + key.len() + value.cost());
            } else {
                let deadline = None;
                self.keys.insert(key.into(), Entry { value, deadline });
            }
            return result;
        };
        let value = K::of_mut(&mut entry.value).ok_or(Refused::WrongKind)?;
        let result = change(value, &mut self.memory);
        if entry.value.is_empty() && !K::MAY_BE_EMPTY {
            self.remove(key, now);
        }
        result
    }

    /// As [`Store::change`] for a key that is there; `None` if it is not.
    pub fn change_present<K: Kind, T>(
        &mut self,
        key: &[u8],
        now: u64,
        change: impl FnOnce(&mut K, &mut Memory) -> Result<T, Refused>,
    ) -> Result<Option<T>, Refused> {
        match self.read::<K>(key, now)? {
            None => Ok(None),
            Some(_) => self.change(key, now, change).map(Some),
        }
    }

    /// Makes `key` stand for the text `bytes`, whatever it was before. A deadline is forgotten.
    pub fn set(&mut self, key: &[u8], bytes: &[u8], now: u64) -> Result<(), Refused> {
        self.remove_if_over(key, now);
        // The usual case allocates nothing: a text takes the place of a text.
        if let Some(Value::Text(text)) = self.keys.get_mut(key).map(|entry| &mut entry.value) {
            text.set(bytes, &mut self.memory)?;
            self.set_deadline(key, None, now)?;
            return Ok(());
        }
        let mut text = Text::default();
        text.set(bytes, &mut self.memory)?;
        let cost = text.cost();
        if let Some(entry) = self.keys.get_mut(key) {
            let old = core::mem::replace(&mut entry.value, Value::Text(text));
            self.memory.give_back(old.cost());
            return self.set_deadline(key, None, now).map(drop);
        }
        if let Err(refused) = self.memory.take(KEY_COST + key.len()) {
            self.memory.give_back(cost);
            return Err(refused);
        }
        let (value, deadline) = (Value::Text(text), None);
        self.keys.insert(key.into(), Entry { value, deadline });
        Ok(())
    }

    /// Removes `key`; whether it was there.
    pub fn remove(&mut self, key: &[u8], now: u64) -> bool {
        let Some((key, entry)) = self.keys.remove_entry(key) else {
            return false;
        };
        self.memory
            .give_back(KEY_COST + key.len() + entry.value.cost());
        let Some(deadline) = entry.deadline else {
            return true;
        };
        self.memory.give_back(DEADLINE_COST + key.len());
        let over = self.is_over(Some(deadline), now);
        let end = (deadline, key);
        self.deadlines.remove(&end);
        if let Some(ended) = self.ended.as_mut().filter(|_| over) {
            ended.push(end.1);
        }
        !over
    }

    fn remove_if_over(&mut self, key: &[u8], now: u64) {
        let entry = self.keys.get(key);
        if entry.is_some_and(|entry| self.is_over(entry.deadline, now)) {
            self.remove(key, now);
        }
    }

    /// When `key` ends, in milliseconds since 1970; `None` if there is no such key.
    pub fn deadline(&self, key: &[u8], now: u64) -> Option<Option<u64>> {
        self.get(key, now)?;
        self.keys.get(key).map(|entry| entry.deadline)
    }

    /// Lets `key` end at `deadline`, or never; whether it is there. A deadline that has been
    /// removes it at once.
    pub fn set_deadline(
        &mut self,
        key: &[u8],
        deadline: Option<u64>,
        now: u64,
    ) -> Result<bool, Refused> {
        self.remove_if_over(key, now);
        match self.keys.get(key) {
            None => return Ok(false),
            Some(entry) if entry.deadline == deadline => return Ok(true),
            Some(_) => {}
        }
        if self.is_over(deadline, now) {
            return Ok(self.remove(key, now));
        }
        let Some(entry) = self.keys.get_mut(key) else {
            return Ok(false);
        };
        if deadline.is_some() && entry.deadline.is_none() {
            self.memory.take(DEADLINE_COST + key.len())?;
        }
        let old = core::mem::replace(&mut entry.deadline, deadline);
        if let Some(old) = old {
            self.deadlines.remove(&(old, key.into()));
        }
        match deadline {
            Some(deadline) => {
                self.deadlines.insert((deadline, key.into()));
            }
            None => self.memory.give_back(DEADLINE_COST + key.len()),
        }
        Ok(true)
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        let costs = self
            .keys
            .iter()
            .map(|(key, entry)| KEY_COST + key.len() + entry.value.cost());
        let deadlines = self
            .deadlines
            .iter()
            .map(|(_, key)| DEADLINE_COST + key.len());
        self.memory.give_back(costs.chain(deadlines).sum());
        self.keys.clear();
        self.deadlines.clear();
    }

    /// All keys that are there at `now`, in their order.
    pub fn keys(&self, now: u64) -> impl Iterator<Item = &[u8]> {
        let there = self
            .keys
            .iter()
            .filter(move |(_, entry)| !self.is_over(entry.deadline, now));
        there.map(|(key, _)| &**key)
    }

    /// The keys from `start` on that are there at `now`, in their order: with their values and
    /// when they end.
    pub fn entries(
        &self,
        start: Bound<&[u8]>,
        now: u64,
    ) -> impl Iterator<Item = (&[u8], &Value, Option<u64>)> {
        self.keys
            .range::<[u8], _>((start, Bound::Unbounded))
            .filter(move |(_, entry)| !self.is_over(entry.deadline, now))
            .map(|(key, entry)| (&**key, &entry.value, entry.deadline))
    }

    /// What all of it costs, counted anew: what [`Memory::used`] must be.
    #[cfg(test)]
    fn audit(&self) -> usize {
        let keys = self
            .keys
            .iter()
            .map(|(key, entry)| KEY_COST + key.len() + entry.value.audit());
        let deadlines = self
            .deadlines
            .iter()
            .map(|(_, key)| DEADLINE_COST + key.len());
        for (deadline, key) in &self.deadlines {
            assert_eq!(self.keys[key].deadline, Some(*deadline));
        }
        let with = self.keys.values().filter(|entry| entry.deadline.is_some());
        assert_eq!(with.count(), self.deadlines.len());
        keys.chain(deadlines).sum()
    }
}

#[cfg(test)]
mod tests;
