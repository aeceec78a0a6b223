//! Halves of a stream, for code that wants to own one direction.

use core::fmt;
use core::ops::Deref;

use super::TcpStream;

/// The reading half of [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a> {
    pub(super) stream: &'a TcpStream,
}

/// The writing half of [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a> {
    pub(super) stream: &'a TcpStream,
}

/// The reading half of [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf {
    pub(super) stream: TcpStream,
}

/// The writing half of [`TcpStream::into_split`]. Dropping it alone does not end the direction:
/// the connection lives as long as the other half.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    pub(super) stream: TcpStream,
}

impl<'a> ReadHalf<'a> {
    pub(super) fn new(stream: &'a TcpStream) -> ReadHalf<'a> {
        ReadHalf { stream }
    }
}

impl<'a> WriteHalf<'a> {
    pub(super) fn new(stream: &'a TcpStream) -> WriteHalf<'a> {
        WriteHalf { stream }
    }
}

impl OwnedReadHalf {
    pub(super) fn new(stream: TcpStream) -> OwnedReadHalf {
        OwnedReadHalf { stream }
    }

    /// The whole stream again.
    ///
    /// # Errors
    /// When the halves are not of one stream; they come back in the error.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        match alloc::sync::Arc::ptr_eq(&self.stream.socket, &other.stream.socket) {
            true => Ok(self.stream),
            false => Err(ReuniteError(self, other)),
        }
    }
}

impl OwnedWriteHalf {
    pub(super) fn new(stream: TcpStream) -> OwnedWriteHalf {
        OwnedWriteHalf { stream }
    }
}

/// Halves of different streams.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are not of the same stream")
    }
}

impl core::error::Error for ReuniteError {}

/// For addresses, [`readable`](TcpStream::readable) and the like.
impl Deref for ReadHalf<'_> {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        self.stream
    }
}

/// For addresses, [`writable`](TcpStream::writable) and the like.
impl Deref for WriteHalf<'_> {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        self.stream
    }
}

/// For addresses, [`readable`](TcpStream::readable) and the like.
impl Deref for OwnedReadHalf {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

/// For addresses, [`writable`](TcpStream::writable) and the like.
impl Deref for OwnedWriteHalf {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}
