//! Where the PV Calls driver and the kernel meet: the only file that knows both.
//!
//! The driver asks for pages, ports and xenstore keys; [`Xen`] and [`Xenstore`] answer with
//! the kernel's. The kernel's events, idle path and clock drive the driver: a port's event
//! goes to [`on_event`], and before the vCPU blocks or changes threads, [`before_idle`]
//! lets the driver announce what it wrote and look at its deadlines.
//!
//! The device is brought up by the first call that needs it, so a guest without a network
//! needs no device. A failure is told to that caller, and the next call tries again: the
//! backend may have come up meanwhile. Once up, a device is looked after by a thread, `pvcalls`:
//! when its backend goes away, streams fail at once, and the thread brings the device up again
//! however long that takes ([`tend`]). The driver is there all the time: streams that were lost are
//! read to their end and dropped, and connects wait for a while.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Poll, Waker};

use kernel::thread::{self, Timer};
use kernel::time::{NS_PER_S, monotonic_ns};
use kernel::{event, grant, mem, xenstore};
use pvcalls_front::{
    Config, DomainId, Errno, FRONTEND_DIR, Frontend, GrantRef, Handshake, NoPort, PageCount,
    Platform, Port, ShareError, SharedPages, Stats, Step, StillMapped, Store, XenbusState,
};
use spin::Mutex;

use crate::io::{self, ErrorKind};

/// How long the end of the domain may wait for bytes that were written.
const DRAIN_NS: u64 = 60 * NS_PER_S;
/// How long it may wait for connects: longer than Linux's TCP tries, 131 s.
const CONNECT_ANSWER_NS: u64 = 150 * NS_PER_S;
/// How often the backend's state is read although no watch fired: xenstored drops the events of a
/// domain that was paused for long.
const LOOK_NS: u64 = 60 * NS_PER_S;
/// How often it is read when it cannot be watched.
const BLIND_LOOK_NS: u64 = NS_PER_S;

/// The device of this domain.
#[expect(clippy::large_enum_variant, reason = "there is one, in a static")]
enum Device {
    /// Nobody has needed it, or it failed.
    Down,
    /// A thread brings it up; these wait for it.
    Starting(Vec<Waker>),
    /// It is up, or was and will be again: the driver knows.
    Up(Frontend<Xen>),
}

static DEVICE: Mutex<Device> = Mutex::new(Device::Down);
/// Whether the domain ends: its sockets are closed under the hands of threads that still run.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Wakes the vCPU at the driver's next deadline.
static DEADLINE: Mutex<Option<(u64, Timer)>> = Mutex::new(None);

/// Runs `f` on the driver with the current time, bringing the device up first if need be.
pub(super) fn with<R>(f: impl FnOnce(&mut Frontend<Xen>, u64) -> R) -> io::Result<R> {
    loop {
        {
            let mut device = DEVICE.lock();
            match &mut *device {
                Device::Up(frontend) => return Ok(f(frontend, monotonic_ns())),
                Device::Down => *device = Device::Starting(Vec::new()),
                Device::Starting(_) => {
                    drop(device);
                    wait_for_start();
                    continue;
                }
            }
        }
        start()?;
    }
}

/// Waits while another thread brings the device up.
fn wait_for_start() {
    thread::wait(None, |waker| match &mut *DEVICE.lock() {
        Device::Starting(waiting) => {
            waiting.push(waker.clone());
            Poll::Pending
        }
        _ => Poll::Ready(()),
    });
}

fn start() -> io::Result<()> {
    let (device, result) = match hand_shake() {
        Ok(frontend) => (Device::Up(frontend), Ok(())),
        Err(error) => (Device::Down, Err(error)),
    };
    if result.is_ok() {
        let builder = thread::Builder::new().name("pvcalls".into());
        if let Err(error) = builder.spawn(|| tend()) {
            log::warn!("a backend that goes away will not be noticed: {error}");
        }
    }
    let before = core::mem::replace(&mut *DEVICE.lock(), device);
    if let Device::Starting(waiting) = before {
        waiting.into_iter().for_each(Waker::wake);
    }
    static HOOK: spin::Once = spin::Once::new();
    HOOK.call_once(|| thread::add_idle_hook(before_idle));
    result
}

/// Brings the device up.
fn hand_shake() -> io::Result<Frontend<Xen>> {
    bring_up(Handshake::new(Xen, Config::default()))
}

/// Drives a handshake to its end.
fn bring_up(mut handshake: Handshake<Xen>) -> io::Result<Frontend<Xen>> {
    let mut state: Option<(String, xenstore::Watch)> = None;
    loop {
        match handshake.step(&mut Xenstore, monotonic_ns()) {
            Step::Connected(frontend) => return Ok(frontend),
            Step::Failed { error, .. } => return Err(error.into()),
            Step::WaitForBackend {
                handshake: next,
                watch: path,
                deadline_ns,
            } => {
                handshake = next;
                if state.as_ref().is_none_or(|(watched, _)| *watched != path) {
                    state = watch(&path).map(|watch| (path, watch));
                }
                match &state {
                    Some((_, watch)) => {
                        watch.wait_until(deadline_ns);
                    }
                    None => thread::sleep_until(deadline_ns.min(monotonic_ns() + BLIND_LOOK_NS)),
                }
            }
        }
    }
}

/// Watches a key. Without a watch a change is noticed later, when the key is read anyway.
fn watch(path: &str) -> Option<xenstore::Watch> {
    xenstore::watch(path)
        .map_err(|error| log::warn!("changes will be noticed late: {error}"))
        .ok()
}

/// Looks after a device that is up, for good: notices when its backend goes away, and brings it
/// up again.
fn tend() -> ! {
    loop {
        wait_until_broken();
        let handshake = match &mut *DEVICE.lock() {
            Device::Up(frontend) => frontend.reconnect(monotonic_ns()),
            _ => None,
        };
        let Some(handshake) = handshake else {
            unreachable!("a device that broke is reconnected here and nowhere else");
        };
        match bring_up(handshake) {
            Ok(fresh) => {
                if let Device::Up(frontend) = &mut *DEVICE.lock() {
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
            if let Device::Up(frontend) = &mut *DEVICE.lock() {
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
            && let Some(state) = backend_state(&path)
            && let Device::Up(frontend) = &mut *DEVICE.lock()
        {
            frontend.on_backend_state(state, monotonic_ns());
        }
    }
}

/// The backend's state, if the key can be read.
fn backend_state(path: &str) -> Option<XenbusState> {
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

/// Numbers of the driver, for tests and the curious; `None` as long as nothing needed it.
pub fn stats() -> Option<Stats> {
    match &*DEVICE.lock() {
        Device::Up(frontend) => Some(frontend.stats()),
        _ => None,
    }
}

/// A port of the device was raised.
fn on_event(port: event::Port) {
    if let (Some(port), Device::Up(frontend)) = (Port::new(port), &mut *DEVICE.lock()) {
        frontend.on_event(port, monotonic_ns());
    }
}

/// The vCPU is about to block or to run another thread.
fn before_idle() {
    let Device::Up(frontend) = &mut *DEVICE.lock() else {
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
            let Device::Up(frontend) = &mut *DEVICE.lock() else {
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
    if let Device::Up(frontend) = &mut *DEVICE.lock() {
        frontend.close_all(None, monotonic_ns());
    }
    if !finish(DRAIN_NS, |frontend| frontend.draining() > 0) {
        log::warn!("the domain ends with bytes unsent: the backend does not take them");
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

/// Pages and ports of this domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Xen;

impl Platform for Xen {
    fn share(&mut self, domain: DomainId, pages: PageCount) -> Result<SharedPages, ShareError> {
        let run = mem::Pages::zeroed(pages.get()).ok_or(ShareError::OutOfMemory)?;
        let mut grants: Vec<GrantRef> = Vec::with_capacity(pages.get());
        for index in 0..run.count() {
            match grant::share(domain.0, run.mfn(index), true) {
                Ok(reference) => {
                    let reference = GrantRef::new(reference).expect("grant 0 is the toolstack's");
                    grants.push(reference);
                }
                Err(error) => {
                    log::debug!("cannot share {} pages: {error}", run.count());
                    // Nobody was told of these numbers, but they are easily guessed: a page
                    // that the backend has mapped all the same must not be used again.
                    let mut mapped = false;
                    for reference in grants {
                        match grant::revoke(reference.get()) {
                            Ok(()) => grant::free(reference.get()),
                            Err(grant::StillMapped) => mapped = true,
                        }
                    }
                    if mapped {
                        log::warn!("the backend mapped pages before it was told of them");
                        run.into_raw();
                    }
                    return Err(ShareError::NoGrants);
                }
            }
        }
        // SAFETY: the run is mapped, page aligned and zeroed; giving up ownership with
        // `into_raw` leaves no other user of it until `unshare` takes it back.
        Ok(unsafe { SharedPages::new(run.into_raw(), grants.into()) })
    }

    fn unshare(&mut self, pages: SharedPages) -> Result<(), StillMapped> {
        let mapped = |reference: &GrantRef| grant::revoke(reference.get()).is_err();
        // All are tried, so that the peer can map none of them again.
        if pages
            .grants()
            .iter()
            .filter(|reference| mapped(reference))
            .count()
            > 0
        {
            return Err(StillMapped(pages));
        }
        for reference in pages.grants() {
            grant::free(reference.get());
        }
        // SAFETY: `share` gave this run up, as many pages as grants; the peer maps none and
        // can map none, and the driver gave up its use of them with `pages`.
        drop(unsafe { mem::Pages::from_raw(pages.base(), pages.pages().get()) });
        Ok(())
    }

    fn free_pages(&self) -> usize {
        mem::free_pages()
    }

    fn open_port(&mut self, domain: DomainId) -> Result<Port, NoPort> {
        static HANDLER: spin::Once<event::Handler> = spin::Once::new();
        let port = event::open(domain.0).map_err(|error| {
            log::debug!("no event channel: {error}");
            NoPort
        })?;
        event::set_handler(port, HANDLER.call_once(|| Arc::new(on_event)).clone());
        Port::new(port).ok_or(NoPort)
    }

    fn close_port(&mut self, port: Port) {
        if let Err(error) = event::close(port.get()) {
            log::warn!("event channel {port} does not close: {error}");
        }
    }

    fn notify(&mut self, port: Port) {
        // A backend that went away has unbound the port: the driver notices by its state.
        let _ = event::notify(port.get());
    }

    fn mask_port(&mut self, port: Port) {
        event::mask(port.get());
    }

    fn unmask_port(&mut self, port: Port) {
        event::unmask(port.get());
    }
}

/// xenstore of this domain.
struct Xenstore;

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

/// The kind of error for what version 1 of the protocol cannot do.
pub(super) fn unsupported(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::Unsupported, what)
}
