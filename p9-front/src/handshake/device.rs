//! The device of a tag, and what its backend offers.

use alloc::string::String;
use alloc::vec::Vec;

use xen_front::platform::{Store, key};
use xen_front::units::{DomainId, RingOrder};
use xen_front::xenbus::{self, KeyError};

use super::HandshakeError;

/// The directory in which the toolstack makes a directory for each device.
pub const DEVICES_DIR: &str = "device/9pfs";
/// So many devices are looked at, and so many tags named in an error.
const DEVICES_MAX: usize = 256;
const NAMED_MAX: usize = 16;

/// A device, as far as xenstore knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// The name that the toolstack gave the volume.
    pub(crate) tag: String,
    /// The frontend's directory.
    pub(crate) dir: String,
    /// The backend's domain.
    pub(crate) backend: DomainId,
    /// The backend's directory.
    pub(crate) path: String,
}

impl Device {
    /// Finds the device of that tag.
    pub(super) fn find<S: Store>(store: &mut S, tag: &str) -> Result<Self, HandshakeError> {
        let names = { store.directory(DEVICES_DIR) }.map_err(|errno| KeyError::Store {
            key: DEVICES_DIR.into(),
            errno,
        })?;
        let mut known = Vec::new();
        for name in names.iter().take(DEVICES_MAX) {
            let dir = key(DEVICES_DIR, name);
            match xenbus::optional(store, &key(&dir, "tag"))? {
                Some(value) if value == tag.as_bytes() => return Self::read(store, tag, dir),
                Some(value) if known.len() < NAMED_MAX => known.push(xenbus::shorten(&value)),
                _ => {}
            }
        }
        let tag = tag.into();
        Err(HandshakeError::NoDevice { tag, known })
    }

    fn read<S: Store>(store: &mut S, tag: &str, dir: String) -> Result<Self, HandshakeError> {
        let mut read = |name: &str| {
            let key = key(&dir, name);
            xenbus::required(store, &key).map(|value| (key, value))
        };
        let (key, value) = read("backend")?;
        let path = xenbus::path(&key, &value)?;
        let (key, value) = read("backend-id")?;
        let backend = xenbus::domain_id(&key, &value)?;
        let tag = tag.into();
        Ok(Self {
            tag,
            dir,
            backend,
            path,
        })
    }

    /// The key with the backend's state.
    pub(crate) fn backend_state(&self) -> String {
        key(&self.path, "state")
    }
}

/// What a backend offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// At most so many rings, at least one.
    pub(super) rings: u32,
    /// At most that large.
    pub(super) order: RingOrder,
}

impl Offer {
    /// Reads it, checked.
    pub(super) fn read<S: Store>(store: &mut S, device: &Device) -> Result<Self, KeyError> {
        let mut read = |name: &str| {
            let key = key(&device.path, name);
            xenbus::required(store, &key).map(|value| (key, value))
        };
        let (key, value) = read("versions")?;
        xenbus::versions(&key, &value)?;
        let positive = |(key, value): (String, Vec<u8>)| {
            { xenbus::decimal(&value).filter(|&number| number > 0) }
                .ok_or_else(|| KeyError::value(&key, &value, "a number from 1 on"))
        };
        let rings = positive(read("max-rings")?)?;
        // The page of indexes has room for the references of 2^9 pages, whatever a backend can map.
        let order = positive(read("max-ring-page-order")?)?.min(RingOrder::MAX.get().into());
        let order = u8::try_from(order).ok().and_then(RingOrder::new);
        Ok(Self {
            rings,
            order: order.unwrap_or(RingOrder::MIN),
        })
    }
}
