//! A xenstore with the keys of one device, and a backend's reactions to them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use xen_front::test_utils::Keys;

use crate::errno::Errno;
use crate::features::Features;
use crate::handshake::FRONTEND_DIR;
use crate::platform::{Store, XenbusState, key};

/// Where the backend's half of the fake device lies.
pub const BACKEND_DIR: &str = "/local/domain/0/backend/pvcalls/7/0";

/// Keys and values, and how a backend reacts to them.
#[derive(Clone, Debug, Default)]
pub struct FakeStore(Keys);

impl Deref for FakeStore {
    type Target = Keys;

    fn deref(&self) -> &Keys {
        &self.0
    }
}

impl DerefMut for FakeStore {
    fn deref_mut(&mut self) -> &mut Keys {
        &mut self.0
    }
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
        self.0.read(key)
    }

    fn directory(&mut self, key: &str) -> Result<Vec<String>, Errno> {
        self.0.directory(key)
    }

    fn write(&mut self, entries: &[(&str, &str)]) -> Result<(), Errno> {
        self.0.write(entries)
    }
}
