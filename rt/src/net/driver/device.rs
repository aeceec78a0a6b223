//! The device of this domain, and its lock.
//!
//! Wakers are foreign code, and the driver drops and wakes them under the lock: with one of them
//! the last handle of a task may go, and with that the task's sockets. So [`close`] may be called
//! at any time: what cannot be done at once is done by whoever holds the lock, before he goes on.
//! Nothing else of this module may be called under the lock.

use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};
use core::task::Waker;

use kernel::time::monotonic_ns;
use pvcalls_front::{Frontend, HandshakeError, SocketId};
use spin::{Mutex, MutexGuard};

use super::platform::Xen;

/// The device of this domain.
#[expect(clippy::large_enum_variant, reason = "there is one, in a static")]
pub(super) enum Device {
    /// Nobody has needed it, or it failed: the number of the attempt, and why.
    Down(Option<(u64, HandshakeError)>),
    /// The thread `pvcalls` brings it up.
    Starting {
        /// Which attempt it is.
        attempt: u64,
        /// Those who wait for its outcome.
        waiting: Vec<Waker>,
    },
    /// It is up, or was and will be again: the driver knows.
    Up(Frontend<Xen>),
}

static DEVICE: Mutex<Device> = Mutex::new(Device::Down(None));

/// What is to be done as soon as the lock is released.
static DEFERRED: Mutex<Vec<Closing>> = Mutex::new(Vec::new());

/// A socket that is given up.
struct Closing {
    id: SocketId,
    linger_ns: Option<u64>,
}

impl Closing {
    fn carry_out(self, device: &mut Device) {
        let Device::Up(frontend) = device else {
            return; // There was never a socket.
        };
        // That the handle is gone already would be a mistake of this crate; there is nobody to
        // tell.
        let _ = frontend.close(self.id, self.linger_ns, monotonic_ns());
    }
}

/// Gives a socket up, see [`Frontend::close`]. May be called by anyone at any time, from the drop
/// of a waker that happens under the lock, too.
pub(in crate::net) fn close(id: SocketId, linger_ns: Option<u64>) {
    let closing = Closing { id, linger_ns };
    match DEVICE.try_lock() {
        Some(device) => closing.carry_out(&mut Guard(Some(device))),
        None => DEFERRED.lock().push(closing),
    }
}

/// The locked device.
pub(super) struct Guard(Option<MutexGuard<'static, Device>>);

/// Locks the device. It is never contended: nobody waits or yields while he holds it.
pub(super) fn lock() -> Guard {
    Guard(Some(DEVICE.lock()))
}

impl Deref for Guard {
    type Target = Device;

    fn deref(&self) -> &Device {
        self.0.as_deref().expect("locked until it is dropped")
    }
}

impl DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut Device {
        self.0.as_deref_mut().expect("locked until it is dropped")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0 = None;
        loop {
            // Each may put more into the queue.
            let next = DEFERRED.lock().pop();
            let Some(closing) = next else { return };
            closing.carry_out(&mut DEVICE.lock());
        }
    }
}
