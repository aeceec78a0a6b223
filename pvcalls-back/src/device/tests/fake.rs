//! A xenstore in memory, and a data side that does what the test says.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use xen_dev::StoreError;
use xen_dev::store::WatchEvent;
use xenstore::Errno;

use crate::device::keys;
use crate::device::store::{Change, Store};
use crate::sessions::{Connection, DeviceId, Ending, SessionEvent, Sessions};

/// What somebody else does in between.
pub(super) type Race = Box<dyn FnOnce(&mut Tree)>;

/// What the tree holds. Paths of the backend's own domain are relative, as it uses them.
#[derive(Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Vec<u8>>,
    watches: BTreeMap<u32, String>,
    last_watch: u32,
    /// At most one of each, as the client has it.
    events: VecDeque<(u32, WatchEvent)>,
    pub(super) dead: BTreeSet<u16>,
    /// Requests made by the backend.
    pub(super) requests: usize,
    /// So many requests fail before the next one works.
    pub(super) failures: usize,
    /// Runs just before the backend's next change, as if somebody else had been faster.
    pub(super) race: Option<Race>,
}

impl Tree {
    pub(super) fn set(&mut self, path: &str, value: impl AsRef<[u8]>) {
        self.nodes.insert(path.to_owned(), value.as_ref().to_vec());
        self.fire(path);
    }

    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        self.nodes.get(path).map(Vec::as_slice)
    }

    pub(super) fn text(&self, path: &str) -> &str {
        self.get(path)
            .map_or("-", |value| std::str::from_utf8(value).unwrap())
    }

    /// A node and all below it.
    pub(super) fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.nodes
            .retain(|name, _| name != path && !name.starts_with(&below));
        self.fire(path);
    }

    pub(super) fn children(&self, path: &str) -> Vec<String> {
        let below = format!("{path}/");
        let names = self
            .nodes
            .keys()
            .filter_map(|name| name.strip_prefix(&below));
        let names: BTreeSet<&str> = names.filter_map(|name| name.split('/').next()).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    pub(super) fn watches(&self) -> Vec<&str> {
        self.watches.values().map(String::as_str).collect()
    }

    /// An event as xenstore sends it: for watches at or above the path, and for those below it
    /// under their own path.
    pub(super) fn fire(&mut self, path: &str) {
        let at_or_below = |path: &str, top: &str| {
            path.strip_prefix(top)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for (&watch, watched) in &self.watches {
            let seen = if at_or_below(path, watched) {
                path
            } else if at_or_below(watched, path) {
                watched
            } else {
                continue;
            };
            let event = (watch, WatchEvent::Path(seen.to_owned()));
            if !self.events.contains(&event) {
                self.events.push_back(event);
            }
        }
    }

    fn request(&mut self, path: &str) -> Result<(), StoreError> {
        self.requests += 1;
        if self.failures > 0 {
            self.failures -= 1;
            return Err(StoreError::answered("use", path, Errno::ENOSPC));
        }
        Ok(())
    }
}

/// The backend's connection.
#[derive(Clone)]
pub(super) struct FakeStore(pub(super) Rc<RefCell<Tree>>);

impl Store for FakeStore {
    type Watch = u32;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tree = self.0.borrow_mut();
        tree.request(path)?;
        Ok(tree.get(path).map(<[u8]>::to_vec))
    }

    fn read_together(&mut self, paths: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        paths.iter().map(|path| self.read(path)).collect()
    }

    fn children(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        let mut tree = self.0.borrow_mut();
        tree.request(path)?;
        Ok(tree.children(path))
    }

    fn change(&mut self, guard: &str, changes: &[Change]) -> Result<bool, StoreError> {
        let mut tree = self.0.borrow_mut();
        tree.request(guard)?;
        if let Some(race) = tree.race.take() {
            race(&mut tree);
        }
        if tree.get(guard).is_none() {
            return Ok(false);
        }
        for change in changes {
            match change {
                Change::Write(path, value) => tree.set(path, value),
                Change::Remove(path) => tree.remove(path),
                Change::RemoveIfEmpty(path) if tree.children(path).is_empty() => {
                    tree.remove(path);
                }
                Change::RemoveIfEmpty(_) => {}
            }
        }
        Ok(true)
    }

    fn is_domain_alive(&mut self, domain: u16) -> Result<bool, StoreError> {
        let mut tree = self.0.borrow_mut();
        tree.request("")?;
        Ok(!tree.dead.contains(&domain))
    }

    fn watch(&mut self, path: &str) -> Result<u32, StoreError> {
        let mut tree = self.0.borrow_mut();
        tree.request(path)?;
        tree.last_watch += 1;
        let watch = tree.last_watch;
        tree.watches.insert(watch, path.to_owned());
        let first = WatchEvent::Path(path.to_owned());
        tree.events.push_back((watch, first));
        Ok(watch)
    }

    fn unwatch(&mut self, watch: u32) -> Result<(), StoreError> {
        let mut tree = self.0.borrow_mut();
        let path = tree.watches.remove(&watch).expect("a watch that is there");
        tree.events.retain(|(of, _)| *of != watch);
        tree.request(&path)
    }

    fn next_event(&mut self) -> Result<Option<(u32, WatchEvent)>, StoreError> {
        Ok(self.0.borrow_mut().events.pop_front())
    }
}

/// What the data side was asked.
#[derive(Debug)]
pub(super) enum Asked {
    Open(DeviceId, Connection),
    Close(DeviceId, Ending),
}

/// A data side. Unless told otherwise it does at once what it is asked.
#[derive(Default)]
pub(super) struct Data {
    pub(super) asked: VecDeque<Asked>,
    pub(super) events: VecDeque<SessionEvent>,
    /// Answers come from the test.
    pub(super) by_hand: bool,
    /// Devices with a session.
    pub(super) open: BTreeSet<DeviceId>,
}

#[derive(Clone)]
pub(super) struct FakeSessions(pub(super) Rc<RefCell<Data>>);

impl Sessions for FakeSessions {
    fn open(&mut self, device: DeviceId, connection: Connection) {
        let mut data = self.0.borrow_mut();
        assert!(data.open.insert(device), "{device} has a session already");
        data.asked.push_back(Asked::Open(device, connection));
        if !data.by_hand {
            data.events.push_back(SessionEvent::Opened(device));
        }
    }

    fn close(&mut self, device: DeviceId, ending: Ending) {
        let mut data = self.0.borrow_mut();
        data.asked.push_back(Asked::Close(device, ending));
        if !data.by_hand {
            data.open.remove(&device);
            data.events.push_back(SessionEvent::Closed(device));
        }
    }

    fn next_event(&mut self) -> Option<SessionEvent> {
        self.0.borrow_mut().events.pop_front()
    }
}

/// What libxl writes for a domain with PV Calls.
pub(super) fn create(tree: &mut Tree, id: DeviceId) {
    let (back, front) = (keys::back(id), keys::front(id));
    let (domain, name) = (id.domain, format!("guest-{}", id.domain));
    tree.set(&format!("/local/domain/{domain}/name"), name);
    tree.set(&format!("{front}/backend-id"), "0");
    tree.set(&format!("{front}/state"), "1");
    // A parent is a node of its own, which stays when the last child goes.
    tree.set(&format!("{}/{domain}", keys::AREA), "");
    tree.set(&format!("{back}/frontend"), front);
    tree.set(&format!("{back}/frontend-id"), domain.to_string());
    tree.set(&format!("{back}/online"), "1");
    tree.set(&format!("{back}/state"), "1");
}
