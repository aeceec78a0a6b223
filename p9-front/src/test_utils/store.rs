//! A xenstore with the keys of 9pfs devices, and a backend's reactions to them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use xen_front::errno::Errno;
use xen_front::platform::{Store, XenbusState, key};
use xen_front::test_utils::Keys;

use crate::handshake::DEVICES_DIR;

/// Keys and values, and how the backend of its first device reacts to them.
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
    /// The tag of the first device.
    pub const TAG: &str = "data";

    /// What a toolstack leaves for a device with [`TAG`](Self::TAG).
    #[must_use]
    pub fn from_toolstack() -> Self {
        let mut store = Self::default();
        store.add_device(0, Self::TAG);
        store
    }

    /// As [`from_toolstack`](Self::from_toolstack), with a backend like QEMU's, that takes so many
    /// rings of up to that order.
    #[must_use]
    pub fn with_backend(rings: u32, order: u32) -> Self {
        let mut store = Self::from_toolstack();
        let dir = Self::backend_dir(0);
        store.set(&key(&dir, "versions"), "1");
        store.set(&key(&dir, "max-rings"), rings.to_string());
        store.set(&key(&dir, "max-ring-page-order"), order.to_string());
        store.set_backend_state(XenbusState::InitWait);
        store
    }

    /// The toolstack adds a device.
    pub fn add_device(&mut self, number: u32, tag: &str) {
        let (front, back) = (Self::frontend_dir(number), Self::backend_dir(number));
        self.set(&key(&front, "backend"), &back);
        self.set(&key(&front, "backend-id"), "0");
        self.set(&key(&front, "state"), "1");
        self.set(&key(&front, "tag"), tag);
        self.set(&key(&back, "state"), "1");
    }

    /// Where the frontend's half of a device lies.
    #[must_use]
    pub fn frontend_dir(number: u32) -> String {
        format!("{DEVICES_DIR}/{number}")
    }

    /// Where the backend's half of a device lies.
    #[must_use]
    pub fn backend_dir(number: u32) -> String {
        format!("/local/domain/0/backend/9pfs/7/{number}")
    }

    /// Writes the state of the first device's backend.
    pub fn set_backend_state(&mut self, state: XenbusState) {
        let key = key(&Self::backend_dir(0), "state");
        self.set(&key, state.number().to_string());
    }

    /// The state of the first device's backend.
    #[must_use]
    pub fn backend_state(&self) -> XenbusState {
        let number = self.number(&key(&Self::backend_dir(0), "state"));
        XenbusState::from_number(number.unwrap_or(0))
    }

    /// Does one step of what QEMU's backend does on a change of the frontend's state; false if there
    /// was nothing to do.
    pub fn react(&mut self) -> bool {
        self.react_if(|front, back| match (front, back) {
            (5, 1..=4) => Some(5),
            (6, 1..=5) => Some(6),
            (1, 5 | 6) => Some(1),
            (1 | 3, 1) => Some(2),
            (3 | 4, 2) => Some(4),
            _ => None,
        })
    }

    /// As [`react`](Self::react), of Xen's own daemon, which does not look at 1.
    pub fn react_as_daemon(&mut self) -> bool {
        self.react_if(|front, back| match (front, back) {
            (5, 2..=4) => Some(5),
            (6, 2..=5) => Some(6),
            (3, 2 | 6) => Some(4),
            _ => None,
        })
    }

    fn react_if(&mut self, next: impl FnOnce(u32, u32) -> Option<u32>) -> bool {
        let front = self.number(&key(&Self::frontend_dir(0), "state"));
        let back = self.backend_state().number();
        match next(front.unwrap_or(0), back) {
            Some(state) => self.set_backend_state(XenbusState::from_number(state)),
            None => return false,
        }
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
