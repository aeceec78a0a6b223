//! How a domain ends: by itself, by its host's wish, or by a fault.
//!
//! The exit code goes to `data/exit-code` in xenstore, in decimal, where the host can read
//! it while the toolstack keeps the domain (`on_poweroff = "preserve"`); xenstore has no
//! better place for it. Then the domain powers off, or crashes when it failed.
//!
//! A host asks for an end by writing `control/shutdown`. The guest says which requests it
//! honours in `control/feature-*`, acknowledges by writing the node empty, and ends.

use alloc::string::{String, ToString};
use core::sync::atomic::{AtomicBool, Ordering};

use spin::Mutex;

use crate::hypercall::{self, ShutdownReason};
use crate::{console, thread, xenstore};

/// Where the exit code goes, relative to the domain's own directory.
const EXIT_CODE: &str = "data/exit-code";
const CONTROL: &str = "control/shutdown";

/// What the host asks for through `control/shutdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `poweroff`: end and stay off.
    PowerOff,
    /// `reboot`: end and be started again.
    Reboot,
    /// `halt`: end; a PV guest has no way to halt but to power off.
    Halt,
}

impl Request {
    const ALL: [(&'static str, Request); 3] = [
        ("poweroff", Request::PowerOff),
        ("reboot", Request::Reboot),
        ("halt", Request::Halt),
    ];

    fn parse(value: &str) -> Option<Request> {
        Request::ALL
            .iter()
            .find(|(name, _)| *name == value)
            .map(|(_, request)| *request)
    }
}

/// Called on a request, before the domain ends.
static ON_REQUEST: Mutex<Option<fn(Request)>> = Mutex::new(None);

/// Sets what is done on a request of the host, before the domain ends: the place to say
/// goodbye. When it returns, the domain ends.
pub fn on_request(handler: fn(Request)) {
    *ON_REQUEST.lock() = Some(handler);
}

/// Starts to listen to the host, in a thread: the workload need not wait for xenstore.
pub(crate) fn init() {
    let started = thread::Builder::new()
        .name("shutdown".to_string())
        .stack_size(thread::MIN_STACK_BYTES)
        .spawn(|| {
            if let Err(error) = listen() {
                log::warn!("`xl shutdown` will not work: {error}");
            }
        });
    if let Err(error) = started {
        log::warn!("`xl shutdown` will not work: {error}");
    }
}

fn listen() -> Result<(), xenstore::Error> {
    for (name, _) in Request::ALL {
        let key = alloc::format!("control/feature-{name}");
        if let Err(error) = xenstore::write(&key, b"1") {
            // Some toolstacks give the guest no write access there; the request works all
            // the same, only the announcement is missing.
            log::debug!("{error}");
        }
    }
    let watch = xenstore::watch(CONTROL)?;
    loop {
        watch.wait();
        let value = match xenstore::read(CONTROL) {
            Ok(value) => String::from_utf8_lossy(&value).into_owned(),
            Err(error) if error.is_not_found() => continue, // it comes with the first request
            Err(error) => {
                // xenstored may have been busy; the next request will be heard.
                log::warn!("{error}");
                continue;
            }
        };
        if value.is_empty() {
            continue;
        }
        if let Err(error) = xenstore::write(CONTROL, b"") {
            log::warn!("cannot acknowledge {value:?}: {error}");
        }
        match Request::parse(&value) {
            Some(request) => obey(request),
            None => log::warn!("{CONTROL}: do not know how to {value:?}"),
        }
    }
}

fn obey(request: Request) -> ! {
    log::info!("the host asks for {request:?}");
    let handler = *ON_REQUEST.lock();
    if let Some(handler) = handler {
        handler(request);
    }
    match request {
        Request::Reboot => end(0, ShutdownReason::Reboot),
        Request::PowerOff | Request::Halt => exit(0),
    }
}

/// Ends the domain normally; the host can read `code`.
pub fn exit(code: i32) -> ! {
    end(code, ShutdownReason::PowerOff)
}

fn end(code: i32, reason: ShutdownReason) -> ! {
    static ENDING: AtomicBool = AtomicBool::new(false);
    if ENDING.swap(true, Ordering::Relaxed) {
        // Another thread is at it already: leave it the vCPU.
        loop {
            thread::park();
        }
    }
    if let Err(error) = xenstore::write(EXIT_CODE, code.to_string().as_bytes()) {
        log::warn!("exit code {code} is not told to the host: {EXIT_CODE}: {error}");
    }
    console::flush();
    hypercall::shutdown(reason)
}

/// Ends the domain as crashed, after a panic or fault: touches no lock and no xenstore.
pub(crate) fn crash() -> ! {
    console::flush();
    hypercall::shutdown(ShutdownReason::Crash)
}
