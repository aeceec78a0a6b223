//! What is counted, per domain and per socket: monotonic totals and current levels.
//!
//! The data side adds, whoever shows them reads; all relaxed atomics, since no decision hangs on
//! them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sessions::DeviceId;

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Takes from it: for levels.
    pub fn sub(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    /// What it is.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted for a device.
#[derive(Debug, Default)]
pub struct DeviceCounters {
    /// What the toolstack calls the domain, if that is known.
    name: Mutex<String>,
    /// Commands taken from the ring.
    pub commands: Counter,
    /// Commands answered with an error.
    pub command_errors: Counter,
    /// Addresses and names that the policy refused.
    pub denied: Counter,
    /// Requests refused because a limit was reached.
    pub limited: Counter,
    /// Times the command ring was left alone for a while because the rate was exceeded.
    pub throttled: Counter,
    /// Sockets now.
    pub sockets: Counter,
    /// Connects under way now.
    pub connecting: Counter,
    /// Pages of the domain mapped now.
    pub mapped_pages: Counter,
    /// Connections made by CONNECT, ever.
    pub connected: Counter,
    /// Connections made by ACCEPT, ever.
    pub accepted: Counter,
    /// Bytes from the guest to the network.
    pub bytes_out: Counter,
    /// Bytes from the network to the guest.
    pub bytes_in: Counter,
    /// Datagrams dropped because no ring could hold them or the policy refused their address.
    pub datagrams_dropped: Counter,
    /// Events sent to the guest.
    pub notifications_sent: Counter,
    /// Events taken from the guest.
    pub notifications_received: Counter,
    /// The sockets that now have a data ring.
    pub streams: Mutex<BTreeMap<u64, Arc<SocketCounters>>>,
}

impl DeviceCounters {
    /// A socket got its ring.
    pub fn add_stream(&self, id: u64, counters: Arc<SocketCounters>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.insert(id, counters);
    }

    /// A socket lost its ring. Its id may have been given to another one meanwhile.
    pub fn remove_stream(&self, id: u64, counters: &Arc<SocketCounters>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if streams
            .get(&id)
            .is_some_and(|other| Arc::ptr_eq(other, counters))
        {
            streams.remove(&id);
        }
    }
}

impl DeviceCounters {
    /// Notes what the toolstack calls the domain.
    pub fn set_name(&self, name: &str) {
        let mut now = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != name {
            name.clone_into(&mut now);
        }
    }

    /// What the toolstack calls the domain; empty if that is not known.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        name.clone()
    }
}

/// What is counted for a socket with a data ring.
#[derive(Debug)]
pub struct SocketCounters {
    /// The peer, or the local address of a datagram socket.
    pub address: String,
    /// Bytes from the guest to the network.
    pub bytes_out: Counter,
    /// Bytes from the network to the guest.
    pub bytes_in: Counter,
}

/// The devices that are served.
#[derive(Debug, Default)]
pub struct Counters {
    devices: Mutex<BTreeMap<DeviceId, Arc<DeviceCounters>>>,
}

impl Counters {
    /// The counters of a device, made if there are none.
    pub fn device(&self, device: DeviceId) -> Arc<DeviceCounters> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(devices.entry(device).or_default())
    }

    /// Forgets a device.
    pub fn forget(&self, device: DeviceId) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.remove(&device);
    }

    /// All devices now.
    #[must_use]
    pub fn devices(&self) -> Vec<(DeviceId, Arc<DeviceCounters>)> {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices
            .iter()
            .map(|(device, counters)| (*device, Arc::clone(counters)))
            .collect()
    }
}
