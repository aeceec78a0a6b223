//! Bringing a device up, and looking after it: its thread.

use alloc::string::String;
use alloc::sync::Arc;
use core::task::Poll;

use kernel::mem::{self, PAGE_SIZE};
use kernel::thread;
use kernel::time::{NS_PER_S, monotonic_ns};
use p9_front::client::{Limits, Options};
use p9_front::{Afterwards, Config, Handshake, HandshakeError, Session, Step};

use super::device::{Device, StartError};
use super::line::{Connection, Line};
use super::{Client, begin, wait};
use crate::xen::{Watching, Xen, Xenstore, watch, xenbus_state};

/// How often the backend's state is read although no watch fired: xenstored drops the events of a
/// domain that was paused for long.
const LOOK_NS: u64 = 60 * NS_PER_S;

/// Brings the device up, tells those who wait for that, and looks after it from then on. Ends if
/// it does not come up: the next who needs it starts another attempt.
pub(super) fn run(device: &Arc<Device>, attempt: u64) {
    begin();
    let raised = device.clone();
    let xen = Xen::new(Arc::new(move |port| raised.on_event(port)));
    let handshake = Handshake::new(xen, Config::default(), device.tag());
    let session = match bring_up(handshake) {
        Ok(Some(session)) => session,
        Ok(None) => unreachable!("nobody closes it before it is up"),
        Err(error) => return device.set_down(attempt, StartError::Handshake(error)),
    };
    match attach(device, session) {
        Ok(client) => device.set_up(client),
        Err(failure) => {
            // The rings go back before anybody tries again.
            if let Some(session) = take(device) {
                let handshake = session.close(Afterwards::Stay, monotonic_ns());
                let _ = bring_up(handshake);
            }
            return device.set_down(attempt, StartError::Attach(failure));
        }
    }
    loop {
        wait_until_broken(device);
        device.set_lost();
        again(device);
    }
}

/// Agrees with the server.
fn attach(device: &Device, session: Session<Xen>) -> Result<Client, p9_front::Error> {
    let line = Line::new(session);
    device.set_line(Some(line.clone()));
    let options = Options {
        limits: Limits::for_memory(mem::free_pages().saturating_mul(PAGE_SIZE)),
        ..Options::default()
    };
    wait(Client::attach(Connection(line), &options))
}

/// The session, which is in use no more.
fn take(device: &Device) -> Option<Session<Xen>> {
    let session = device.line()?.end();
    device.set_line(None);
    session
}

/// Brings a device up again whose session is broken, however long that takes.
fn again(device: &Device) {
    loop {
        let Some(session) = take(device) else {
            unreachable!("a session is taken here and nowhere else once the device is up");
        };
        let handshake = session.close(Afterwards::Reconnect, monotonic_ns());
        let session = match bring_up(handshake) {
            Ok(Some(session)) => session,
            Ok(None) => unreachable!("it is to be brought up, not down"),
            Err(error) => unreachable!("such a handshake does not give up: {error}"),
        };
        match attach(device, session) {
            Ok(client) => {
                log::info!("volume {:?} is in use again", device.tag());
                return device.set_up(client);
            }
            // It is closed and brought up once more, after a pause of the handshake's.
            Err(failure) => log::warn!("volume {:?}: {failure}", device.tag()),
        }
    }
}

/// Drives a handshake to its end; `None`: the device is closed.
fn bring_up(mut handshake: Handshake<Xen>) -> Result<Option<Session<Xen>>, HandshakeError> {
    let mut state = Watching::default();
    loop {
        match handshake.step(&mut Xenstore, monotonic_ns()) {
            Step::Connected(session) => return Ok(Some(session)),
            Step::Closed(_) => return Ok(None),
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

/// Tells the driver of the backend's states, until one of them or something else breaks the
/// session.
fn wait_until_broken(device: &Device) {
    let Some(line) = device.line() else { return };
    let path = line.with(|session| String::from(session.backend_state_key()));
    let Some(path) = path else { return };
    let watch = watch(&path);
    loop {
        let broken = thread::wait(Some(monotonic_ns() + LOOK_NS), |waker| {
            let fault = line.with(|session| {
                session.register_fault(waker);
                session.fault()
            });
            if fault.flatten().is_some() {
                return Poll::Ready(true);
            }
            match &watch {
                Some(watch) => watch.poll(waker).map(|_| false),
                None => Poll::Pending,
            }
        });
        if broken == Some(true) {
            return;
        }
        if let Some(state) = xenbus_state(&path) {
            line.with(|session| session.on_backend_state(state, monotonic_ns()));
        }
    }
}
