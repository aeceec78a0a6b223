//! Reading and writing a socket straight from and to mapped rings: the kernel copies, once.
//!
//! The safe wrappers elsewhere take slices; to memory that a guest may write at any time there
//! must be none. So these calls take addresses, by libc.

use std::mem::zeroed;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;

use rustix::net::SocketAddrAny;

use crate::errno::Errno;
use crate::memory::Piece;
use crate::net::HostSocket;

fn iovecs(pieces: &[Piece<'_>; 2]) -> [libc::iovec; 2] {
    pieces.map(|piece| libc::iovec {
        iov_base: piece.base.cast(),
        iov_len: piece.len,
    })
}

/// How many of the two are to be used: an empty second one costs the kernel time.
fn used(pieces: &[Piece<'_>; 2]) -> usize {
    if pieces[1].len == 0 { 1 } else { 2 }
}

fn count(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| std::io::Error::last_os_error().into())
}

impl HostSocket {
    /// Receives into the ring: how many bytes; 0 at the end of the stream.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if there is nothing.
    pub fn receive_into(&self, pieces: &[Piece<'_>; 2]) -> Result<usize, Errno> {
        let iov = iovecs(pieces);
        let fd = self.as_fd().as_raw_fd();
        let pieces = i32::try_from(used(pieces)).expect("1 or 2");
        // SAFETY: both vectors describe mapped, writable memory (a promise of `Piece`), which
        // nobody has references to; the file descriptor is open.
        count(unsafe { libc::readv(fd, iov.as_ptr(), pieces) })
    }

    /// Bytes of a stream that the kernel holds because the peer has not acknowledged them; the end
    /// counts as one. 0 once the connection is over, however it ended.
    #[must_use]
    pub fn unacknowledged(&self) -> u32 {
        let mut count: libc::c_int = 0;
        // SAFETY: the descriptor is open, and this request (`SIOCOUTQ` of sockets) writes one int.
        let result =
            unsafe { libc::ioctl(self.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
        match u32::try_from(count) {
            // After a reset the number stays, but the bytes are gone.
            Ok(count) if result == 0 && count > 0 && self.peer().is_some() => count,
            _ => 0,
        }
    }

    /// Sends from the ring: how many bytes.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if there is no room.
    pub fn send_from(&self, pieces: &[Piece<'_>; 2]) -> Result<usize, Errno> {
        self.send_message(pieces, None)
    }

    /// Sends a datagram from the ring, to an address or to the default peer.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if there is no room.
    pub fn send_to(&self, pieces: &[Piece<'_>; 2], to: Option<SocketAddr>) -> Result<usize, Errno> {
        self.send_message(pieces, to)
    }

    fn send_message(
        &self,
        pieces: &[Piece<'_>; 2],
        to: Option<SocketAddr>,
    ) -> Result<usize, Errno> {
        let mut iov = iovecs(pieces);
        let to = to.map(SocketAddrAny::from);
        // SAFETY: a message header of zeroes is a valid, empty one.
        let mut message: libc::msghdr = unsafe { zeroed() };
        message.msg_iov = iov.as_mut_ptr();
        message.msg_iovlen = used(pieces);
        if let Some(to) = &to {
            message.msg_name = to.as_ptr().cast_mut().cast();
            message.msg_namelen = to.addr_len();
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        let fd = self.as_fd().as_raw_fd();
        // SAFETY: the header points to vectors and an address on this stack, the vectors to
        // mapped memory (a promise of `Piece`); the kernel only reads all of it.
        count(unsafe { libc::sendmsg(fd, &raw const message, flags) })
    }

    /// Receives a datagram into the ring: how many bytes it has (more than fit, if it was cut),
    /// and who sent it.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if there is none.
    pub fn receive_from(
        &self,
        pieces: &[Piece<'_>; 2],
    ) -> Result<(usize, Option<SocketAddr>), Errno> {
        let mut iov = iovecs(pieces);
        // SAFETY: an address of zeroes is one of an unspecified family.
        let mut name: libc::sockaddr_storage = unsafe { zeroed() };
        // SAFETY: a message header of zeroes is a valid, empty one.
        let mut message: libc::msghdr = unsafe { zeroed() };
        message.msg_iov = iov.as_mut_ptr();
        message.msg_iovlen = used(pieces);
        message.msg_name = (&raw mut name).cast();
        message.msg_namelen =
            libc::socklen_t::try_from(size_of_val(&name)).expect("some hundred bytes");
        message.msg_control = null_mut();
        let fd = self.as_fd().as_raw_fd();
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        // SAFETY: the header points to vectors and an address on this stack, the vectors to
        // mapped, writable memory (a promise of `Piece`) without references to it.
        let received = count(unsafe { libc::recvmsg(fd, &raw mut message, flags) })?;
        // SAFETY: the kernel has written an address of `msg_namelen` bytes, or none.
        let from = unsafe { socket_address(&name) };
        Ok((received, from))
    }

    /// How long the next datagram is, without taking it.
    ///
    /// # Errors
    /// The kernel's; `EAGAIN` if there is none.
    pub fn next_datagram_len(&self) -> Result<usize, Errno> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_PEEK;
        let fd = self.as_fd().as_raw_fd();
        // SAFETY: no byte is asked for, so that no memory is written.
        count(unsafe { libc::recv(fd, null_mut(), 0, flags) })
    }
}

/// The address in `name`.
///
/// # Safety
/// `name` was zeroed, and then at most filled by the kernel.
unsafe fn socket_address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let name: *const libc::sockaddr_storage = name;
    match i32::from(
        // SAFETY: a reference, made a pointer above.
        unsafe { (*name).ss_family },
    ) {
        libc::AF_INET => {
            // SAFETY: the storage is large and aligned enough for every kind of address, and
            // every combination of bytes is one.
            let v4 = unsafe { *name.cast::<libc::sockaddr_in>() };
            let ip = u32::from_be(v4.sin_addr.s_addr);
            Some(SocketAddr::new(
                std::net::Ipv4Addr::from(ip).into(),
                u16::from_be(v4.sin_port),
            ))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { *name.cast::<libc::sockaddr_in6>() };
            Some(SocketAddr::new(
                std::net::Ipv6Addr::from(v6.sin6_addr.s6_addr).into(),
                u16::from_be(v6.sin6_port),
            ))
        }
        _ => None,
    }
}
