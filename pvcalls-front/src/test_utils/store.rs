//! A xenstore with the keys of one device, and a backend's reactions to them.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::errno::Errno;
use crate::features::Features;
use crate::handshake::FRONTEND_DIR;
use crate::platform::{Store, XenbusState, key};

/// Where the backend's half of the fake device lies.
pub const BACKEND_DIR: &str = "/local/domain/0/backend/pvcalls/7/0";

/// Keys and values; absent keys read as ENOENT.
#[derive(Clone, Debug, Default)]
pub struct FakeStore {
    keys: BTreeMap<String, Vec<u8>>,
    write_error: Option<Errno>,
    /// The frontend's states in the order written.
    states: Vec<u32>,
}

impl FakeStore {
    /// What a toolstack leaves: both directories, both in state 1.
    #[must_use]
    pub fn from_toolstack() -> Self {
        let mut store = Self::default();
        store.set(&key(FRONTEND_DIR, "backend"), BACKEND_DIR);
        store.set(&key(FRONTEND_DIR, "backend-id"), "0");
        store.set(&key(FRONTEND_DIR, "state"), "1");
        store.set(&key(BACKEND_DIR, "state"), "1");
        store
    }

    /// As [`from_toolstack`](Self::from_toolstack), with a backend like Linux's in InitWait.
    #[must_use]
    pub fn with_backend() -> Self {
        let mut store = Self::from_toolstack();
        store.set(&key(BACKEND_DIR, "versions"), "1");
        store.set(&key(BACKEND_DIR, "max-page-order"), "4");
        store.set(&key(BACKEND_DIR, "function-calls"), "1");
        store.set_backend_state(XenbusState::InitWait);
        store
    }

    /// Writes a key, by whatever right.
    pub fn set(&mut self, key: &str, value: impl AsRef<[u8]>) {
        self.keys.insert(key.to_owned(), value.as_ref().to_vec());
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.keys.remove(key);
    }

    /// As [`with_backend`](Self::with_backend), with one that knows every extension of ours.
    #[must_use]
    pub fn with_features() -> Self {
        let mut store = Self::with_backend();
        for (_, name) in Features::KEYS {
            store.set(&key(BACKEND_DIR, name), "1");
        }
        store
    }

    /// A daemon is started where one was killed: what it finds is not its own, and it closes.
    pub fn restart_backend(&mut self) {
        if let Some(2..=4) = self.number(&key(BACKEND_DIR, "state")) {
            self.set_backend_state(XenbusState::Closing);
        }
    }

    /// Writes the backend's state.
    pub fn set_backend_state(&mut self, state: XenbusState) {
        self.set(&key(BACKEND_DIR, "state"), state.number().to_string());
    }

    /// The backend's state.
    #[must_use]
    pub fn backend_state(&self) -> XenbusState {
        let number = self.number(&key(BACKEND_DIR, "state")).unwrap_or(0);
        XenbusState::from_number(number)
    }

    /// Makes writes fail, or work again.
    pub fn set_write_error(&mut self, error: Option<Errno>) {
        self.write_error = error;
    }

    /// The number in a key.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u32> {
        let value = self.keys.get(key)?;
        core::str::from_utf8(value).ok()?.parse().ok()
    }

    /// The states that the frontend has written, in order.
    #[must_use]
    pub fn frontend_states(&self) -> &[u32] {
        &self.states
    }

    /// Does one step of what Linux's backend does on a change of the frontend's state; false if
    /// there was nothing to do. Its own earlier life ends in 5 and 6 before a new one begins.
    pub fn react(&mut self) -> bool {
        let front = self.number(&key(FRONTEND_DIR, "state")).unwrap_or(0);
        let back = self.number(&key(BACKEND_DIR, "state")).unwrap_or(0);
        let next = match (front, back) {
            (1, 6) => 2,
            (1, 3 | 4) | (5, 2..=4) => 5,
            (1 | 6, 5) => 6,
            (3 | 4, 2) => 4,
            _ => return false,
        };
        self.set_backend_state(XenbusState::from_number(next));
        true
    }
}

impl Store for FakeStore {
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
