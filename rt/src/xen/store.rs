//! Keys in xenstore, and how they are watched.

use alloc::string::String;
use alloc::vec::Vec;

use kernel::thread;
use kernel::time::{NS_PER_S, monotonic_ns};
use kernel::xenstore;
use xen_front::errno::Errno;
use xen_front::platform::{Store, XenbusState};

/// How often the key is read that cannot be watched.
const BLIND_LOOK_NS: u64 = NS_PER_S;

/// xenstore of this domain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Xenstore;

fn errno(error: &xenstore::Error) -> Errno {
    error
        .errno()
        .and_then(|errno| Errno::new(errno.number()))
        .unwrap_or(Errno::EIO)
}

impl Store for Xenstore {
    fn read(&mut self, key: &str) -> Result<Vec<u8>, Errno> {
        xenstore::read(key).map_err(|error| errno(&error))
    }

    fn directory(&mut self, key: &str) -> Result<Vec<String>, Errno> {
        match xenstore::directory(key) {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            names => names.map_err(|error| errno(&error)),
        }
    }

    fn write(&mut self, entries: &[(&str, &str)]) -> Result<(), Errno> {
        xenstore::transaction(|transaction| {
            if let Some((directory, _)) = entries.first().and_then(|(key, _)| key.rsplit_once('/'))
            {
                transaction.directory(directory)?;
            }
            entries
                .iter()
                .try_for_each(|(key, value)| transaction.write(key, value.as_bytes()))
        })
        .map_err(|error| errno(&error))
    }
}

/// Watches a key. Without a watch a change is noticed later, when the key is read anyway.
pub(crate) fn watch(path: &str) -> Option<xenstore::Watch> {
    xenstore::watch(path)
        .map_err(|error| log::warn!("changes will be noticed late: {error}"))
        .ok()
}

/// The state of the other end of a device, from its key; `None` if the key cannot be read.
pub(crate) fn xenbus_state(path: &str) -> Option<XenbusState> {
    match xenstore::read(path) {
        Ok(value) => {
            let text = core::str::from_utf8(&value).ok()?;
            text.parse().ok().map(XenbusState::from_number)
        }
        Err(error) if error.is_not_found() => Some(XenbusState::Absent),
        Err(error) => {
            log::warn!("{error}");
            None
        }
    }
}

/// What a handshake waits for: one key, which may be another at each step.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    watched: Option<(String, xenstore::Watch)>,
}

impl Watching {
    /// Waits until the key at `path` may have changed, or until then.
    pub(crate) fn wait(&mut self, path: &str, deadline_ns: u64) {
        if self
            .watched
            .as_ref()
            .is_none_or(|(watched, _)| watched != path)
        {
            self.watched = watch(path).map(|watch| (path.into(), watch));
        }
        match &self.watched {
            Some((_, watch)) => {
                watch.wait_until(deadline_ns);
            }
            None => thread::sleep_until(deadline_ns.min(monotonic_ns() + BLIND_LOOK_NS)),
        }
    }
}
