//! Reading and writing streams: the traits, for [`TcpStream`] and `&TcpStream`.

use embedded_io::ErrorType;
use pvcalls_front::Readiness;

use super::TcpStream;
use crate::io::{self, Read, Write};

impl TcpStream {
    fn read_some(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let timeout = &self.socket.read_timeout;
        self.socket
            .block(timeout, |waker| self.socket.poll_read(waker, bytes))
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
        }

        impl Write for $type {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.write_some(bytes)
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
