//! Options of streams: std's names, awaited.

use core::future::poll_fn;
use core::time::Duration;

use pvcalls_front::SocketOption;

use super::TcpStream;
use crate::io::{self, ErrorKind};
use crate::net::tcp::options::{LINGER_LONG, linger_ms};

impl TcpStream {
    /// Whether small segments are sent at once: see
    /// [`net::TcpStream::set_nodelay`](crate::net::TcpStream::set_nodelay).
    pub async fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.set(SocketOption::NoDelay, i64::from(nodelay), 0).await
    }

    /// See [`TcpStream::set_nodelay`].
    pub async fn nodelay(&self) -> io::Result<bool> {
        let value = self.get(SocketOption::NoDelay, Some(0)).await?;
        Ok(value != 0)
    }

    /// How long a close goes on sending: see
    /// [`net::TcpStream::set_linger`](crate::net::TcpStream::set_linger).
    pub async fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        let ms = linger_ms(linger);
        self.set(SocketOption::Linger, ms, LINGER_LONG).await?;
        self.socket.note_linger(linger);
        Ok(())
    }

    /// See [`TcpStream::set_linger`].
    pub async fn linger(&self) -> io::Result<Option<Duration>> {
        let ms = self.get(SocketOption::Linger, Some(LINGER_LONG)).await?;
        Ok(u64::try_from(ms).ok().map(Duration::from_millis))
    }

    /// How many hops a packet may take: see
    /// [`net::TcpStream::set_ttl`](crate::net::TcpStream::set_ttl).
    pub async fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let mut call = self.socket.set_option(SocketOption::Ttl, i64::from(ttl));
        poll_fn(|context| call.poll(context.waker()))
            .await
            .map(drop)
    }

    /// See [`TcpStream::set_ttl`].
    pub async fn ttl(&self) -> io::Result<u32> {
        let ttl = self.get(SocketOption::Ttl, None).await?;
        u32::try_from(ttl)
            .map_err(|_| io::Error::new(ErrorKind::InvalidData, "the host's TTL is negative"))
    }

    /// What went wrong, if no call has told it yet.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Sets an option. A backend without options has `fixed` for good.
    async fn set(&self, option: SocketOption, value: i64, fixed: i64) -> io::Result<()> {
        let mut call = self.socket.set_option(option, value);
        match poll_fn(|context| call.poll(context.waker())).await {
            Err(error) if error.kind() == ErrorKind::Unsupported && value == fixed => Ok(()),
            result => result.map(drop),
        }
    }

    /// Asks for an option. A backend without options has `fixed` for good, if that is known.
    async fn get(&self, option: SocketOption, fixed: Option<i64>) -> io::Result<i64> {
        let mut call = self.socket.option(option);
        match (poll_fn(|context| call.poll(context.waker())).await, fixed) {
            (Err(error), Some(fixed)) if error.kind() == ErrorKind::Unsupported => Ok(fixed),
            (result, _) => result,
        }
    }
}
