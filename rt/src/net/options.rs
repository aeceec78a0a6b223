//! Settings of a socket that std's functions have no place for.

use core::time::Duration;

use pvcalls_front::{ConnectOptions, ListenOptions, RingOrder};

use crate::time::deadline_ns;

/// Settings for [`TcpStream::connect_with`](super::TcpStream::connect_with) and
/// [`TcpListener::bind_with`](super::TcpListener::bind_with).
///
/// ```ignore
/// let bulk = Options::new().ring_order(RingOrder::MAX).timeout(Duration::from_secs(5));
/// let stream = TcpStream::connect_with("192.0.2.1:80", &bulk)?;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    ring_order: Option<RingOrder>,
    timeout: Option<Duration>,
    backlog: Option<u32>,
    only_v6: Option<bool>,
    outlives_backend: Option<bool>,
}

impl Options {
    /// The defaults, those of [`TcpStream::connect`](super::TcpStream::connect) and
    /// [`TcpListener::bind`](super::TcpListener::bind).
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// Data rings of exactly this size, for the connection or for those that the listener accepts:
    /// small for many connections, large for bulk. Order n is `2^n + 1` pages, half of the `2^n`
    /// for each direction. Opening fails with
    /// [`InvalidInput`](crate::io::ErrorKind::InvalidInput) if that is more than the backend takes,
    /// and with [`OutOfMemory`](crate::io::ErrorKind::OutOfMemory) or its like if it is more than
    /// the guest has. [`set_default_ring_order`](super::set_default_ring_order) is for all others.
    #[must_use]
    pub fn ring_order(mut self, order: RingOrder) -> Options {
        self.ring_order = Some(order);
        self
    }

    /// How long opening may take for each address; its error is then
    /// [`TimedOut`](crate::io::ErrorKind::TimedOut).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = Some(timeout);
        self
    }

    /// How many connections may wait in the host until they are accepted; 128 unless told. The host
    /// has its own limits. Listeners only.
    #[must_use]
    pub fn backlog(mut self, connections: u32) -> Options {
        self.backlog = Some(connections);
        self
    }

    /// Whether a listener at `[::]` takes IPv6 connections only. Needs a backend that knows socket
    /// options. Listeners only.
    #[must_use]
    pub fn only_v6(mut self, only: bool) -> Options {
        self.only_v6 = Some(only);
        self
    }

    /// Whether the listener goes on when the host's backend was away, as it does unless told: it is
    /// bound again as soon as the backend is back, and those who accept go on waiting. If not, they
    /// get [`ConnectionReset`](crate::io::ErrorKind::ConnectionReset). Listeners only.
    #[must_use]
    pub fn outlives_backend(mut self, outlives: bool) -> Options {
        self.outlives_backend = Some(outlives);
        self
    }

    /// When opening that begins now must be through, in ns.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        self.timeout.map(deadline_ns)
    }

    /// As the driver wants them for a connect.
    pub(super) fn connect(&self, deadline_ns: Option<u64>) -> ConnectOptions {
        ConnectOptions {
            ring_order: self.ring_order,
            deadline_ns,
        }
    }

    /// As the driver wants them for a listener.
    pub(super) fn listen(&self, deadline_ns: Option<u64>) -> ListenOptions {
        let usual = ListenOptions::default();
        ListenOptions {
            ring_order: self.ring_order,
            backlog: self.backlog.unwrap_or(usual.backlog),
            deadline_ns,
            only_v6: self.only_v6.or(usual.only_v6),
            survives: self.outlives_backend.unwrap_or(usual.survives),
        }
    }

    /// As sockets inside the guest want them.
    pub(super) fn listen_inside(&self) -> loopback::ListenOptions {
        let usual = loopback::ListenOptions::default();
        let backlog = self.backlog.and_then(|count| usize::try_from(count).ok());
        loopback::ListenOptions {
            backlog: backlog.unwrap_or(usual.backlog),
            only_v6: self.only_v6.unwrap_or(usual.only_v6),
        }
    }
}
