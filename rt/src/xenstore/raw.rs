//! The raw interface that tools of other systems know as `/proc/xen/xenbus`: requests and replies
//! as bytes, in the wire format of xen/io/xs_wire.h.
//!
//! ```ignore
//! use rt::io::{Read, Write};
//! use rt::xenstore::raw;
//!
//! let mut xenbus = raw::open()?;
//! // READ (2), request 1, no transaction, 5 bytes: "name" and its NUL.
//! xenbus.write_all(b"\x02\0\0\0\x01\0\0\0\0\0\0\0\x05\0\0\0name\0")?;
//! let mut header = [0; 16];
//! xenbus.read_exact(&mut header)?;
//! ```
//!
//! Each [`Stream`] has request ids, transactions and watches of its own; all streams and all of
//! [`xenstore`](super) share the domain's one connection, and none sees anything of another.
//! Requests may be written in any pieces, and several may be under way. Replies and watch events
//! are read as whole messages one after the other, in pieces of any size.
//!
//! What a tool can rely on:
//!
//! - A stream has at most [`REPLIES_MAX`] replies that were not read; further writes wait then. Who
//!   only writes and never reads waits in vain, and gets `TimedOut` after a minute.
//! - The payload of a request may have 4096 bytes. A header that announces more is `InvalidInput`,
//!   and what was written of that message is dropped. All else that is wrong with a request is
//!   answered by an ERROR reply.
//! - Transactions and watches of others are unknown: `ENOENT`. A second watch of the same path and
//!   token is `EEXIST`; UNWATCH of what is not watched is `ENOENT`. RESET_WATCHES ends what this
//!   stream has. Types that Xen 4.17 does not know are `ENOSYS`.
//! - An event that equals one that waits is dropped; and when many wait for a watch, they become one
//!   with the watched path: look at all below it.
//! - Dropping the stream aborts its transactions and removes its watches, also those whose reply is
//!   under way.
//!
//! Differences from Linux's device: there, payloads have 4080 bytes at most, what follows a whole
//! message in the same write is lost, and UNWATCH always says OK.

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;

use kernel::thread::wait;
use kernel::time::FOREVER_NS;
use kernel::xenstore::raw::{self, Error, RawStream};

use crate::io::{self, ErrorKind, Read, Write};
use crate::time::deadline_ns;

pub use kernel::xenstore::raw::{REPLIES_MAX, Readiness, STREAMS_MAX};

/// How long a blocking write waits for room.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// One opening of the raw interface; see [the module](self). Several threads may use it by
/// reference: messages they write must not be in pieces then.
#[derive(Debug)]
pub struct Stream {
    stream: RawStream,
    nonblocking: AtomicBool,
    /// In ns; `FOREVER_NS` for none.
    read_timeout: AtomicU64,
}

/// Opens the raw interface once more. `QuotaExceeded` when [`STREAMS_MAX`] streams are open.
pub fn open() -> io::Result<Stream> {
    Ok(Stream {
        stream: raw::open()?,
        nonblocking: AtomicBool::new(false),
        read_timeout: AtomicU64::new(FOREVER_NS),
    })
}

impl Stream {
    /// Whether reads and writes that would wait are `WouldBlock` instead.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
        Ok(())
    }

    /// How long a read waits for the first byte; then it is `WouldBlock`, as for sockets. Without
    /// end unless set. Zero is `InvalidInput`.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            let text = "cannot set a 0 duration timeout";
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        let ns = timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok());
        self.read_timeout
            .store(ns.unwrap_or(FOREVER_NS), Ordering::Relaxed);
        Ok(())
    }

    /// What would not wait now.
    pub fn readiness(&self) -> Readiness {
        self.stream.readiness(core::task::Waker::noop())
    }

    /// Waits until there is something to read, for so long at most; without end for `None`. Whether
    /// there is.
    pub fn wait_readable(&self, timeout: Option<Duration>) -> bool {
        let found = wait(timeout.map(deadline_ns), |waker| {
            match self.stream.readiness(waker).readable {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        found.is_some()
    }

    /// What would not wait now; the task is woken when that may have changed.
    pub fn poll_readiness(&self, context: &mut Context<'_>) -> Readiness {
        self.stream.readiness(context.waker())
    }

    /// Reads, or has the task woken when there may be something to read.
    pub fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = self.stream.poll_read(buffer, context.waker());
        read.map_err(io::Error::from)
    }

    /// Writes, or has the task woken when there may be room.
    pub fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream.poll_write(bytes, context.waker());
        written.map_err(io::Error::from)
    }

    /// Waits in a task until there is something to read.
    pub async fn readable(&self) {
        poll_fn(|context| match self.poll_readiness(context).readable {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let deadline = match self.read_timeout.load(Ordering::Relaxed) {
            _ if self.nonblocking.load(Ordering::Relaxed) => Some(0),
            FOREVER_NS => None,
            ns => Some(deadline_ns(Duration::from_nanos(ns))),
        };
        match wait(deadline, |waker| self.stream.poll_read(buffer, waker)) {
            Some(read) => Ok(read?),
            None => Err(would_block()),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let nonblocking = self.nonblocking.load(Ordering::Relaxed);
        let deadline = match nonblocking {
            true => 0,
            false => deadline_ns(WRITE_TIMEOUT),
        };
        match wait(Some(deadline), |waker| self.stream.poll_write(bytes, waker)) {
            Some(written) => Ok(written?),
            None if nonblocking => Err(would_block()),
            None => {
                let text = "a raw xenstore stream had no room for a minute: replies must be read";
                Err(io::Error::new(ErrorKind::TimedOut, text))
            }
        }
    }

    /// Does nothing: whole requests are sent at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A call that would wait. Others have a turn first: who tries again and again must not keep them
/// from making it ready.
fn would_block() -> io::Error {
    kernel::thread::yield_now();
    ErrorKind::WouldBlock.into()
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error {
            Error::TooManyStreams => ErrorKind::QuotaExceeded,
            Error::TooLong { .. } => ErrorKind::InvalidInput,
            Error::Ended(_) => ErrorKind::ConnectionAborted,
        };
        io::Error::new(kind, error)
    }
}
