//! Reading and writing streams: the traits, for [`TcpStream`] and `&TcpStream`.

use embedded_io::ErrorType;
use pvcalls_front::Readiness;

use super::TcpStream;
use crate::io::{self, IoSlice, IoSliceMut, Read, Write};

impl TcpStream {
    fn read_some(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let timeout = &self.socket.read_timeout;
        self.socket
            .block(timeout, |waker| self.socket.poll_read(waker, bytes))
    }

    fn read_more(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let timeout = &self.socket.read_timeout;
        self.socket
            .block(timeout, |waker| self.socket.poll_read_vectored(waker, bufs))
    }

    fn write_more(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let timeout = &self.socket.write_timeout;
        self.socket.block(timeout, |waker| {
            self.socket.poll_write_vectored(waker, bufs)
        })
    }

    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        let timeout = &self.socket.write_timeout;
        self.socket
            .block(timeout, |waker| self.socket.poll_write(waker, bytes))
    }
}

macro_rules! streams {
    ($($type:ty),*) => { $(
        impl Read for $type {
            fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
                self.read_some(bytes)
            }

            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.read_more(bufs)
            }
        }

        impl Write for $type {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.write_some(bytes)
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.write_more(bufs)
            }

            /// Nothing is held back: what was written leaves when the thread waits next.
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl ErrorType for $type {
            type Error = io::Error;
        }

        impl embedded_io::Read for $type {
            fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
                self.read_some(bytes)
            }
        }

        impl embedded_io::Write for $type {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.write_some(bytes)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    )* };
}

streams!(TcpStream, &TcpStream);

impl embedded_io::ReadReady for TcpStream {
    fn read_ready(&mut self) -> io::Result<bool> {
        Ok(self.socket.readiness()?.contains(Readiness::READABLE))
    }
}

impl embedded_io::WriteReady for TcpStream {
    fn write_ready(&mut self) -> io::Result<bool> {
        Ok(self.socket.readiness()?.contains(Readiness::WRITABLE))
    }
}
