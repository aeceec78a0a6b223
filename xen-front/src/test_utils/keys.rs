//! A xenstore of keys and values.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::errno::Errno;
use crate::platform::Store;

/// Keys and values; absent keys read as ENOENT. What the frontend writes as `state` is remembered.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    keys: BTreeMap<String, Vec<u8>>,
    write_error: Option<Errno>,
    states: Vec<u32>,
}

impl Keys {
    /// Writes a key, by whatever right.
    pub fn set(&mut self, key: &str, value: impl AsRef<[u8]>) {
        self.keys.insert(key.to_owned(), value.as_ref().to_vec());
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.keys.remove(key);
    }

    /// Removes a directory and all below it.
    pub fn remove_all(&mut self, dir: &str) {
        self.keys.retain(|key, _| {
            let rest = key.strip_prefix(dir);
            !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
    }

    /// The number in a key.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u32> {
        let value = self.keys.get(key)?;
        core::str::from_utf8(value).ok()?.parse().ok()
    }

    /// Makes writes of the frontend fail, or work again.
    pub fn set_write_error(&mut self, error: Option<Errno>) {
        self.write_error = error;
    }

    /// The states that the frontend has written, in order.
    #[must_use]
    pub fn frontend_states(&self) -> &[u32] {
        &self.states
    }
}

impl Store for Keys {
    fn read(&mut self, key: &str) -> Result<Vec<u8>, Errno> {
        self.keys.get(key).cloned().ok_or(Errno::ENOENT)
    }

    fn directory(&mut self, dir: &str) -> Result<Vec<String>, Errno> {
        let below = |key: &String| -> Option<String> {
            let rest = key.strip_prefix(dir)?.strip_prefix('/')?;
            rest.split('/').next().map(ToOwned::to_owned)
        };
        let mut names: Vec<String> = self.keys.keys().filter_map(below).collect();
        names.dedup();
        Ok(names)
    }

    fn write(&mut self, entries: &[(&str, &str)]) -> Result<(), Errno> {
        if let Some(error) = self.write_error {
            return Err(error);
        }
        for (key, value) in entries {
            self.set(key, value);
            if key.ends_with("/state") {
                self.states.extend(value.parse::<u32>());
            }
        }
        Ok(())
    }
}
