//! What a machine asks for, done: writes, sessions, the end of a device.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};
use xen_dev::StoreError;

use super::keys::{self, State};
use super::machine::Action;
use super::model::DeviceModel;
use super::queue::Job;
use super::store::{Change, Store};
use crate::config::DomainSettings;
use crate::features::Feature;
use crate::sessions::{Connection, DeviceId, Sessions};

/// Actions of one device in a row: a whole round through the states has fewer.
const ACTIONS_PER_JOB: usize = 8;

/// How long state 6 stays readable before a directory is removed that a toolstack watches.
const REMOVE_DELAY: Duration = Duration::from_secs(1);

/// A device may be offered so many times in [`ROUNDS_TIME`]; further rounds of a frontend that
/// connects and closes without end wait.
const ROUNDS_MAX: u32 = 20;

/// See [`ROUNDS_MAX`].
const ROUNDS_TIME: Duration = Duration::from_secs(10);

impl<S: Store, N: Sessions> DeviceModel<S, N> {
    /// Does what a device's machine asks for.
    pub(super) fn act(&mut self, id: DeviceId) -> Result<(), StoreError> {
        for _ in 0..ACTIONS_PER_JOB {
            let Some(action) = self.devices.get(&id).and_then(|it| it.machine.next()) else {
                return Ok(());
            };
            debug!(device = %id, ?action);
            if !self.carry_out(id, &action)? {
                return Ok(());
            }
            if let Some(device) = self.devices.get_mut(&id) {
                device.machine.done(&action);
            }
        }
        self.queue.push(Job::Act(id));
        Ok(())
    }

    /// Does one thing. False when it is not done, but to be asked for again.
    fn carry_out(&mut self, id: DeviceId, action: &Action) -> Result<bool, StoreError> {
        match action {
            Action::Offer => self.offer(id),
            Action::Connect => self.connect(id),
            Action::Close(ending) => {
                self.sessions.close(id, *ending);
                Ok(true)
            }
            Action::Write(state) => {
                if *state == State::Connected {
                    info!(device = %id, "connected");
                } else {
                    info!(device = %id, ?state);
                }
                self.change(id, vec![write_state(id, *state)])
            }
            Action::Fail(reason) => {
                error!(device = %id, reason, "not served");
                let error = Change::write(format!("{}/error", keys::back(id)), reason);
                self.change(id, vec![error, write_state(id, State::Closing)])
            }
            Action::Remove => self.remove(id),
            Action::Forget => {
                self.forget(id)?;
                Ok(true)
            }
        }
    }

    /// Changes our directory, if it still is there; the machine hears of it if not.
    fn change(&mut self, id: DeviceId, changes: Vec<Change>) -> Result<bool, StoreError> {
        let guard = format!("{}/state", keys::back(id));
        let changed = self.store.change(&guard, &changes)?;
        if !changed && let Some(device) = self.devices.get_mut(&id) {
            device.machine.vanish();
            self.queue.push(Job::Act(id));
        }
        Ok(changed)
    }

    fn settings(&mut self, id: DeviceId) -> Result<Arc<DomainSettings>, StoreError> {
        // The toolstack's to write, unlike what is in the guest's own directories.
        let name = self
            .store
            .read(&format!("/local/domain/{}/name", id.domain))?;
        if name.is_none() {
            info!(device = %id, "its name is not for this domain to read: [default] holds");
        }
        let name = String::from_utf8(name.unwrap_or_default()).unwrap_or_default();
        self.counters.device(id).set_name(&name);
        Ok((self.settings)(id.domain, &name))
    }

    fn offer(&mut self, id: DeviceId) -> Result<bool, StoreError> {
        let now = Instant::now();
        let Some(device) = self.devices.get_mut(&id) else {
            return Ok(false);
        };
        if now.duration_since(device.rounds.0) >= ROUNDS_TIME {
            device.rounds = (now, 0);
        }
        if device.rounds.1 >= ROUNDS_MAX {
            let until = device.rounds.0 + ROUNDS_TIME;
            debug!(device = %id, "connects and closes too often: has to wait");
            self.queue.push_at(until, Job::Act(id));
            return Ok(false);
        }
        device.rounds.1 += 1;
        let settings = self.settings(id)?;
        let back = keys::back(id);
        let order = settings.limits.max_page_order.clamp(1, 9);
        let mut changes = vec![
            Change::write(format!("{back}/versions"), "1"),
            Change::write(format!("{back}/max-page-order"), &order.to_string()),
            Change::write(format!("{back}/function-calls"), "1"),
            Change::Remove(format!("{back}/error")),
        ];
        for feature in Feature::ALL {
            let path = format!("{back}/{}", feature.key());
            changes.push(if settings.features.has(feature) {
                Change::write(path, "1")
            } else {
                Change::Remove(path)
            });
        }
        changes.push(write_state(id, State::InitWait));
        if let Some(device) = self.devices.get_mut(&id) {
            device.offered = settings.features;
            device.max_page_order = order;
        }
        info!(device = %id, features = ?settings.features, "offered");
        self.change(id, changes)
    }

    fn connect(&mut self, id: DeviceId) -> Result<bool, StoreError> {
        let settings = self.settings(id)?;
        let Some(device) = self.devices.get_mut(&id) else {
            return Ok(false);
        };
        let front = keys::front(id);
        let offered: Vec<Feature> = device.offered.iter().collect();
        let names = ["port", "ring-ref"].into_iter();
        let names = names.chain(offered.iter().map(|feature| feature.key()));
        let paths: Vec<String> = names.map(|name| format!("{front}/{name}")).collect();
        let values = self.store.read_together(&paths)?;
        let number = |n: usize| -> Result<u32, String> {
            let value = values.get(n).and_then(Option::as_ref);
            let value = value.ok_or_else(|| format!("{} is missing", paths[n]))?;
            keys::decimal(value)
                .ok_or_else(|| format!("{} is not a number: {}", paths[n], keys::shown(value)))
        };
        let (port, ring_ref) = match number(0).and_then(|port| Ok((port, number(1)?))) {
            Ok(numbers) => numbers,
            Err(reason) => {
                device.machine.refuse(reason);
                self.queue.push(Job::Act(id));
                return Ok(false);
            }
        };
        let said_yes = values
            .iter()
            .skip(2)
            .map(|value| value.as_deref() == Some(b"1"));
        let both = offered.iter().zip(said_yes).filter(|(_, yes)| *yes);
        let connection = Connection {
            ring_ref,
            port,
            features: both.map(|(feature, _)| *feature).collect(),
            settings: with_order(settings, device.max_page_order),
        };
        info!(device = %id, ring_ref, port, features = ?connection.features, "connecting");
        self.sessions.open(id, connection);
        Ok(true)
    }

    fn remove(&mut self, id: DeviceId) -> Result<bool, StoreError> {
        let now = Instant::now();
        let Some(device) = self.devices.get_mut(&id) else {
            return Ok(false);
        };
        let due = *device.remove_at.get_or_insert(now + REMOVE_DELAY);
        if due > now && !device.machine.is_domain_dead() {
            self.queue.push_at(due, Job::Act(id));
            return Ok(false);
        }
        let parent = format!("{}/{}", keys::AREA, id.domain);
        self.change(
            id,
            vec![
                Change::Remove(keys::back(id)),
                Change::RemoveIfEmpty(parent),
            ],
        )
    }

    fn forget(&mut self, id: DeviceId) -> Result<(), StoreError> {
        let watch = self.devices.remove(&id).and_then(|device| device.watch);
        self.counters.forget(id);
        info!(device = %id, "gone");
        // Another directory may be in its place.
        self.queue.push(Job::Back(id));
        if let Some(watch) = watch {
            self.frontends.remove(&watch);
            match self.store.unwatch(watch) {
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => warn!(%error, "a watch stays"),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

/// The settings, with the greatest ring order that was published: a new configuration cannot
/// change what the frontend has read.
fn with_order(settings: Arc<DomainSettings>, max_page_order: u8) -> Arc<DomainSettings> {
    if settings.limits.max_page_order == max_page_order {
        return settings;
    }
    let mut settings = Arc::unwrap_or_clone(settings);
    settings.limits.max_page_order = max_page_order;
    Arc::new(settings)
}

fn write_state(id: DeviceId, state: State) -> Change {
    let path = format!("{}/state", keys::back(id));
    Change::write(path, &state.number().to_string())
}
