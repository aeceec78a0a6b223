//! xenstore for daemons: requests that wait for their answer, and watches that do not wait.
//!
//! [`Store`] carries the bytes of `xenstore::Client` over `/dev/xen/xenbus`, or over the socket
//! of a xenstored in this domain. A request waits for its answer, for a bounded time. Events of
//! watches are queued and fetched with [`Store::next_event`].
//!
//! **For event loops**: an event can arrive while a request waits for its answer, and is then in
//! this process although the file is not readable. So fetch events until there are none after
//! *every* use of the store, before going to poll.

mod error;
mod transaction;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno as IoErrno;
use xenstore::request::{
    self, Directory, DirectoryPart, DomainId, GetPerms, Mkdir, Permission, Read, Request, Rm,
    SetPerms, Write,
};
use xenstore::wire::XENBUS_DEVICE_PAYLOAD_MAX;
use xenstore::{Client, Errno, Listed, Listing, Path, Pending, TransactionId};

pub use error::{Reason, StoreError};
pub use transaction::Transaction;
pub use xenstore::{WatchEvent, WatchToken};

/// The kernel's device.
pub const DEVICE: &str = "/dev/xen/xenbus";

/// The socket of a xenstored that runs in this domain.
pub const SOCKET: &str = "/run/xenstored/socket";

/// How long a request waits for its answer, unless told otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long to wait before a write that found no room is tried again: the device does not tell
/// when there is some.
const WRITE_AGAIN: Duration = Duration::from_millis(10);

/// Watches at a time. The server has a limit of its own for domains without privileges (128).
const WATCHES_MAX: usize = 65_536;

/// How often a long directory that changes while it is listed is begun anew.
const LIST_ATTEMPTS: usize = 16;

/// A connection to xenstore. Its watches and transactions end with it.
#[derive(Debug)]
pub struct Store {
    stream: OwnedFd,
    client: Client,
    deadline: Duration,
}

impl Store {
    /// Opens the device or, where it is missing, the socket.
    ///
    /// # Errors
    /// That of the device when neither works. `NotFound` on a machine that is not a Xen domain.
    pub fn open() -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::open(DEVICE, flags, Mode::empty()) {
            Ok(device) => Ok(Self::with(
                device,
                Client::with_payload_max(XENBUS_DEVICE_PAYLOAD_MAX),
            )),
            Err(error) => UnixStream::connect(SOCKET)
                .and_then(Self::over_socket)
                .map_err(|_| error.into()),
        }
    }

    /// A connection over a socket that leads to a xenstored.
    ///
    /// # Errors
    /// When the socket cannot be made non-blocking.
    pub fn over_socket(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::with(socket.into(), Client::new()))
    }

    fn with(stream: OwnedFd, mut client: Client) -> Self {
        client.set_watches_max(WATCHES_MAX);
        Self {
            stream,
            client,
            deadline: DEADLINE,
        }
    }

    /// Sets how long a request waits for its answer, instead of 10 s.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Reads a value; `None` when the node is missing, or not for this domain to see
    /// ([`StoreError::is_missing`]).
    ///
    /// # Errors
    /// Anything else that goes wrong.
    pub fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_in(path, TransactionId::NONE)
    }

    /// Writes a value; the node and its parents are made if missing.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn write(&mut self, path: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write_in(path, value, TransactionId::NONE)
    }

    /// Makes a node, if missing.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn mkdir(&mut self, path: &str) -> Result<(), StoreError> {
        self.ask("make", path, Mkdir, TransactionId::NONE)
    }

    /// Removes a node and all below it. No error when it is missing.
    ///
    /// # Errors
    /// Anything else that goes wrong.
    pub fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.remove_in(path, TransactionId::NONE)
    }

    /// The names of a node's children; none when it is missing, or not for this domain to see.
    ///
    /// # Errors
    /// Anything else that goes wrong.
    pub fn directory(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.directory_in(path, TransactionId::NONE)
    }

    /// Whether a node exists and is for this domain to see.
    ///
    /// # Errors
    /// Whatever goes wrong with the question.
    pub fn exists(&mut self, path: &str) -> Result<bool, StoreError> {
        Ok(self.read(path)?.is_some())
    }

    /// Who may do what with a node.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn permissions(&mut self, path: &str) -> Result<Vec<Permission>, StoreError> {
        self.ask("get permissions of", path, GetPerms, TransactionId::NONE)
    }

    /// Says who may do what with a node; the first entry is the owner.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn set_permissions(
        &mut self,
        path: &str,
        permissions: &[Permission],
    ) -> Result<(), StoreError> {
        let request = |path| SetPerms(path, permissions);
        self.ask("set permissions of", path, request, TransactionId::NONE)
    }

    /// Whether a domain exists and takes part in xenstore. Not for domains without privileges.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn is_domain_introduced(&mut self, domain: u16) -> Result<bool, StoreError> {
        let request = request::IsDomainIntroduced(DomainId(domain));
        let pending = self.client.submit(&request, TransactionId::NONE);
        self.answer("ask for a domain", "", pending)
    }

    /// Watches a node and all below it, or `@introduceDomain` or `@releaseDomain`. A first event
    /// comes at once.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn watch(&mut self, path: &str) -> Result<WatchToken, StoreError> {
        let error = |reason: Reason| StoreError::new("watch", path, reason);
        let checked = Path::new(path).map_err(|problem| error(problem.into()))?;
        let (token, pending) = self
            .client
            .watch(checked)
            .map_err(|refused| error(refused.into()))?;
        self.answer("watch", path, Ok(pending))?;
        Ok(token)
    }

    /// Ends a watch; its events are dropped.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub fn unwatch(&mut self, token: WatchToken) -> Result<(), StoreError> {
        let path = self
            .client
            .watched_path(token)
            .unwrap_or_default()
            .to_owned();
        let pending = self.client.unwatch(token);
        self.answer("unwatch", &path, pending)
    }

    /// The next event of any watch, without waiting. Look at the file only when this says that
    /// there is none.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn next_event(&mut self) -> Result<Option<(WatchToken, WatchEvent)>, StoreError> {
        loop {
            if let Some(token) = self.client.watch_with_event()
                && let Some(event) = self.client.take_event(token)
            {
                return Ok(Some((token, event)));
            }
            let received = self.receive();
            if !received.map_err(|reason| StoreError::new("wait for events", "", reason))? {
                return Ok(None);
            }
        }
    }

    pub(crate) fn read_in(
        &mut self,
        path: &str,
        transaction: TransactionId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        missing_is_none(self.ask("read", path, Read, transaction))
    }

    pub(crate) fn write_in(
        &mut self,
        path: &str,
        value: &[u8],
        transaction: TransactionId,
    ) -> Result<(), StoreError> {
        self.ask("write", path, |path| Write(path, value), transaction)
    }

    pub(crate) fn remove_in(
        &mut self,
        path: &str,
        transaction: TransactionId,
    ) -> Result<(), StoreError> {
        match self.ask("remove", path, Rm, transaction) {
            // Only this: a node that must not be seen is not gone.
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(()),
            result => result,
        }
    }

    pub(crate) fn directory_in(
        &mut self,
        path: &str,
        transaction: TransactionId,
    ) -> Result<Vec<String>, StoreError> {
        match self.ask("list", path, Directory, transaction) {
            Err(error) if error.errno() == Some(Errno::E2BIG) => {
                Ok(missing_is_none(self.long_directory(path, transaction))?.unwrap_or_default())
            }
            result => Ok(missing_is_none(result)?.unwrap_or_default()),
        }
    }

    /// Lists a directory that does not fit one answer.
    fn long_directory(
        &mut self,
        path: &str,
        transaction: TransactionId,
    ) -> Result<Vec<String>, StoreError> {
        for _ in 0..LIST_ATTEMPTS {
            let mut listing = Listing::default();
            loop {
                let offset = listing.offset();
                let request = |path| DirectoryPart(path, offset);
                match listing.add(self.ask("list", path, request, transaction)?) {
                    Listed::More => {}
                    Listed::All(names) => return Ok(names),
                    // Begun anew. What has no end may have one then.
                    Listed::Changed | Listed::Endless => break,
                }
            }
        }
        Err(StoreError::new("list", path, Errno::EAGAIN))
    }

    /// Makes a request about a path and waits for its answer.
    pub(crate) fn ask<'p, R: Request>(
        &mut self,
        operation: &'static str,
        path: &'p str,
        request: impl FnOnce(Path<'p>) -> R,
        transaction: TransactionId,
    ) -> Result<R::Reply, StoreError> {
        let checked =
            Path::new(path).map_err(|problem| StoreError::new(operation, path, problem))?;
        let pending = self.client.submit(&request(checked), transaction);
        self.answer(operation, path, pending)
    }

    /// Waits for the answer to a request.
    pub(crate) fn answer<T>(
        &mut self,
        operation: &'static str,
        path: &str,
        pending: Result<Pending<T>, xenstore::SubmitError>,
    ) -> Result<T, StoreError> {
        let error = |reason: Reason| StoreError::new(operation, path, reason);
        let pending = pending.map_err(|refused| error(refused.into()))?;
        let until = Instant::now() + self.deadline;
        loop {
            let sent = self.send();
            if let Some(result) = self.client.take(&pending) {
                return result.map_err(|failed| error(failed.into()));
            }
            let progress = sent.and_then(|()| self.wait(until));
            if let Err(reason) = progress {
                self.client.abandon(pending);
                return Err(error(reason));
            }
        }
    }

    /// Sends what waits to be sent, as far as there is room.
    fn send(&mut self) -> Result<(), Reason> {
        loop {
            let bytes = self.client.outgoing();
            if bytes.is_empty() {
                return Ok(());
            }
            match rustix::io::write(&self.stream, bytes) {
                Ok(sent) => self.client.consumed(sent),
                Err(IoErrno::INTR) => {}
                Err(IoErrno::AGAIN) => return Ok(()),
                Err(error) => return Err(Reason::Io(error.into())),
            }
        }
    }

    /// Waits until something came or could be sent, and receives it.
    fn wait(&mut self, until: Instant) -> Result<(), Reason> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Reason::TimedOut(self.deadline));
        }
        let (flags, wait) = if self.client.outgoing().is_empty() {
            (PollFlags::IN, left)
        } else {
            (PollFlags::IN | PollFlags::OUT, left.min(WRITE_AGAIN))
        };
        let timeout = Timespec::try_from(wait).ok();
        let mut polled = [PollFd::new(&self.stream, flags)];
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(IoErrno::INTR) => {}
            Err(error) => return Err(Reason::Io(error.into())),
        }
        self.receive().map(|_| ())
    }

    /// Takes bytes from the stream, if there are some; says whether there were.
    fn receive(&mut self) -> Result<bool, Reason> {
        if let Some(error) = self.client.ended() {
            return Err(Reason::Protocol(error));
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(&self.stream, &mut bytes) {
            Ok(0) => Err(Reason::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                let taken = self.client.incoming(&bytes[..count]);
                taken.map(|()| true).map_err(Reason::Protocol)
            }
            Err(IoErrno::AGAIN | IoErrno::INTR) => Ok(false),
            Err(error) => Err(Reason::Io(error.into())),
        }
    }
}

impl AsFd for Store {
    /// Readable when there are events to fetch; but see the module's words on event loops.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn missing_is_none<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
