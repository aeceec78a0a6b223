//! picoserve 0.20: `Server::custom(&app, Timer, &config, &mut buffer).serve(stream)`, with a stream
//! that [`aio::TcpListener`](crate::net::aio::TcpListener) accepted.

use embedded_io_async::{Read as _, Write as _};
use picoserve::io::{Socket, Write};
use picoserve::mem::{BorrowedBuffer, BorrowedCursor};
use picoserve::time::Duration;
use picoserve::{Error, Timeouts};

use crate::io::{self, ErrorKind};
use crate::net::Shutdown;
use crate::net::aio::{ReadHalf, TcpStream, WriteHalf};
use crate::task;

/// How much is formatted before it is written, in bytes.
const BUFFER_BYTES: usize = 1024;

/// Names this runtime in picoserve's types.
#[derive(Clone, Copy, Debug)]
pub struct Runtime;

/// Time by [`task::sleep`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl picoserve::time::Timer<Runtime> for Timer {
    fn delay(&self, duration: Duration) -> impl Future<Output = ()> {
        task::sleep(core::time::Duration::from_millis(duration.as_millis()))
    }
}

impl Write for WriteHalf<'_> {
    async fn write_with<F: FnOnce(BorrowedCursor<'_>) -> R, R>(&mut self, f: F) -> io::Result<R> {
        let mut bytes = [0; BUFFER_BYTES];
        let mut buffer = BorrowedBuffer::new(&mut bytes);
        let output = f(buffer.unfilled());
        self.write_all(buffer.filled()).await?;
        Ok(output)
    }
}

impl Socket<Runtime> for TcpStream {
    type Error = io::Error;
    type ReadHalf<'a> = ReadHalf<'a>;
    type WriteHalf<'a> = WriteHalf<'a>;

    fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        TcpStream::split(self)
    }

    /// Drops it. Bytes that were written are sent all the same.
    async fn abort<T: picoserve::time::Timer<Runtime>>(
        self,
        _: &Timeouts,
        _: &T,
    ) -> Result<(), Error<io::Error>> {
        Ok(())
    }

    /// Sends a FIN and waits for the client's. Where the host cannot end one direction (version 1
    /// of PV Calls), both end, after what was written is sent.
    async fn shutdown<T: picoserve::time::Timer<Runtime>>(
        mut self,
        timeouts: &Timeouts,
        timer: &T,
    ) -> Result<(), Error<io::Error>> {
        match TcpStream::shutdown(&self, Shutdown::Write).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
            // The client was faster.
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(Error::Write(error)),
        }
        let mut rest = [0; 128];
        loop {
            let reading = timer.run_with_timeout(timeouts.read_request, self.read(&mut rest));
            let count = reading.await.map_err(Error::ReadTimeout)?;
            if count.map_err(Error::Read)? == 0 {
                return Ok(());
            }
        }
    }
}
