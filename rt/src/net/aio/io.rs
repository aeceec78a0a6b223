//! Reading and writing: embedded-io-async's traits.

use core::future::poll_fn;

use embedded_io_async::{ErrorType, Read, Write};

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, WriteHalf};
use crate::io;

impl TcpStream {
    async fn read_some(&self, bytes: &mut [u8]) -> io::Result<usize> {
        poll_fn(|context| self.socket.poll_read(context.waker(), bytes)).await
    }

    async fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|context| self.socket.poll_write(context.waker(), bytes)).await
    }
}

impl ErrorType for TcpStream {
    type Error = io::Error;
}

impl ErrorType for &TcpStream {
    type Error = io::Error;
}

impl ErrorType for ReadHalf<'_> {
    type Error = io::Error;
}

impl ErrorType for WriteHalf<'_> {
    type Error = io::Error;
}

impl ErrorType for OwnedReadHalf {
    type Error = io::Error;
}

impl ErrorType for OwnedWriteHalf {
    type Error = io::Error;
}

impl Read for TcpStream {
    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.read_some(bytes).await
    }
}

impl Read for &TcpStream {
    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.read_some(bytes).await
    }
}

impl Read for ReadHalf<'_> {
    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read_some(bytes).await
    }
}

impl Read for OwnedReadHalf {
    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read_some(bytes).await
    }
}

/// Flushing does nothing: what was written leaves when the thread waits next.
impl Write for TcpStream {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_some(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Flushing does nothing: what was written leaves when the thread waits next.
impl Write for &TcpStream {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_some(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Flushing does nothing: what was written leaves when the thread waits next.
impl Write for WriteHalf<'_> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_some(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Flushing does nothing: what was written leaves when the thread waits next.
impl Write for OwnedWriteHalf {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_some(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
