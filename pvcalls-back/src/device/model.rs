//! The control loop: watches, and what follows from them.
//!
//! Three kinds of watches say that something is to be looked at: one on our area, one per
//! frontend on its state, one on the deaths of domains. What is to be looked at waits in a queue,
//! each thing once; [`DeviceModel::handle`] takes a bounded number of them, reads what is there
//! now, tells the device's [`Machine`] and does what that asks for. So one guest's changes cost
//! one look per turn of the queue, whatever their number, and delay another guest's by that look.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};
use xen_dev::StoreError;
use xen_dev::store::WatchEvent;

use super::keys::{self, Place, State};
use super::machine::{Front, Machine, SessionChange};
use super::queue::{Job, Queue};
use super::store::Store;
use crate::config::DomainSettings;
use crate::counters::Counters;
use crate::features::Features;
use crate::sessions::{DeviceId, SessionEvent, Sessions};

/// Watch events, and session events, that one call handles.
const EVENTS_PER_CALL: usize = 256;

/// Things looked at in one call. Each costs a handful of requests to xenstore.
const JOBS_PER_CALL: usize = 32;

/// How long to wait before a request that failed is made again.
const RETRY: Duration = Duration::from_secs(2);

/// Says what holds for a domain, by its number and its name (empty if that cannot be read).
/// Asked anew for every connection, so that a new configuration holds from the next one on.
pub type SettingsSource = Box<dyn FnMut(u16, &str) -> Arc<DomainSettings> + Send>;

/// A device, and what is known about it beyond its states.
#[derive(Debug)]
pub(super) struct Device<W> {
    pub(super) machine: Machine,
    /// On the frontend's state.
    pub(super) watch: Option<W>,
    /// What was published.
    pub(super) offered: Features,
    pub(super) max_page_order: u8,
    /// When rounds began to be counted, and how many there were.
    pub(super) rounds: (Instant, u32),
    pub(super) remove_at: Option<Instant>,
}

/// All devices of this backend. See the module.
pub struct DeviceModel<S: Store, N: Sessions> {
    pub(super) store: S,
    pub(super) sessions: N,
    pub(super) settings: SettingsSource,
    pub(super) counters: Arc<Counters>,
    pub(super) devices: BTreeMap<DeviceId, Device<S::Watch>>,
    pub(super) frontends: BTreeMap<S::Watch, DeviceId>,
    area: S::Watch,
    deaths: S::Watch,
    pub(super) queue: Queue,
    /// The last call left events where they were.
    more: bool,
    /// No toolstack in this domain removes directories.
    removes: bool,
    stopping: bool,
}

impl<S: Store, N: Sessions> DeviceModel<S, N> {
    /// Begins to watch. The devices that are there are found by the first calls of
    /// [`handle`](Self::handle).
    ///
    /// # Errors
    /// When xenstore cannot be watched or does not say which domain this is.
    pub fn new(
        mut store: S,
        sessions: N,
        settings: SettingsSource,
        counters: Arc<Counters>,
    ) -> Result<Self, StoreError> {
        let domain = store.read("domid")?;
        let area = store.watch(keys::AREA)?;
        let deaths = store.watch("@releaseDomain")?;
        Ok(Self {
            store,
            sessions,
            settings,
            counters,
            devices: BTreeMap::new(),
            frontends: BTreeMap::new(),
            area,
            deaths,
            queue: Queue::default(),
            more: true,
            // Domain 0 runs the toolstack; where it does not, removing what has ended is right, too.
            removes: domain.as_deref() != Some(b"0"),
            stopping: false,
        })
    }

    /// Does what is to be done, a bounded amount of it. To be called when the store's file is
    /// readable, when there are session events, and when [`timeout`](Self::timeout) is over.
    ///
    /// # Errors
    /// When the connection to xenstore is of no more use. Anything less is logged and tried
    /// again later.
    pub fn handle(&mut self) -> Result<(), StoreError> {
        self.more = false;
        for n in 0.. {
            if n == EVENTS_PER_CALL {
                self.more = true;
                break;
            }
            let Some(event) = self.sessions.next_event() else {
                break;
            };
            self.session_event(event);
        }
        self.take_store_events()?;
        for _ in 0..JOBS_PER_CALL {
            let Some(job) = self.queue.pop(Instant::now()) else {
                break;
            };
            match self.run(job) {
                Ok(()) => {}
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    warn!(%error, ?job, "to be tried again");
                    self.queue.push_at(Instant::now() + RETRY, job);
                }
            }
        }
        // Events that came together with answers are in this process already: no file tells.
        self.take_store_events()
    }

    /// For how long there is nothing to do, unless something happens; without end if `None`.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        if self.more {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let due = self.queue.due(now)?;
        Some(due.saturating_duration_since(now))
    }

    /// Takes every device out of service, in order, so that another instance can go on where
    /// this one ends. New devices are left to that one.
    pub fn stop(&mut self) {
        self.stopping = true;
        for (&id, device) in &mut self.devices {
            device.machine.stop();
            self.queue.push(Job::Act(id));
        }
    }

    /// After [`stop`](Self::stop): nothing is served and all that is to be said is said.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.devices.values().all(|device| device.machine.is_idle())
    }

    /// The devices there are, served or not.
    pub fn devices(&self) -> impl Iterator<Item = DeviceId> {
        self.devices.keys().copied()
    }

    /// The data side.
    pub const fn sessions(&mut self) -> &mut N {
        &mut self.sessions
    }

    fn take_store_events(&mut self) -> Result<(), StoreError> {
        for _ in 0..EVENTS_PER_CALL {
            let Some((watch, event)) = self.store.next_event()? else {
                return Ok(());
            };
            if watch == self.area {
                match &event {
                    WatchEvent::Path(path) => match keys::place(path) {
                        Some(Place::Area) => self.queue.push(Job::Area),
                        Some(Place::Domain(domain)) => self.queue.push(Job::Domain(domain)),
                        Some(Place::Device(id)) => self.queue.push(Job::Back(id)),
                        None => debug!(path, "not a device"),
                    },
                    WatchEvent::Many => self.queue.push(Job::Area),
                }
            } else if watch == self.deaths {
                for &id in self.devices.keys() {
                    self.queue.push(Job::Alive(id));
                }
            } else if let Some(&id) = self.frontends.get(&watch) {
                self.queue.push(Job::Front(id));
            }
        }
        self.more = true;
        Ok(())
    }

    fn session_event(&mut self, event: SessionEvent) {
        let (id, change) = match event {
            SessionEvent::Opened(id) => (id, SessionChange::Opened),
            SessionEvent::Failed(id, reason) => (id, SessionChange::Failed(reason)),
            SessionEvent::Broken(id, reason) => (id, SessionChange::Broken(reason)),
            SessionEvent::Closed(id) => (id, SessionChange::Closed),
        };
        if let Some(device) = self.devices.get_mut(&id) {
            device.machine.session(change);
            self.queue.push(Job::Act(id));
        }
    }

    fn run(&mut self, job: Job) -> Result<(), StoreError> {
        match job {
            Job::Area => {
                for name in self.store.children(keys::AREA)? {
                    if let Some(domain) = keys::decimal(name.as_bytes()) {
                        self.queue.push(Job::Domain(domain));
                    }
                }
                for &id in self.devices.keys() {
                    self.queue.push(Job::Back(id));
                }
                Ok(())
            }
            Job::Domain(domain) => {
                for name in self.store.children(&format!("{}/{domain}", keys::AREA))? {
                    if let Some(device) = keys::decimal(name.as_bytes()) {
                        self.queue.push(Job::Back(DeviceId { domain, device }));
                    }
                }
                for &id in self.devices.keys().filter(|id| id.domain == domain) {
                    self.queue.push(Job::Back(id));
                }
                Ok(())
            }
            Job::Back(id) => self.look_at_back(id),
            Job::Front(id) => {
                self.look_at_front(id)?;
                self.act(id)
            }
            Job::Alive(id) => {
                if self.store.is_domain_alive(id.domain)? {
                    if let Some(device) = self.devices.get_mut(&id) {
                        device.machine.domain_alive();
                    }
                } else {
                    self.look_at_front(id)?;
                    if let Some(device) = self.devices.get_mut(&id) {
                        device.machine.domain_missing();
                    }
                }
                self.act(id)
            }
            Job::Act(id) => self.act(id),
        }
    }

    /// Our directory of a device: is it there, is it new, is it still wanted?
    fn look_at_back(&mut self, id: DeviceId) -> Result<(), StoreError> {
        let back = keys::back(id);
        let nodes = ["frontend", "frontend-id", "online", "state"];
        let values = self
            .store
            .read_together(&nodes.map(|node| format!("{back}/{node}")))?;
        let [frontend, frontend_id, online, state] = values.try_into().unwrap_or_default();
        let Some(state) = state.map(|state| State::parse(&state)) else {
            if let Some(device) = self.devices.get_mut(&id) {
                device.machine.vanish();
            }
            return self.act(id);
        };
        if let Some(device) = self.devices.get_mut(&id) {
            device.machine.found(state);
        } else {
            let front = keys::front(id);
            if frontend.as_deref() != Some(front.as_bytes())
                || frontend_id.and_then(|value| keys::decimal(&value)) != Some(id.domain)
            {
                let found = keys::shown(&frontend.unwrap_or_default());
                warn!(device = %id, %found, %front, "not a device: the frontend is elsewhere");
                return Ok(());
            }
            if self.stopping {
                return Ok(());
            }
            self.add(id, Machine::new(state, self.removes));
        }
        if let Some(device) = self.devices.get_mut(&id) {
            device.machine.online(online.as_deref() == Some(b"1"));
            if device.watch.is_none() {
                // Its first event comes at once, and brings the frontend's state.
                let watch = self.store.watch(&format!("{}/state", keys::front(id)))?;
                device.watch = Some(watch);
                self.frontends.insert(watch, id);
            }
        }
        // `online` ends in one transaction with the frontend, or without: it makes a difference.
        self.look_at_front(id)?;
        self.act(id)
    }

    fn look_at_front(&mut self, id: DeviceId) -> Result<(), StoreError> {
        let Some(device) = self.devices.get_mut(&id) else {
            return Ok(());
        };
        let value = self.store.read(&format!("{}/state", keys::front(id)))?;
        device
            .machine
            .front(match value.map(|value| State::parse(&value)) {
                None => Front::Gone,
                Some(None) => Front::Nonsense,
                Some(Some(state)) => Front::State(state),
            });
        Ok(())
    }

    fn add(&mut self, id: DeviceId, machine: Machine) {
        info!(device = %id, "new");
        self.counters.device(id);
        let device = Device {
            machine,
            watch: None,
            offered: Features::NONE,
            max_page_order: 1,
            rounds: (Instant::now(), 0),
            remove_at: None,
        };
        self.devices.insert(id, device);
        // It may be what a dead domain left.
        self.queue.push(Job::Alive(id));
    }
}

impl<S: Store + AsFd, N: Sessions> AsFd for DeviceModel<S, N> {
    /// The store's file: readable when there are events.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.store.as_fd()
    }
}

impl<S: Store, N: Sessions> std::fmt::Debug for DeviceModel<S, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceModel")
            .field("devices", &self.devices)
            .field("queue", &self.queue)
            .field("stopping", &self.stopping)
            .finish_non_exhaustive()
    }
}
