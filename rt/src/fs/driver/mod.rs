//! Where the 9pfs driver and the kernel meet: the only module that knows both.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | waiting, events, the idle path, the end of the domain |
//! | `device.rs` | the devices, by their tags, and who waits for one to come up |
//! | `line.rs` | one session and its lock |
//! | `tend.rs` | the thread of a device: brings it up, again if need be |
//!
//! A device is brought up by the first call that needs it, in a thread of its own, which then looks
//! after it: when its server goes away, calls fail and open files are stale at once, and the thread
//! brings the device up again however long that takes. Who needs it meanwhile waits for a moment.
//! A first attempt that fails is told to those who waited, and the next call tries again.

mod device;
mod line;
mod tend;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use kernel::thread::{self, Timer};
use kernel::time::{NS_PER_S, monotonic_ns};
use p9_front::Stats;
use spin::Mutex;

use crate::io::Result;
use device::Device;

pub(super) use line::Connection;

/// The client of a volume.
pub(super) type Client = p9_front::client::Client<Connection>;

/// How long the end of the domain may wait until the servers know which files are closed.
const CLOSE_NS: u64 = NS_PER_S;
/// How often it is looked whether they do.
const LOOK_NS: u64 = 5_000_000;

/// Wakes the vCPU at the drivers' next deadline.
static DEADLINE: Mutex<Option<(u64, Timer)>> = Mutex::new(None);

/// What is to be done at the end of the domain: set by the first device, so that guests without files
/// have nothing of the driver in their images.
static AT_END: spin::Once<fn()> = spin::Once::new();

/// Lets the kernel drive the devices, from the first one on.
fn begin() {
    AT_END.call_once(|| {
        thread::add_idle_hook(before_idle);
        close_files
    });
}

/// The volume of that tag, brought up if need be.
///
/// # Errors
/// It cannot be.
pub(super) fn volume(tag: &str) -> Result<Client> {
    Device::get(tag).client()
}

/// Blocks until the future is ready.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let value = thread::wait(None, |waker| {
        future.as_mut().poll(&mut Context::from_waker(waker))
    });
    value.expect("a wait without deadline ends with a value")
}

/// Lets others go on for so long.
pub(super) fn pause(time: Duration) {
    thread::sleep_until(crate::time::deadline_ns(time));
}

/// Numbers of the driver for the volume of that tag, for tests and the curious; `None` as long as
/// nothing needed it, and while its server is away.
pub fn stats(tag: &str) -> Option<Stats> {
    let device = Device::find(tag)?;
    device.line()?.with(|session| session.stats())
}

/// The vCPU is about to block or to run another thread.
fn before_idle() {
    let now = monotonic_ns();
    let mut next: Option<u64> = None;
    device::for_each_line(|line| {
        let deadline = line.with(|session| {
            session.flush(now);
            if session.next_deadline_ns().is_some_and(|at| at <= now) {
                session.poll(now);
                session.flush(now);
            }
            session.next_deadline_ns()
        });
        next = [next, deadline.flatten()].into_iter().flatten().min();
    });
    let mut armed = DEADLINE.lock();
    if armed.as_ref().map(|(deadline, _)| *deadline) != next {
        // That the timer ends the blocking is all: this function runs again then.
        *armed = next.map(|deadline| (deadline, Timer::new(deadline, Waker::noop().clone())));
    }
}

/// Before the domain ends: the servers are told of the files that were closed. What was written they
/// have since the writes returned.
pub(crate) fn shut_down() {
    if let Some(at_end) = AT_END.get() {
        at_end();
    }
}

/// Waits until the servers have forgotten closed files, for a moment.
fn close_files() {
    let end_ns = monotonic_ns() + CLOSE_NS;
    for device in device::all() {
        let Some(line) = device.line() else { continue };
        loop {
            let busy = line.with(|session| {
                let now = monotonic_ns();
                session.flush(now);
                session.fault().is_none() && session.stats().forgetting > 0
            });
            let now = monotonic_ns();
            if busy != Some(true) || now >= end_ns {
                break;
            }
            thread::sleep_until(now + LOOK_NS);
        }
    }
}
