//! What the data side needs of a hypervisor: pages of a frontend, and event channels to it.
//!
//! [`xen`] asks the kernel's `/dev/xen` files. [`local`] does the same with memory files and
//! eventfds, for a frontend in the same process: tests, fuzzing, benchmarks without Xen.

pub mod local;
pub mod xen;

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

/// Pages of a frontend, mapped side by side; unmapped when dropped.
///
/// # Safety
/// From [`base`](Self::base) on, [`pages`](Self::pages) pages are mapped, readable and writable,
/// as long as the value lives, wherever it is moved. Nobody holds references into them.
pub unsafe trait Mapped: Send + 'static {
    /// The first byte, page-aligned.
    fn base(&self) -> NonNull<u8>;

    /// How many pages there are.
    fn pages(&self) -> usize;

    /// Has the kernel clear the byte at `offset` and raise `port` when the pages get unmapped,
    /// however that happens.
    ///
    /// # Errors
    /// The kernel's.
    fn notify_on_unmap(&self, offset: usize, port: u32) -> io::Result<()>;
}

/// The hypervisor, as one worker uses it. No call waits.
pub trait Platform: 'static {
    /// Mapped pages.
    type Mapping: Mapped;

    /// Maps the pages a domain granted, in this order.
    ///
    /// # Errors
    /// If one of them cannot be mapped; then none is.
    fn map(&mut self, domain: u16, refs: &[u32]) -> io::Result<Self::Mapping>;

    /// Connects a port of ours to a domain's port. The new port is raised at once.
    ///
    /// # Errors
    /// If the domain's port does not wait for us.
    fn bind(&mut self, domain: u16, port: u32) -> io::Result<u32>;

    /// Closes a port of ours.
    fn unbind(&mut self, port: u32);

    /// Raises the other end of a port of ours.
    fn notify(&mut self, port: u32);

    /// Readable while ports wait to be taken by [`pending`](Self::pending).
    fn events(&self) -> BorrowedFd<'_>;

    /// Takes ports that were raised. Each stays silent until it is unmasked.
    ///
    /// # Errors
    /// The kernel's. `Overrun::All` is no error: see there.
    fn pending(&mut self, ports: &mut Vec<u32>) -> io::Result<Pending>;

    /// Lets ports be raised again; what came meanwhile is not lost.
    fn unmask(&mut self, ports: &[u32]);
}

/// What [`Platform::pending`] took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// All that were raised.
    Taken,
    /// Some; ask again.
    More,
    /// The kernel lost count: every port may have been raised.
    Overrun,
}
