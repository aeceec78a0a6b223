//! Pages that are shared, and ports.

use alloc::vec::Vec;
use core::fmt;

use kernel::{entropy, event, grant, mem};
use xen_front::memory::SharedPages;
use xen_front::platform::{NoPort, Platform, ShareError, StillMapped};
use xen_front::units::{DomainId, GrantRef, PageCount, Port};

/// Pages and ports of this domain, for one driver.
#[derive(Clone)]
pub(crate) struct Xen {
    /// Called when a port that was opened here is raised.
    handler: event::Handler,
}

impl Xen {
    /// For the driver that `handler` tells of the events of its ports.
    pub(crate) fn new(handler: event::Handler) -> Xen {
        Xen { handler }
    }
}

impl fmt::Debug for Xen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Xen")
    }
}

/// Pages that drivers do not take: a 64th of what was free when the first were wanted. Without them
/// a guest that is out of memory for sockets would be out of memory for everything, and end.
fn reserve() -> usize {
    static RESERVE: spin::Once<usize> = spin::Once::new();
    *RESERVE.call_once(|| mem::free_pages() / 64)
}

impl Platform for Xen {
    fn share(&mut self, domain: DomainId, pages: PageCount) -> Result<SharedPages, ShareError> {
        if mem::free_pages() < pages.get() + reserve() {
            return Err(ShareError::OutOfMemory);
        }
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

    fn random(&mut self) -> u64 {
        let mut bytes = [0; 8];
        entropy::fill(&mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn open_port(&mut self, domain: DomainId) -> Result<Port, NoPort> {
        let port = event::open(domain.0).map_err(|error| {
            log::debug!("no event channel: {error}");
            NoPort
        })?;
        event::set_handler(port, self.handler.clone());
        Port::new(port).ok_or(NoPort)
    }

    fn close_port(&mut self, port: Port) {
        if let Err(error) = event::close(port.get()) {
            log::warn!("event channel {port} does not close: {error}");
        }
    }

    fn is_bound(&self, port: Port) -> bool {
        // Xen does not refuse this for a port that is open; if it did, nothing would be known.
        event::is_bound(port.get()).unwrap_or(true)
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
