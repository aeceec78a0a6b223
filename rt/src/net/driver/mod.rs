//! Where the PV Calls driver and the kernel meet: the only module that knows both.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | calls of sockets, events, the idle path, the end of the domain |
//! | `device.rs` | the one device and its lock |
//! | `tend.rs` | the thread `pvcalls`: brings the device up, again if need be |
//!
//! The driver asks for pages, ports and xenstore keys, and gets the kernel's (`rt/src/xen`). The kernel's events,
//! idle path and clock drive the driver: a port's event goes to [`on_event`], and before the vCPU
//! blocks or changes threads, [`before_idle`] lets the driver announce what it wrote and look at
//! its deadlines.
//!
//! The device is brought up by the first call that needs it ([`Start`]), so a guest without a
//! network needs no device. A failure is told to those who waited, and the next call tries again:
//! the backend may have come up meanwhile. Once up, a device is looked after by a thread, `pvcalls`:
//! when its backend goes away, streams fail at once, and the thread brings the device up again
//! however long that takes. The driver is there all the time: streams that were lost are read to
//! their end and dropped, and connects wait for a while.

mod device;
mod tend;

use alloc::vec;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use core::task::{Poll, Waker};

use kernel::event;
use kernel::thread::{self, Timer};
use kernel::time::{NS_PER_S, monotonic_ns};
use pvcalls_front::{Config, Frontend, Port, RingOrder, Stats};
use spin::Mutex;

use crate::env;
use crate::io::{self, ErrorKind};
use device::{Device, lock};

pub(super) use crate::xen::Xen;
pub(super) use device::{close, drop_call};

/// How long the end of the domain may wait for bytes that were written.
const DRAIN_NS: u64 = 60 * NS_PER_S;
/// How long it may wait until the backend has closed the sockets.
const RELEASE_NS: u64 = 5 * NS_PER_S;
/// How long it may wait for connects: longer than Linux's TCP tries, 131 s.
const CONNECT_ANSWER_NS: u64 = 150 * NS_PER_S;
/// The variable of the command line that sets the size of data rings.
const RING_ORDER: &str = "ring_order";

/// Whether the domain ends: its sockets are closed under the hands of threads that still run.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Wakes the vCPU at the driver's next deadline.
static DEADLINE: Mutex<Option<(u64, Timer)>> = Mutex::new(None);
/// What [`set_default_ring_order`] was told; 0: nothing.
static DEFAULT_RING_ORDER: AtomicU8 = AtomicU8::new(0);

/// Someone who needs the device up, and waits for that.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// The attempt whose failure would be his.
    attempt: Option<u64>,
}

impl Start {
    /// Ready when the device is up, or when an attempt that was under way or that this started
    /// has failed. The thread `pvcalls` does the work.
    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<io::Result<()>> {
        let mut device = lock();
        match &mut *device {
            Device::Up(_) => Poll::Ready(Ok(())),
            Device::Starting { attempt, waiting } => {
                self.attempt = Some(*attempt);
                if !waiting.iter().any(|known| known.will_wake(waker)) {
                    waiting.push(waker.clone());
                }
                Poll::Pending
            }
            Device::Down(Some((attempt, error))) if self.attempt == Some(*attempt) => {
                Poll::Ready(Err(error.clone().into()))
            }
            Device::Down(last) => {
                let attempt = last.as_ref().map_or(0, |(attempt, _)| attempt + 1);
                let builder = thread::Builder::new().name("pvcalls".into());
                // Without that thread nobody would notice that the backend went away, so the
                // device stays down, and the next call tries again.
                if let Err(error) = builder.spawn(move || tend::run(attempt)) {
                    return Poll::Ready(Err(io::Error::new(ErrorKind::OutOfMemory, error)));
                }
                self.attempt = Some(attempt);
                let waiting = vec![waker.clone()];
                *device = Device::Starting { attempt, waiting };
                Poll::Pending
            }
        }
    }
}

/// Runs `f` on the driver with the current time. The device must be up ([`Start`]); it is for
/// everybody who has a socket.
pub(super) fn with<T, E: Into<io::Error>>(
    f: impl FnOnce(&mut Frontend<Xen>, u64) -> Result<T, E>,
) -> io::Result<T> {
    match &mut *lock() {
        Device::Up(frontend) => f(frontend, monotonic_ns()).map_err(Into::into),
        _ => Err(ErrorKind::NotConnected.into()),
    }
}

/// Sets the size of data rings of connections that do not ask for one with
/// [`Options::ring_order`](super::Options::ring_order), from now on. Without a call it is what the
/// command line says (`ring_order=4`), and without that 7.
///
/// It is an upper limit: the backend may take no rings so large, and when memory is short they get
/// smaller. Rings that are kept from earlier connections stay as they are, so this is best called
/// before the first. A ring of order n takes `2^n + 1` pages; half of its `2^n` are for each direction.
pub fn set_default_ring_order(order: RingOrder) {
    DEFAULT_RING_ORDER.store(order.get(), Ordering::Relaxed);
    if let Device::Up(frontend) = &mut *lock() {
        frontend.set_ring_order(order);
    }
}

/// The settings of the device.
fn config() -> Config {
    let config = Config::default();
    let asked = match DEFAULT_RING_ORDER.load(Ordering::Relaxed) {
        0 => env::var(RING_ORDER).ok().and_then(|value| {
            let order = value.parse().ok().and_then(RingOrder::new);
            if order.is_none() {
                log::warn!("{RING_ORDER}={value}: not a number from 1 to 9");
            }
            order
        }),
        order => RingOrder::new(order),
    };
    Config {
        ring_order: asked.unwrap_or(config.ring_order),
        ..config
    }
}

/// Numbers of the driver, for tests and the curious; `None` as long as nothing needed it.
pub fn stats() -> Option<Stats> {
    match &*lock() {
        Device::Up(frontend) => Some(frontend.stats()),
        _ => None,
    }
}

/// A port of the device was raised.
fn on_event(port: event::Port) {
    if let (Some(port), Device::Up(frontend)) = (Port::new(port), &mut *lock()) {
        frontend.on_event(port, monotonic_ns());
    }
}

/// The vCPU is about to block or to run another thread.
fn before_idle() {
    let Device::Up(frontend) = &mut *lock() else {
        return;
    };
    let now = monotonic_ns();
    frontend.flush(now);
    if frontend
        .next_deadline_ns()
        .is_some_and(|deadline| deadline <= now)
    {
        frontend.poll(now);
    }
    let next = frontend.next_deadline_ns();
    let mut armed = DEADLINE.lock();
    if armed.as_ref().map(|(deadline, _)| *deadline) != next {
        // That the timer ends the blocking is all: this function runs again then.
        *armed = next.map(|deadline| (deadline, Timer::new(deadline, Waker::noop().clone())));
    }
}

/// Waits until what was written to sockets has left, before the domain ends, and until the
/// backend has answered every connect.
///
/// A backend that is away, or goes away meanwhile, is not waited for: what it had is lost.
///
/// The second is for the host's sake: Linux's backend maps a socket's ring once its connect
/// succeeds, and when the guest is gone by then, dom0 may crash (docs/protocol.md).
pub(crate) fn shut_down() {
    let finish = |patience_ns: u64, busy: fn(&Frontend<Xen>) -> bool| {
        let finished = thread::wait(Some(monotonic_ns() + patience_ns), |waker| {
            let Device::Up(frontend) = &mut *lock() else {
                return Poll::Ready(());
            };
            if !busy(frontend) {
                return Poll::Ready(());
            }
            frontend.register_drain(waker);
            Poll::Pending
        });
        finished.is_some()
    };
    // Streams that somebody still holds, too: their bytes were written.
    ENDING.store(true, Ordering::Relaxed);
    if let Device::Up(frontend) = &mut *lock() {
        frontend.close_all(None, monotonic_ns());
    }
    if !finish(DRAIN_NS, |frontend| frontend.draining() > 0) {
        log::warn!("the domain ends with bytes unsent: the backend does not take them");
    }
    // Or the other ends do not see the end while the domain, powered off, is kept.
    if !finish(RELEASE_NS, |frontend| frontend.releasing() > 0) {
        log::warn!("the domain ends with sockets that the backend has not closed");
    }
    if !finish(CONNECT_ANSWER_NS, |frontend| {
        frontend.unanswered_connects() > 0
    }) {
        log::warn!("the domain ends with a connect under way that the backend never answered");
    }
}

/// Whether the domain ends. A call that fails then should wait for the end instead, as it does
/// in a process that exits.
pub(super) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}
