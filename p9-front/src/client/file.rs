//! An open file: reads in pieces, several of them in flight.
//!
//! Nothing here changes but the file on the server: any number of callers may read and write at the
//! same time. What a sequential reader needs beyond that is in [`ReadAhead`](super::ReadAhead).

use alloc::collections::VecDeque;
use core::sync::atomic::{AtomicU64, Ordering};

use alloc::sync::Arc;

use super::node;
use super::pending::{OTHER_KIND, Pending, ask, order};
use super::shared::{FidGuard, Shared};
use super::{Client, Connection, OpenHow};
use crate::wire::{
    Attributes, Data, Fid, Lock, LockKind, LockStatus, Qid, QidKind, Request, Response,
    SetAttributes, Statfs,
};
use crate::{Errno, Error};

/// Pieces are a multiple of this, if messages permit; a server's smaller unit is not kept to.
const BLOCK: u32 = 4096;
/// No file has more bytes.
const MAX_OFFSET: u64 = i64::MAX as u64;

/// Bytes of a file that are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// Bytes; 0: to the end, wherever that is.
    pub len: u64,
}

impl Range {
    /// The whole file.
    pub const ALL: Self = Self { start: 0, len: 0 };
}

/// An open file or directory; closed when it is dropped.
#[derive(Debug)]
pub struct File<C: Connection> {
    guard: FidGuard<C>,
    qid: Qid,
    /// Bytes of a request.
    piece: u32,
    readable: bool,
    writable: bool,
    appends: bool,
    /// Where the end was thought to be after the last append; [`u64::MAX`]: not known.
    pub(super) end: AtomicU64,
}

impl<C: Connection> File<C> {
    pub(super) fn new(guard: FidGuard<C>, qid: Qid, unit: u32, how: &OpenHow) -> Self {
        let shared = guard.shared();
        let mut piece = shared.limits.piece.max(1).min(shared.max_count());
        if unit >= BLOCK {
            piece = piece.min(unit);
        }
        if piece >= BLOCK {
            piece -= piece % BLOCK;
        }
        Self {
            guard,
            qid,
            piece,
            readable: how.read,
            writable: how.writes(),
            appends: how.append,
            end: AtomicU64::new(u64::MAX),
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<C>> {
        self.guard.shared()
    }

    pub(super) fn fid(&self) -> Fid {
        self.guard.fid()
    }

    /// The volume it is on.
    #[must_use]
    pub fn client(&self) -> Client<C> {
        Client::of(self.shared())
    }

    /// Who it was when it was opened.
    #[must_use]
    pub fn qid(&self) -> Qid {
        self.qid
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.qid.kind.contains(QidKind::DIR)
    }

    /// Whether writes go to the end.
    #[must_use]
    pub fn appends(&self) -> bool {
        self.appends
    }

    /// Bytes of one request; reads and writes up to that are a single one.
    #[must_use]
    pub fn piece(&self) -> u32 {
        self.piece
    }

    /// Reads from `offset` on: so many bytes. Fewer than asked for: the file ends there, or did
    /// when the server looked; or there was an error after them, which the next read will have.
    ///
    /// # Errors
    /// The server's, if nothing was read; `EBADF` if it is not open for reading, `EISDIR`,
    /// `EINVAL` beyond 2^63 bytes.
    pub async fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        self.check_read(offset)?;
        if (1..=self.next_piece(usize::MAX)).contains(&buffer.len()) {
            let answer = self.ask_read(offset, 0, buffer.len())?.await;
            let data = data(answer, buffer.len())?;
            buffer[..data.len()].copy_from_slice(&data);
            return Ok(data.len());
        }
        let limits = self.shared().limits;
        let mut flight: VecDeque<(Pending<C>, usize)> = VecDeque::new();
        let (mut asked, mut done) = (0, 0);
        loop {
            while asked < buffer.len()
                && self.may_ask(flight.len(), asked - done, limits.requests, limits.bytes)
            {
                let count = self.next_piece(buffer.len() - asked);
                match self.ask_read(offset, asked, count) {
                    Ok(call) => flight.push_back((call, count)),
                    // What is under way is waited for; then it is tried again.
                    Err(_) if !flight.is_empty() => break,
                    Err(_) if done > 0 => return Ok(done),
                    Err(error) => return Err(error),
                }
                asked += count;
            }
            let Some((call, count)) = flight.pop_front() else {
                return Ok(done);
            };
            match data(call.await, count) {
                Ok(data) => {
                    buffer[done..done + data.len()].copy_from_slice(&data);
                    done += data.len();
                    if data.len() < count {
                        return Ok(done);
                    }
                }
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes to the disk what the server was told, or only the content and what is needed to find
    /// it.
    ///
    /// # Errors
    /// The server's.
    pub async fn sync(&self, data_only: bool) -> Result<(), Error> {
        let fid = self.fid();
        order(self.shared(), &Request::Sync { fid, data_only }).await
    }

    /// Cuts it off, or fills it up with zeros.
    ///
    /// # Errors
    /// The server's; `EINVAL` if it is not open for writing, or for more than 2^63 bytes.
    pub async fn set_len(&self, len: u64) -> Result<(), Error> {
        if !self.writable || len > MAX_OFFSET {
            return Err(Errno::EINVAL.into());
        }
        self.end.store(u64::MAX, Ordering::Relaxed);
        let size = Some(len);
        self.set_attributes(SetAttributes {
            size,
            ..SetAttributes::default()
        })
        .await
    }

    /// Its attributes, asked for now.
    ///
    /// # Errors
    /// The server's, `ENOENT` of some if the file has no name any more; [`Error::Answer`] if some
    /// are missing or make no sense.
    pub async fn attributes(&self) -> Result<Attributes, Error> {
        node::attributes(self.shared(), self.fid()).await
    }

    /// Changes attributes.
    ///
    /// # Errors
    /// As [`attributes`](Self::attributes).
    pub async fn set_attributes(&self, attributes: SetAttributes) -> Result<(), Error> {
        node::set_attributes(self.shared(), self.fid(), self.qid, attributes).await
    }

    /// The file system it is on.
    ///
    /// # Errors
    /// The server's.
    pub async fn statfs(&self) -> Result<Statfs, Error> {
        node::statfs(self.shared(), self.fid()).await
    }

    /// Locks a range, or unlocks it; `false` if another has it locked, who `waits` may ask again.
    /// `owner` and `machine` are who holds the lock; owners of the same numbers are the same.
    ///
    /// Whether that keeps anybody out is up to the server: QEMU's says yes to all.
    ///
    /// # Errors
    /// The server's; `ENOLCK` if it cannot say why not.
    pub async fn try_lock(
        &self,
        kind: LockKind,
        range: Range,
        owner: u32,
        machine: &[u8],
        waits: bool,
    ) -> Result<bool, Error> {
        let lock = Lock {
            kind,
            wait: waits,
            start: range.start,
            len: range.len,
            process: owner,
            client: machine,
        };
        let fid = self.fid();
        match ask(self.shared(), &Request::Lock { fid, lock }).await? {
            Response::Locked(LockStatus::Success) => {
                // What was read before the lock was held may be what others changed.
                drop(self.shared().writing(self.qid));
                Ok(true)
            }
            Response::Locked(LockStatus::Blocked | LockStatus::Grace) => Ok(false),
            Response::Locked(LockStatus::Error) => Err(Errno::ENOLCK.into()),
            _ => Err(OTHER_KIND),
        }
    }

    pub(super) fn check_read(&self, offset: u64) -> Result<(), Errno> {
        match () {
            () if !self.readable => Err(Errno::EBADF),
            () if self.is_directory() => Err(Errno::EISDIR),
            () if offset > MAX_OFFSET => Err(Errno::EINVAL),
            () => Ok(()),
        }
    }

    pub(super) fn check_write(&self, offset: u64) -> Result<(), Errno> {
        match () {
            () if !self.writable => Err(Errno::EBADF),
            () if offset > MAX_OFFSET => Err(Errno::EINVAL),
            () => Ok(()),
        }
    }

    /// Whether the window has room for another request.
    pub(super) fn may_ask(&self, calls: usize, bytes: usize, most: usize, limit: usize) -> bool {
        calls == 0 || (calls < most && bytes.saturating_add(self.next_piece(usize::MAX)) <= limit)
    }

    /// Bytes of the next request, if so many are left.
    pub(super) fn next_piece(&self, left: usize) -> usize {
        left.min(usize::try_from(self.piece).unwrap_or(usize::MAX))
    }

    /// Asks for `count` bytes, `skip` after `offset`.
    pub(super) fn ask_read(
        &self,
        offset: u64,
        skip: usize,
        count: usize,
    ) -> Result<Pending<C>, Error> {
        let request = Request::Read {
            fid: self.fid(),
            offset: place(offset, skip)?,
            count: u32::try_from(count).map_err(|_| Error::TooLarge)?,
        };
        Pending::new(self.shared(), &request)
    }
}

/// `skip` bytes after `offset`.
pub(super) fn place(offset: u64, skip: usize) -> Result<u64, Errno> {
    u64::try_from(skip)
        .ok()
        .and_then(|skip| offset.checked_add(skip))
        .filter(|&place| place <= MAX_OFFSET)
        .ok_or(Errno::EINVAL)
}

/// What a read of `count` bytes brought.
pub(super) fn data(answer: Result<Response, Error>, count: usize) -> Result<Data, Error> {
    match answer? {
        Response::Data(data) if data.len() <= count => Ok(data),
        Response::Data(_) => Err(Error::Answer("more bytes than asked for")),
        _ => Err(OTHER_KIND),
    }
}
