//! The raw interface: streams of messages on the domain's connection, for tools that speak the
//! protocol themselves. What they may do is said at [`xenstore::raw`].

use alloc::collections::VecDeque;
use core::fmt;
use core::task::{Poll, Waker};

use ::xenstore::raw::Stream;
use ::xenstore::{Client, ProtocolError};

use super::connection::{Connection, with};

pub use ::xenstore::raw::{REPLIES_MAX, Readiness};

/// Streams that may be open at a time.
pub const STREAMS_MAX: usize = 64;

/// What was tried in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// [`STREAMS_MAX`] streams are open.
    TooManyStreams,
    /// A header announced `bytes` bytes of payload, more than a message may have. What was written
    /// of that message is dropped.
    TooLong {
        /// Bytes announced.
        bytes: u32,
    },
    /// The server broke the protocol: nothing more will come.
    Ended(ProtocolError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::TooManyStreams => write!(f, "{STREAMS_MAX} raw xenstore streams are open"),
            Error::TooLong { bytes } => ::xenstore::raw::Error::TooLong { bytes }.fmt(f),
            Error::Ended(error) => ::xenstore::raw::Error::Ended(error).fmt(f),
        }
    }
}

impl core::error::Error for Error {}

/// All open streams, by number.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: VecDeque<(u64, Stream)>,
    last: u64,
}

impl Streams {
    /// Hands over what came and what could not be sent before, beginning with another stream each
    /// time.
    pub(super) fn advance(&mut self, client: &mut Client) {
        let mut took = true;
        while took {
            took = false;
            for (_, stream) in &mut self.open {
                took |= stream.advance(client);
            }
        }
        if self.open.len() > 1 {
            self.open.rotate_left(1);
        }
    }

    fn place(&self, number: u64) -> usize {
        let place = self.open.iter().position(|(other, _)| *other == number);
        place.expect("a stream is there until it is dropped")
    }
}

/// One opening of the raw interface. Dropping it ends its transactions and watches.
#[derive(Debug)]
pub struct RawStream {
    number: u64,
}

/// Opens the raw interface once more.
pub fn open() -> Result<RawStream, Error> {
    with(|connection| {
        let Streams { open, last } = &mut connection.streams;
        if open.len() >= STREAMS_MAX {
            return Err(Error::TooManyStreams);
        }
        *last += 1;
        open.push_back((*last, Stream::new()));
        Ok(RawStream { number: *last })
    })
}

impl RawStream {
    /// Reads what there is of replies and events, or has `waker` woken when there may be something.
    pub fn poll_read(&self, buffer: &mut [u8], waker: &Waker) -> Poll<Result<usize, Error>> {
        self.poll(waker, |stream, client| stream.read(client, buffer))
    }

    /// Writes as much of requests as there is room for, or has `waker` woken when there may be some.
    pub fn poll_write(&self, bytes: &[u8], waker: &Waker) -> Poll<Result<usize, Error>> {
        self.poll(waker, |stream, client| stream.write(client, bytes))
    }

    /// What need not wait now. `waker` is woken when that may have changed.
    pub fn readiness(&self, waker: &Waker) -> Readiness {
        with(|connection| {
            connection.register(waker);
            let (client, stream) = self.parts(connection);
            stream.readiness(client)
        })
    }

    fn poll(
        &self,
        waker: &Waker,
        attempt: impl FnOnce(&mut Stream, &mut Client) -> Result<usize, ::xenstore::raw::Error>,
    ) -> Poll<Result<usize, Error>> {
        use ::xenstore::raw::Error as Raw;
        with(|connection| {
            let (client, stream) = self.parts(connection);
            let error = match attempt(stream, client) {
                Ok(count) => {
                    connection.pump();
                    // Others may read what is answered already, or write where there is room now.
                    connection.wake_waiting();
                    return Poll::Ready(Ok(count));
                }
                Err(Raw::WouldBlock) => {
                    // First, so that what the next line brings wakes it.
                    connection.register(waker);
                    if !connection.client.outgoing().is_empty() {
                        connection.pump();
                    }
                    return Poll::Pending;
                }
                Err(Raw::TooLong { bytes }) => Error::TooLong { bytes },
                Err(Raw::Ended(error)) => Error::Ended(error),
            };
            Poll::Ready(Err(error))
        })
    }

    fn parts<'c>(&self, connection: &'c mut Connection) -> (&'c mut Client, &'c mut Stream) {
        let Connection {
            client, streams, ..
        } = connection;
        let place = streams.place(self.number);
        (client, &mut streams.open[place].1)
    }
}

impl Drop for RawStream {
    fn drop(&mut self) {
        with(|connection| {
            let place = connection.streams.place(self.number);
            if let Some((_, stream)) = connection.streams.open.remove(place) {
                stream.close(&mut connection.client);
            }
            connection.pump();
            connection.wake_waiting();
        });
    }
}
