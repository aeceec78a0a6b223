//! The device of this domain, and its lock.
//!
//! Wakers are foreign code, and the driver drops and wakes them under the lock: with one of them
//! the last handle of a task may go, and with that the task's sockets. So [`close`] and
//! [`drop_call`] may be called at any time: what cannot be done at once is done by whoever holds
//! the lock, before he goes on. Nothing else of this module may be called under the lock.

use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};
use core::task::Waker;

use kernel::time::monotonic_ns;
use pvcalls_front::{CallId, Frontend, HandshakeError, SocketId};
use spin::{Mutex, MutexGuard};

use crate::xen::Xen;

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
static DEFERRED: Mutex<Vec<GivenUp>> = Mutex::new(Vec::new());

/// What somebody gives up.
enum GivenUp {
    /// A socket, and for how long its bytes may stand still.
    Socket(SocketId, Option<u64>),
    /// The answer of a call.
    Call(CallId),
}

impl GivenUp {
    fn carry_out(self, device: &mut Device) {
        let Device::Up(frontend) = device else {
            return; // There was never a socket.
        };
        match self {
            // That the handle is gone already would be a mistake of this crate, or the domain ends;
            // there is nobody to tell.
            GivenUp::Socket(id, linger_ns) => {
                let _ = frontend.close(id, linger_ns, monotonic_ns());
            }
            GivenUp::Call(id) => frontend.drop_call(id),
        }
    }

    /// Does it now, or when the lock is released.
    fn see_to(self) {
        match DEVICE.try_lock() {
            Some(device) => self.carry_out(&mut Guard(Some(device))),
            None => DEFERRED.lock().push(self),
        }
    }
}

/// Gives a socket up, see [`Frontend::close`]. May be called by anyone at any time, from the drop
/// of a waker that happens under the lock, too.
pub(in crate::net) fn close(id: SocketId, linger_ns: Option<u64>) {
    GivenUp::Socket(id, linger_ns).see_to();
}

/// Gives a call up, see [`Frontend::drop_call`]. May be called as [`close`] may.
pub(in crate::net) fn drop_call(id: CallId) {
    GivenUp::Call(id).see_to();
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
            let Some(given_up) = next else { return };
            given_up.carry_out(&mut DEVICE.lock());
        }
    }
}
