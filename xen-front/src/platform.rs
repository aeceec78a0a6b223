//! What the driver needs from the world: pages that can be shared, event ports, xenstore.
//!
//! Two traits, and nothing else, stand between this crate and a hypervisor. Both are safe to
//! implement: the one promise that memory safety rests on is made where pages come to be, in
//! [`SharedPages::new`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::errno::Errno;
use crate::memory::SharedPages;
use crate::units::{DomainId, PageCount, Port};

/// Memory, grants and event ports.
///
/// No method may wait. Implementations call the hypervisor; the fake in
/// `test_utils` (behind the feature `test-utils`) plays one.
pub trait Platform {
    /// Shares that many pages, one after the other in memory, with `domain`, readable and
    /// writable. They must be zeroed before they are granted: whatever they held, the backend
    /// could read it.
    ///
    /// All or nothing: on an error nothing is shared and nothing is used up.
    ///
    /// # Errors
    /// [`ShareError`] says which resource of this guest ran short.
    fn share(&mut self, domain: DomainId, pages: PageCount) -> Result<SharedPages, ShareError>;

    /// Ends the grants of pages from [`share`](Self::share) and frees the memory.
    ///
    /// Must find out, race-free, whether the peer still maps any of them, and in that case
    /// free nothing.
    ///
    /// # Errors
    /// [`StillMapped`] hands the pages back; the driver keeps them and asks again later.
    fn unshare(&mut self, pages: SharedPages) -> Result<(), StillMapped>;

    /// How many pages could still be shared, about: it decides how large rings are made.
    /// `usize::MAX` where nobody knows.
    fn free_pages(&self) -> usize {
        usize::MAX
    }

    /// A number that others do not guess easily: it decides which ports are tried, no secret.
    fn random(&mut self) -> u64;

    /// Makes an event port that `domain` may bind to, unmasked.
    ///
    /// # Errors
    /// [`NoPort`] if the guest has none left.
    fn open_port(&mut self, domain: DomainId) -> Result<Port, NoPort>;

    /// Closes a port. No event of it is delivered any more, and its number may come back from
    /// [`open_port`](Self::open_port).
    fn close_port(&mut self, port: Port);

    /// Whether the peer has the other end of a port: it has not before it bound it, nor when the
    /// process that did was killed. True where nobody knows.
    fn is_bound(&self, _port: Port) -> bool {
        true
    }

    /// Sends an event to whoever bound the other end. Nobody having done so is no error.
    fn notify(&mut self, port: Port);

    /// Holds back this port's events until [`unmask_port`](Self::unmask_port).
    fn mask_port(&mut self, port: Port);

    /// Lets events through again; one that came meanwhile is delivered now.
    fn unmask_port(&mut self, port: Port);
}

/// Why pages could not be shared. The guest is short of something; the backend has no part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareError {
    /// No memory for that many adjacent pages.
    OutOfMemory,
    /// The grant table is full and cannot grow.
    NoGrants,
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfMemory => "out of memory for pages to share with the backend",
            Self::NoGrants => "out of grant references",
        })
    }
}

impl core::error::Error for ShareError {}

/// The peer still maps at least one of these pages: they must not be used for anything yet.
#[derive(Debug)]
pub struct StillMapped(pub SharedPages);

/// No event port is left in this guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPort;

impl fmt::Display for NoPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of event channel ports")
    }
}

impl core::error::Error for NoPort {}

/// xenstore, as far as the handshake needs it. Calls may wait for xenstore, but for nobody else.
pub trait Store {
    /// Reads one key: a path from the root if it begins with `/`, else relative to this domain.
    ///
    /// # Errors
    /// [`Errno::ENOENT`] if there is no such key, otherwise xenstore's own.
    fn read(&mut self, key: &str) -> Result<Vec<u8>, Errno>;

    /// The names in a directory; none if there is no such directory.
    ///
    /// # Errors
    /// xenstore's own.
    fn directory(&mut self, key: &str) -> Result<Vec<String>, Errno>;

    /// Writes these keys in one transaction, retried until it commits.
    ///
    /// Should fail with [`Errno::ENOENT`] and write nothing if the directory of the first key is
    /// gone: the toolstack removed the device, and writing would raise its ghost.
    ///
    /// # Errors
    /// xenstore's own.
    fn write(&mut self, entries: &[(&str, &str)]) -> Result<(), Errno>;
}

/// The state of one end of a xenbus device, as its `state` key tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum XenbusState {
    /// The key is absent: the device, or its driver, is not there.
    Absent,
    /// 1: nothing published yet.
    Initialising,
    /// 2: the backend has published what it offers.
    InitWait,
    /// 3: the frontend has published its ring.
    Initialised,
    /// 4: in use.
    Connected,
    /// 5: on the way down.
    Closing,
    /// 6: down.
    Closed,
    /// Any other number; to be ignored.
    Other(u32),
}

impl XenbusState {
    /// The state of that number. 0, which nobody writes, reads as absent.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Absent,
            1 => Self::Initialising,
            2 => Self::InitWait,
            3 => Self::Initialised,
            4 => Self::Connected,
            5 => Self::Closing,
            6 => Self::Closed,
            other => Self::Other(other),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Absent => 0,
            Self::Initialising => 1,
            Self::InitWait => 2,
            Self::Initialised => 3,
            Self::Connected => 4,
            Self::Closing => 5,
            Self::Closed => 6,
            Self::Other(number) => number,
        }
    }
}

impl fmt::Debug for XenbusState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Absent => "absent",
            Self::Initialising => "Initialising",
            Self::InitWait => "InitWait",
            Self::Initialised => "Initialised",
            Self::Connected => "Connected",
            Self::Closing => "Closing",
            Self::Closed => "Closed",
            Self::Other(_) => "unknown",
        };
        write!(f, "{} ({name})", self.number())
    }
}

impl fmt::Display for XenbusState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The key `name` in the directory `dir`.
pub fn key(dir: &str, name: &str) -> String {
    let mut key = String::with_capacity(dir.len() + 1 + name.len());
    key.push_str(dir);
    key.push('/');
    key.push_str(name);
    key
}
