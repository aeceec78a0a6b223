//! The hypervisor, by the kernel's `/dev/xen` files.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;

use xen_dev::{EventChannels, GrantDevices, Mapping};

use super::{Mapped, Pending, Platform};

/// Files of the grant device: with two mappings per socket, some 10,000 sockets still leave each
/// with a few hundred, which the kernel keeps in a list.
const GRANT_FILES: usize = 64;

/// Ports taken by one read.
const PORTS_PER_READ: usize = 256;

/// One worker's files.
#[derive(Debug)]
pub struct Xen {
    events: EventChannels,
    grants: GrantDevices,
}

impl Xen {
    /// Opens the devices: later, privileges may be gone.
    ///
    /// # Errors
    /// Where there is no Xen, or no right to use it.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            events: EventChannels::open()?,
            grants: GrantDevices::open(GRANT_FILES)?,
        })
    }
}

// SAFETY: `Mapping` keeps its pages mapped, readable and writable, at a fixed address until it is
// dropped, and makes no references into them.
unsafe impl Mapped for Mapping {
    fn base(&self) -> NonNull<u8> {
        self.base()
    }

    fn pages(&self) -> usize {
        self.pages()
    }

    fn notify_on_unmap(&self, offset: usize, port: u32) -> io::Result<()> {
        self.notify_on_unmap(Some(offset), Some(port))
    }
}

impl Platform for Xen {
    type Mapping = Mapping;

    fn map(&mut self, domain: u16, refs: &[u32]) -> io::Result<Mapping> {
        self.grants.map(domain, refs)
    }

    fn bind(&mut self, domain: u16, port: u32) -> io::Result<u32> {
        self.events.bind_interdomain(domain, port)
    }

    fn unbind(&mut self, port: u32) {
        if let Err(error) = self.events.unbind(port) {
            tracing::error!(%error, port, "an event channel does not close");
        }
    }

    fn notify(&mut self, port: u32) {
        if let Err(error) = self.events.notify(port) {
            tracing::error!(%error, port, "an event channel cannot be raised");
        }
    }

    fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    fn pending(&mut self, ports: &mut Vec<u32>) -> io::Result<Pending> {
        let start = ports.len();
        ports.resize(start + PORTS_PER_READ, 0);
        let taken = self.events.pending(&mut ports[start..]);
        let count = match taken {
            Ok(xen_dev::Pending::Ports(count)) => count,
            _ => 0,
        };
        ports.truncate(start + count);
        match taken? {
            xen_dev::Pending::Overflow => Ok(Pending::Overrun),
            xen_dev::Pending::Ports(PORTS_PER_READ) => Ok(Pending::More),
            xen_dev::Pending::Ports(_) => Ok(Pending::Taken),
        }
    }

    fn unmask(&mut self, ports: &[u32]) {
        if ports.is_empty() {
            return;
        }
        if let Err(error) = self.events.unmask(ports) {
            tracing::error!(%error, "event channels cannot be unmasked");
        }
    }
}
