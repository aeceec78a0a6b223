//! [`File`]: an open file with a cursor, which is kept in the guest.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::pin;
use core::task::Poll;

use p9_front::client::{Create, File as Remote, OpenHow, PathError, ReadAhead};
use p9_front::wire::SetAttributes;
use p9_front::{Errno, Error as Failure};

use super::lock::Held;
use super::namespace::Mount;
use super::options::flags;
use super::reach::{Way, reach};
use super::volumes::{Connection, wait};
use super::{FileTimes, Metadata, OpenOptions, Permissions, Statfs, SystemTime};
use crate::io::{Result, SeekFrom};
use crate::path::Path;
use crate::sync::Mutex;

/// Bytes that [`copy`](super::copy) has in memory, twice.
const COPY_BYTES: usize = 1 << 20;
/// The same where memory is short.
const COPY_BYTES_LEAST: usize = 16 << 10;

/// An open file. It is closed when the last clone is dropped.
pub struct File {
    inner: Arc<Inner>,
}

/// What clones share.
struct Inner {
    remote: Remote<Connection>,
    mount: Arc<Mount>,
    cursor: Mutex<Cursor>,
    lock: Held,
}

/// Where reads and writes go on.
struct Cursor {
    position: u64,
    /// After a write to the end: the position is the end, wherever that is.
    at_end: bool,
    ahead: ReadAhead<Connection>,
}

impl Cursor {
    /// The position as a number.
    fn find(&mut self, remote: &Remote<Connection>) -> Result<u64> {
        if self.at_end {
            self.position = wait(remote.attributes())?.size;
            self.at_end = false;
        }
        Ok(self.position)
    }
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`NotFound`](crate::io::ErrorKind::NotFound), and what the file server says.
    pub fn open<P: AsRef<Path>>(path: P) -> Result<File> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file for writing, made or emptied.
    ///
    /// # Errors
    /// What the file server says.
    pub fn create<P: AsRef<Path>>(path: P) -> Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
    }

    /// Makes a file, and opens it for reading and writing.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::io::ErrorKind::AlreadyExists), and what the file server says.
    pub fn create_new<P: AsRef<Path>>(path: P) -> Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
    }

    /// How files are opened otherwise.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    pub(super) fn open_as(path: &Path, options: &OpenOptions) -> Result<File> {
        let bits = options.flags()?;
        let access = bits & flags::ACCESS;
        let has = |flag| bits & flag != 0;
        let how = OpenHow {
            read: access == 0 || access == flags::READ_WRITE,
            write: access != 0,
            append: has(flags::APPEND),
            truncate: has(flags::TRUNCATE) && !has(flags::EXCLUSIVE),
            create: match (has(flags::EXCLUSIVE), has(flags::CREATE)) {
                (true, _) => Create::New,
                (false, true) => Create::IfMissing,
                (false, false) => Create::No,
            },
            mode: options.creation_mode(),
            follow: !has(flags::NO_FOLLOW),
            flags: bits,
        };
        let opened = reach(path, async |way: Way<'_>| {
            if how.writes() && way.mount.is_read_only() {
                return Err(read_only(&way, &how).await);
            }
            let remote = way.client.open(way.path, &how, way.links).await?;
            if has(flags::DIRECTORY) && !remote.is_directory() {
                return Err(Errno::ENOTDIR.into());
            }
            Ok((remote, way.mount.clone()))
        })?;
        let (remote, mount) = opened.volume(Errno::EISDIR)?;
        let lock = Held::new(mount.tag(), remote.qid().path);
        let cursor = Cursor {
            position: 0,
            at_end: false,
            ahead: ReadAhead::new(),
        };
        Ok(File {
            inner: Arc::new(Inner {
                remote,
                mount,
                cursor: Mutex::new(cursor),
                lock,
            }),
        })
    }

    fn remote(&self) -> &Remote<Connection> {
        &self.inner.remote
    }

    fn cursor(&self) -> crate::sync::MutexGuard<'_, Cursor> {
        self.inner
            .cursor
            .lock()
            .unwrap_or_else(crate::sync::PoisonError::into_inner)
    }

    pub(super) fn held(&self) -> (&Held, &Remote<Connection>) {
        (&self.inner.lock, &self.inner.remote)
    }

    /// The same open file once more: cursor and locks are shared.
    ///
    /// # Errors
    /// None.
    pub fn try_clone(&self) -> Result<File> {
        let inner = self.inner.clone();
        Ok(File { inner })
    }

    /// Waits until content and attributes are on the host's disk.
    ///
    /// # Errors
    /// What the file server says.
    pub fn sync_all(&self) -> Result<()> {
        Ok(wait(self.remote().sync(false))?)
    }

    /// Waits until the content is on the host's disk, and what is needed to find it.
    ///
    /// # Errors
    /// What the file server says.
    pub fn sync_data(&self) -> Result<()> {
        Ok(wait(self.remote().sync(true))?)
    }

    /// Cuts the file off, or fills it up with zeros.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::io::ErrorKind::InvalidInput) if it is not open for writing, and what
    /// the file server says.
    pub fn set_len(&self, size: u64) -> Result<()> {
        Ok(wait(self.remote().set_len(size))?)
    }

    /// What the server knows about the file.
    ///
    /// # Errors
    /// What the file server says.
    pub fn metadata(&self) -> Result<Metadata> {
        let attributes = wait(self.remote().attributes())?;
        Ok(Metadata::new(attributes, self.inner.mount.number()))
    }

    /// Sets who may do what with it.
    ///
    /// # Errors
    /// What the file server says.
    pub fn set_permissions(&self, permissions: Permissions) -> Result<()> {
        self.change(permissions.change())
    }

    /// Sets its times.
    ///
    /// # Errors
    /// What the file server says.
    pub fn set_times(&self, times: FileTimes) -> Result<()> {
        self.change(times.change()?)
    }

    /// Sets the time of the last change.
    ///
    /// # Errors
    /// What the file server says.
    pub fn set_modified(&self, time: SystemTime) -> Result<()> {
        self.set_times(FileTimes::new().set_modified(time))
    }

    /// The file system that it is on.
    ///
    /// # Errors
    /// What the file server says.
    pub fn statfs(&self) -> Result<Statfs> {
        Ok(wait(self.remote().statfs())?)
    }

    fn change(&self, change: SetAttributes) -> Result<()> {
        if self.inner.mount.is_read_only() {
            return Err(Errno::EROFS.into());
        }
        Ok(wait(self.remote().set_attributes(change))?)
    }

    /// Reads at a place, without the cursor.
    pub(crate) fn read_from(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        Ok(wait(self.remote().read_at(bytes, offset))?)
    }

    /// Writes at a place, without the cursor. As on Linux, to the end if the file is open for
    /// appending.
    pub(crate) fn write_to(&self, bytes: &[u8], offset: u64) -> Result<usize> {
        Ok(wait(self.remote().write_at(bytes, offset))?)
    }

    pub(super) fn read_on(&self, bytes: &mut [u8]) -> Result<usize> {
        let mut cursor = self.cursor();
        let position = cursor.find(self.remote())?;
        let count = wait(cursor.ahead.read(self.remote(), bytes, position))?;
        cursor.position = position + count as u64;
        Ok(count)
    }

    pub(super) fn write_on(&self, bytes: &[u8]) -> Result<usize> {
        let mut cursor = self.cursor();
        if self.remote().appends() {
            let count = wait(self.remote().append(bytes))?;
            cursor.at_end |= count > 0;
            return Ok(count);
        }
        let position = cursor.find(self.remote())?;
        let count = self.write_to(bytes, position)?;
        cursor.position = position + count as u64;
        Ok(count)
    }

    pub(super) fn seek_to(&self, to: SeekFrom) -> Result<u64> {
        let mut cursor = self.cursor();
        let (from, by) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(by) => (cursor.find(self.remote())?, by),
            SeekFrom::End(by) => (wait(self.remote().attributes())?.size, by),
        };
        let position = from
            .checked_add_signed(by)
            .filter(|position| i64::try_from(*position).is_ok());
        let position = position.ok_or(Errno::EINVAL)?;
        if position != cursor.position {
            // Its memory can go at once.
            cursor.ahead.clear();
        }
        cursor.position = position;
        cursor.at_end = false;
        Ok(position)
    }

    /// Bytes from the cursor to the end, as far as can be known: how much memory reading takes.
    pub(super) fn left(&self) -> Result<usize> {
        let size = wait(self.remote().attributes())?.size;
        let position = self.cursor().find(self.remote())?;
        usize::try_from(size.saturating_sub(position)).map_err(|_| Errno::EFBIG.into())
    }
}

/// The error of opening a file for writing where the guest may not.
async fn read_only(way: &Way<'_>, how: &OpenHow) -> PathError {
    // As Linux: what is not there is not there.
    match way.client.resolve(way.path, how.follow, way.links).await {
        Ok(node) if how.create == Create::New => {
            drop(node);
            Errno::EEXIST.into()
        }
        Ok(node) if node.is_directory() => Errno::EISDIR.into(),
        Err(PathError::Failed(Failure::Server(Errno::ENOENT))) if how.create != Create::No => {
            Errno::EROFS.into()
        }
        Err(error) => error,
        Ok(_) => Errno::EROFS.into(),
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("volume", &self.inner.mount.tag())
            .field("qid", &self.remote().qid())
            .finish_non_exhaustive()
    }
}

/// Copies from the start of one file to that of the other, reading while it writes.
pub(super) fn copy_content(source: &File, target: &File) -> Result<u64> {
    let buffer = || {
        let mut bytes: Vec<u8> = Vec::new();
        let len = match bytes.try_reserve_exact(COPY_BYTES) {
            Ok(()) => COPY_BYTES,
            Err(_) => COPY_BYTES_LEAST,
        };
        bytes.resize(len, 0);
        bytes
    };
    let (from, to) = (source.remote(), target.remote());
    let (mut current, mut next) = (buffer(), Vec::new());
    let mut len = wait(from.read_at(&mut current, 0))?;
    let mut done = 0;
    while len > 0 {
        // A small file takes one buffer and no second.
        if next.is_empty() {
            next = if len < current.len() {
                alloc::vec![0; 1]
            } else {
                buffer()
            };
        }
        let after = done + len as u64;
        let write = async {
            let mut at = 0;
            while at < len {
                match to.write_at(&current[at..len], done + at as u64).await? {
                    0 => return Err(Failure::Answer("it writes nothing, and says no why")),
                    count => at += count,
                }
            }
            Ok(())
        };
        let (written, read) = wait(both(write, from.read_at(&mut next, after)));
        written?;
        done = after;
        len = read?;
        core::mem::swap(&mut current, &mut next);
        if next.len() > current.len() {
            // The one byte was not the end: the file grew, or the read was short.
            core::mem::swap(&mut current, &mut next);
            current[..len].copy_from_slice(&next[..len]);
        }
    }
    Ok(done)
}

/// Waits for both.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    core::future::poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(context)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}
