//! Event channels: Xen's interrupts.
//!
//! A [`Port`] is one end of a channel. Raised events set a bit; [`dispatch`] looks for set
//! bits and calls the port's handler, in the context of whoever runs the scheduler, never
//! in the middle of other code: upcalls stay masked while Rust runs (see [`block`]).
//!
//! A bit is cleared *before* its handler runs, so an event raised meanwhile is seen again.
//! Handlers look at the state of their ring, not at how often they were called: events
//! coalesce, and Xen and peers may raise spurious ones.
//!
//! How bits are laid out is `two_level`'s business alone; Xen's FIFO layout would be a
//! second file with the same four functions.

pub(crate) mod block;
mod two_level;

use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::Mutex;

use crate::errno::Errno;
use crate::hypercall;
pub use crate::hypercall::{DomId, Port};

pub(crate) use two_level::{SHARED_INFO_SLOT, fault_address, is_up, pending, shared_info};

/// What happens when a port's event was raised; told which port, so that many can share one.
pub type Handler = Arc<dyn Fn(Port) + Send + Sync>;

/// Handlers by port number.
static HANDLERS: Mutex<Vec<Option<Handler>>> = Mutex::new(Vec::new());

/// Starts the event machinery.
///
/// # Safety
/// `shared_info` must be this domain's shared info page, mapped for good.
pub(crate) unsafe fn init(shared_info: *mut u8) {
    // SAFETY: passed on.
    unsafe { two_level::init(shared_info) };
    block::init();
}

/// Calls the handlers of all ports with events, each at most once.
///
/// Once: a peer that raises events faster than we handle them must not keep us here; what
/// is raised again stays pending for the next round, after the threads that wait had a turn.
pub(crate) fn dispatch() {
    two_level::take_pending(|port| {
        let handler = HANDLERS.lock().get(port as usize).cloned().flatten();
        if let Some(handler) = handler {
            handler(port);
        }
    });
}

/// Sets what happens when `port` is raised, and opens it; an event that is pending already
/// is handled at the next dispatch.
pub fn set_handler(port: Port, handler: Handler) {
    let mut handlers = HANDLERS.lock();
    let index = port as usize;
    if handlers.len() <= index {
        handlers.resize(index + 1, None);
    }
    handlers[index] = Some(handler);
    drop(handlers);
    two_level::unmask(port);
}

/// How many ports have a handler.
pub fn in_use() -> usize {
    HANDLERS.lock().iter().flatten().count()
}

/// Stops events of `port` from being looked at. They stay pending.
pub fn mask(port: Port) {
    two_level::mask(port);
}

/// Undoes [`mask`]; an event that came meanwhile is handled at the next dispatch.
pub fn unmask(port: Port) {
    two_level::unmask(port);
}

/// Raises the event at the other end of `port`. A hypercall.
pub fn notify(port: Port) -> Result<(), Errno> {
    hypercall::evtchn_send(port)
}

/// Whether anybody has the other end of `port`. Who ends without a word, as a process does that is
/// killed, leaves it unbound; so does who has not come yet. A hypercall.
///
/// # Errors
/// Xen's.
pub fn is_bound(port: Port) -> Result<bool, Errno> {
    let status = hypercall::evtchn_status(port)?;
    Ok(status == hypercall::BOUND)
}

/// Makes a port that domain `remote` may bind to; masked until [`set_handler`].
pub fn open(remote: DomId) -> Result<Port, Errno> {
    let port = hypercall::evtchn_alloc_unbound(remote)?;
    two_level::mask(port);
    Ok(port)
}

/// Binds a virtual interrupt of this vCPU.
pub(crate) fn bind_virq(virq: u32, handler: Handler) -> Result<Port, Errno> {
    let port = hypercall::evtchn_bind_virq(virq)?;
    set_handler(port, handler);
    Ok(port)
}

/// Closes a port that [`open`] made. The number may be handed out again.
pub fn close(port: Port) -> Result<(), Errno> {
    two_level::mask(port);
    if let Some(slot) = HANDLERS.lock().get_mut(port as usize) {
        *slot = None;
    }
    hypercall::evtchn_close(port)
}
