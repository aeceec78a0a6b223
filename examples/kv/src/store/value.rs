//! What a key may stand for.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::{Bytes, Memory, Refused, Sorted};

/// A value of one of the kinds.
#[derive(Debug)]
pub enum Value {
    /// Bytes.
    Text(Text),
    /// Texts in a row.
    List(List),
    /// Texts, each once.
    Set(Set),
    /// Texts by their names.
    Hash(Hash),
    /// Texts, each once, by their scores.
    Sorted(Box<Sorted>),
}

impl Value {
    /// What it takes, in bytes.
    pub(super) fn cost(&self) -> usize {
        match self {
            Value::Text(text) => text.cost(),
            Value::List(list) => list.cost,
            Value::Set(set) => set.cost,
            Value::Hash(hash) => hash.cost,
            Value::Sorted(sorted) => sorted.cost(),
        }
    }

    /// Whether it has no content.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Text(text) => text.bytes().is_empty(),
            Value::List(list) => list.items.is_empty(),
            Value::Set(set) => set.items.is_empty(),
            Value::Hash(hash) => hash.items.is_empty(),
            Value::Sorted(sorted) => sorted.len() == 0,
        }
    }

    /// How many elements it has; a text is one.
    pub fn len(&self) -> usize {
        match self {
            Value::Text(_) => 1,
            Value::List(list) => list.len(),
            Value::Set(set) => set.len(),
            Value::Hash(hash) => hash.len(),
            Value::Sorted(sorted) => sorted.len(),
        }
    }

    /// Its kind, as Redis names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "string",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::Hash(_) => "hash",
            Value::Sorted(_) => "zset",
        }
    }

    #[cfg(test)]
    pub(super) fn audit(&self) -> usize {
        match self {
            Value::Text(text) => text.cost(),
            Value::List(list) => list.items.iter().map(|item| LIST_COST + item.len()).sum(),
            Value::Set(set) => set.items.iter().map(|item| SET_COST + item.len()).sum(),
            Value::Hash(hash) => hash
                .items
                .iter()
                .map(|(name, text)| HASH_COST + name.len() + text.len())
                .sum(),
            Value::Sorted(sorted) => sorted.audit(),
        }
    }
}

/// A kind of value.
pub trait Kind: Default {
    /// Whether a value without content stays.
    const MAY_BE_EMPTY: bool = false;

    /// The value, if it is of this kind.
    fn of(value: &Value) -> Option<&Self>;
    /// The same, to be changed.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// As a value of any kind.
    fn into_value(self) -> Value;
}

macro_rules! kind {
    ($kind:ident, $may_be_empty:literal, $into:expr) => {
        impl Kind for $kind {
            const MAY_BE_EMPTY: bool = $may_be_empty;

            fn of(value: &Value) -> Option<&Self> {
                match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                }
            }

            fn into_value(self) -> Value {
                $into(self)
            }
        }
    };
}

kind!(Text, true, Value::Text);
kind!(List, false, Value::List);
kind!(Set, false, Value::Set);
kind!(Hash, false, Value::Hash);
kind!(Sorted, false, |sorted| Value::Sorted(Box::new(sorted)));

// What an element costs beside its bytes: its place in a node that may be half empty, and what
// the heap adds. A list's row doubles when it is full, and for a moment both rows are there.
const LIST_COST: usize = 72;
const SET_COST: usize = 64;
const HASH_COST: usize = 112;

/// Bytes. Room for more is kept as long as there is as much content.
#[derive(Debug, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn cost(&self) -> usize {
        self.0.capacity()
    }

    /// Makes it `bytes`.
    pub fn set(&mut self, bytes: &[u8], memory: &mut Memory) -> Result<(), Refused> {
        // Neither grown step by step nor kept far too large.
        if bytes.len() > self.0.capacity() || bytes.len() < self.0.capacity() / 2 {
            memory.take(bytes.len())?;
            memory.give_back(self.0.capacity());
            self.0 = Vec::with_capacity(bytes.len());
            // The heap may give more than was asked for, but a Vec does not take it.
            debug_assert_eq!(self.0.capacity(), bytes.len());
        }
        self.0.clear();
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds `bytes` at the end.
    pub fn append(&mut self, bytes: &[u8], memory: &mut Memory) -> Result<(), Refused> {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            // A quarter more than needed, so that many small ones do not move it each time; and
            // while it is moved, both are there.
            let capacity = length + length / 4;
            memory.take(capacity)?;
            let mut grown = Vec::with_capacity(capacity);
            grown.extend_from_slice(&self.0);
            memory.give_back(self.0.capacity());
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Texts in a row.
#[derive(Debug, Default)]
pub struct List {
    items: VecDeque<Bytes>,
    cost: usize,
}

impl List {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Number `index`, from the front.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.items.get(index).map(|item| &**item)
    }

    /// Those from number `first` to number `last`, which are there.
    pub fn range(&self, first: usize, last: usize) -> impl Iterator<Item = &[u8]> + Clone {
        self.items.range(first..=last).map(|item| &**item)
    }

    /// Adds one at the front, or at the back.
    pub fn push(&mut self, item: &[u8], front: bool, memory: &mut Memory) -> Result<(), Refused> {
        memory.take(LIST_COST + item.len())?;
        self.cost += LIST_COST + item.len();
        match front {
            true => self.items.push_front(item.into()),
            false => self.items.push_back(item.into()),
        }
        Ok(())
    }

    /// Takes one from the front, or from the back.
    pub fn pop(&mut self, front: bool, memory: &mut Memory) -> Option<Bytes> {
        let item = match front {
            true => self.items.pop_front(),
            false => self.items.pop_back(),
        }?;
        memory.give_back(LIST_COST + item.len());
        self.cost -= LIST_COST + item.len();
        // A row made for many is not kept for few.
        if self.items.len() < self.items.capacity() / 4 && self.items.capacity() > 64 {
            self.items.shrink_to(self.items.len() * 2);
        }
        Some(item)
    }
}

/// Texts, each once.
#[derive(Debug, Default)]
pub struct Set {
    items: BTreeSet<Bytes>,
    cost: usize,
}

impl Set {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether `item` is in it.
    pub fn contains(&self, item: &[u8]) -> bool {
        self.items.contains(item)
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.items.iter().map(|item| &**item)
    }

    /// Adds one; whether it is new.
    pub fn add(&mut self, item: &[u8], memory: &mut Memory) -> Result<bool, Refused> {
        if self.items.contains(item) {
            return Ok(false);
        }
        memory.take(SET_COST + item.len())?;
        self.cost += SET_COST + item.len();
        Ok(self.items.insert(item.into()))
    }

    /// Takes `item` out; whether it was in it.
    pub fn remove(&mut self, item: &[u8], memory: &mut Memory) -> bool {
        self.items
            .take(item)
            .map(|item| self.taken(&item, memory))
            .is_some()
    }

    /// Takes the first one.
    pub fn pop(&mut self, memory: &mut Memory) -> Option<Bytes> {
        let item = self.items.pop_first()?;
        self.taken(&item, memory);
        Some(item)
    }

    fn taken(&mut self, item: &[u8], memory: &mut Memory) {
        memory.give_back(SET_COST + item.len());
        self.cost -= SET_COST + item.len();
    }
}

/// Texts by their names.
#[derive(Debug, Default)]
pub struct Hash {
    items: BTreeMap<Bytes, Bytes>,
    cost: usize,
}

impl Hash {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The one called `name`.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.items.get(name).map(|text| &**text)
    }

    /// All, with their names, in the names' order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.items.iter().map(|(name, text)| (&**name, &**text))
    }

    /// Makes `name` stand for `text`; whether it is new.
    pub fn set(&mut self, name: &[u8], text: &[u8], memory: &mut Memory) -> Result<bool, Refused> {
        if let Some(old) = self.items.get_mut(name) {
            memory.take(text.len())?;
            memory.give_back(old.len());
            self.cost = self.cost + text.len() - old.len();
            *old = text.into();
            return Ok(false);
        }
        let cost = HASH_COST + name.len() + text.len();
        memory.take(cost)?;
        self.cost += cost;
        self.items.insert(name.into(), text.into());
        Ok(true)
    }

    /// Removes the one called `name`; whether it was there.
    pub fn remove(&mut self, name: &[u8], memory: &mut Memory) -> bool {
        let Some(text) = self.items.remove(name) else {
            return false;
        };
        let cost = HASH_COST + name.len() + text.len();
        memory.give_back(cost);
        self.cost -= cost;
        true
    }
}
