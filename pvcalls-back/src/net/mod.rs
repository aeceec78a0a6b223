//! The host's sockets, as the data side uses them: never waiting, closed on drop.

pub mod options;
pub mod vectored;

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, sockopt,
};

use crate::abi::Family;
use crate::errno::Errno;
use crate::policy::Transport;

/// A socket of the host.
#[derive(Debug)]
pub struct HostSocket(OwnedFd);

impl AsFd for HostSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl HostSocket {
    /// A fresh socket.
    ///
    /// # Errors
    /// The kernel's: no more file descriptors, no such family.
    pub fn new(
        transport: Transport,
        family: Family,
        buffer_bytes: Option<u32>,
    ) -> Result<Self, Errno> {
        let family = match family {
            Family::V4 => AddressFamily::INET,
            Family::V6 => AddressFamily::INET6,
        };
        let kind = match transport {
            Transport::Tcp => SocketType::STREAM,
            Transport::Udp => SocketType::DGRAM,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = Self(rustix::net::socket_with(family, kind, flags, None)?);
        if let Some(bytes) = buffer_bytes {
            socket.fix_buffers(bytes)?;
        }
        Ok(socket)
    }

    /// Gives it buffers of this size, each way: the kernel does not fit them to the connection any
    /// more. What a listener accepts inherits both.
    ///
    /// # Errors
    /// The kernel's.
    pub fn fix_buffers(&self, bytes: u32) -> Result<(), Errno> {
        sockopt::set_socket_send_buffer_size(&self.0, bytes as usize)?;
        sockopt::set_socket_recv_buffer_size(&self.0, bytes as usize)?;
        Ok(())
    }

    /// Gives it a local address. Streams may be bound to a port whose last connections still fade
    /// (`SO_REUSEADDR`), as std does it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn bind(&self, transport: Transport, at: SocketAddr) -> Result<(), Errno> {
        if transport == Transport::Tcp {
            sockopt::set_socket_reuseaddr(&self.0, true)?;
        }
        Ok(rustix::net::bind(&self.0, &at)?)
    }

    /// Begins to connect. Whether it is connected already; if not, it becomes writable when the
    /// matter is decided.
    ///
    /// # Errors
    /// The kernel's.
    pub fn connect(&self, to: SocketAddr) -> Result<bool, Errno> {
        match rustix::net::connect(&self.0, &to) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What became of a connect: to be asked when the socket has become writable.
    ///
    /// # Errors
    /// Why it failed.
    pub fn connect_result(&self) -> Result<(), Errno> {
        match sockopt::socket_error(&self.0) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) | Err(error) => Err(error.into()),
        }
    }

    /// Starts to take connections.
    ///
    /// # Errors
    /// The kernel's.
    pub fn listen(&self, backlog: u32) -> Result<(), Errno> {
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        Ok(rustix::net::listen(&self.0, backlog)?)
    }

    /// The next connection and who made it, if there is one.
    ///
    /// # Errors
    /// The kernel's. Connections that ended while they waited are passed over.
    pub fn accept(&self) -> Result<Option<(Self, Option<SocketAddr>)>, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        loop {
            return match rustix::net::acceptfrom_with(&self.0, flags) {
                Ok((accepted, peer)) => {
                    let peer = peer.and_then(|peer| peer.try_into().ok());
                    Ok(Some((Self(accepted), peer)))
                }
                Err(rustix::io::Errno::AGAIN) => Ok(None),
                // What accept(2) says about errors of the connection, not of the listener.
                Err(
                    rustix::io::Errno::CONNABORTED
                    | rustix::io::Errno::INTR
                    | rustix::io::Errno::NETDOWN
                    | rustix::io::Errno::PROTO
                    | rustix::io::Errno::NOPROTOOPT
                    | rustix::io::Errno::HOSTDOWN
                    | rustix::io::Errno::HOSTUNREACH
                    | rustix::io::Errno::NETUNREACH,
                ) => continue,
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Whether it can be read now, or a connection waits.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0)
    }

    /// Ends the write side.
    pub fn shutdown_write(&self) {
        // It may be over already.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
    }

    /// Makes its close a reset: what was not sent is lost, and the peer learns so.
    pub fn reset_on_close(&self) {
        let _ = sockopt::set_socket_linger(&self.0, Some(Duration::ZERO));
    }

    /// Takes bytes and throws them away: how many; 0 at the end.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if there are none.
    pub fn discard(&self, scratch: &mut [u8]) -> Result<usize, Errno> {
        let (count, _) = rustix::net::recv(&self.0, scratch, RecvFlags::DONTWAIT)?;
        Ok(count)
    }

    /// Sends private bytes: how many.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if there is no room.
    pub fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        Ok(rustix::net::send(
            &self.0,
            bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        )?)
    }

    /// Its own address.
    #[must_use]
    pub fn local(&self) -> Option<SocketAddr> {
        rustix::net::getsockname(&self.0).ok()?.try_into().ok()
    }

    /// The peer's address.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        rustix::net::getpeername(&self.0).ok()??.try_into().ok()
    }
}

/// The error of an I/O call that could not be done now.
#[must_use]
pub fn would_block(error: Errno) -> bool {
    error == Errno::EAGAIN
}

/// For the audit line and the counters: an address, or what stands for none.
#[must_use]
pub fn display(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "-".to_owned(), |address| address.to_string())
}
