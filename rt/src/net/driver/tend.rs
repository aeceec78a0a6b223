//! Bringing the device up, and looking after it: the thread `pvcalls`.

use alloc::string::String;
use alloc::sync::Arc;
use core::task::{Poll, Waker};

use kernel::thread;
use kernel::time::{NS_PER_S, monotonic_ns};
use kernel::xenstore;
use pvcalls_front::{FRONTEND_DIR, Frontend, Handshake, HandshakeError, Step};

use super::device::{Device, lock};
use super::{before_idle, on_event};
use crate::xen::{Watching, Xen, Xenstore, watch, xenbus_state};

/// How often the backend's state is read although no watch fired: xenstored drops the events of a
/// domain that was paused for long.
const LOOK_NS: u64 = 60 * NS_PER_S;

/// Brings the device up, tells those who wait for that, and looks after it from then on. Ends if
/// it does not come up: the next who needs it starts another attempt.
pub(super) fn run(attempt: u64) {
    static HOOK: spin::Once = spin::Once::new();
    HOOK.call_once(|| thread::add_idle_hook(before_idle));
    let handshake = Handshake::new(Xen::new(Arc::new(on_event)), super::config());
    let (device, up) = match bring_up(handshake) {
        Ok(frontend) => (Device::Up(frontend), true),
        Err(error) => (Device::Down(Some((attempt, error))), false),
    };
    let before = core::mem::replace(&mut *lock(), device);
    if let Device::Starting { waiting, .. } = before {
        waiting.into_iter().for_each(Waker::wake);
    }
    if up {
        tend();
    }
}

/// Drives a handshake to its end.
fn bring_up(mut handshake: Handshake<Xen>) -> Result<Frontend<Xen>, HandshakeError> {
    let mut state = Watching::default();
    loop {
        match handshake.step(&mut Xenstore, monotonic_ns()) {
            Step::Connected(frontend) => return Ok(frontend),
            Step::Failed { error, .. } => return Err(error),
            Step::WaitForBackend {
                handshake: next,
                watch,
                deadline_ns,
            } => {
                handshake = next;
                state.wait(&watch, deadline_ns);
            }
        }
    }
}

/// Looks after a device that is up, for good: notices when its backend goes away, and brings it
/// up again.
fn tend() -> ! {
    loop {
        wait_until_broken();
        let handshake = match &mut *lock() {
            Device::Up(frontend) => frontend.reconnect(monotonic_ns()),
            _ => None,
        };
        let Some(handshake) = handshake else {
            unreachable!("a device that broke is reconnected here and nowhere else");
        };
        match bring_up(handshake) {
            Ok(fresh) => {
                if let Device::Up(frontend) = &mut *lock() {
                    frontend.resume(fresh, monotonic_ns());
                }
                log::info!("the PV Calls device is in use again");
            }
            Err(error) => unreachable!("such a handshake does not give up: {error}"),
        }
    }
}

/// Tells the driver of the backend's states, until one of them or something else breaks the
/// device.
fn wait_until_broken() {
    let backend = xenstore::read(&alloc::format!("{FRONTEND_DIR}/backend"));
    let path = match &backend {
        Ok(backend) => alloc::format!("{}/state", String::from_utf8_lossy(backend)),
        Err(error) => {
            log::warn!("a backend that closes will not be noticed: {error}");
            String::new()
        }
    };
    let watch = backend.ok().and_then(|_| watch(&path));
    loop {
        let broken = thread::wait(Some(monotonic_ns() + LOOK_NS), |waker| {
            if let Device::Up(frontend) = &mut *lock() {
                if frontend.fault().is_some() {
                    return Poll::Ready(true);
                }
                frontend.register_fault(waker);
            }
            match &watch {
                Some(watch) => watch.poll(waker).map(|_| false),
                None => Poll::Pending,
            }
        });
        if broken == Some(true) {
            return;
        }
        if !path.is_empty()
            && let Some(state) = xenbus_state(&path)
            && let Device::Up(frontend) = &mut *lock()
        {
            frontend.on_backend_state(state, monotonic_ns());
        }
    }
}
