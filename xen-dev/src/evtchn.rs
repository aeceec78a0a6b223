//! Event channels: one bit from domain to domain, by `/dev/xen/evtchn`.
//!
//! The kernel masks a port when its event arrives and puts its number into a ring that is read
//! from the file. The port stays silent until its number is written back
//! ([`EventChannels::unmask`]): so a peer that sends without end costs one event per turn of
//! the reader, and the reader that looks at shared memory before it unmasks misses nothing.
//!
//! The kernel wakes who waits for the file only when the ring was empty. So an event loop that is
//! told of edges (as mio's are) has to take ports until there are none: an event that comes
//! between two reads of a ring that is not empty is not told.
//!
//! One file serves any number of ports; its ring grows with them. Binding a port raises its
//! event once, without anybody having sent.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::ioctls::{self, BindInterdomain, Port};

/// The device.
pub const PATH: &str = "/dev/xen/evtchn";

/// The most ports that the kernel takes or gives in one call: what fits a page.
const PORTS_PER_CALL: usize = 1024;

/// The event channels of one program. Ports that are still bound are closed when it is dropped.
#[derive(Debug)]
pub struct EventChannels {
    file: File,
}

/// What [`EventChannels::pending`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pending {
    /// So many ports were put into the buffer; with 0, nothing is pending.
    Ports(usize),
    /// The kernel's ring ran over, and events were lost. Every port may have one and every port
    /// may be masked: look at everything and unmask everything. The ring is empty again.
    Overflow,
}

impl EventChannels {
    /// Opens the device, non-blocking.
    ///
    /// # Errors
    /// As opening a file. `NotFound` on a machine that is not a Xen domain, or without the
    /// module `xen-evtchn`.
    pub fn open() -> io::Result<Self> {
        let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(flags);
        Ok(Self {
            file: options.open(PATH)?,
        })
    }

    /// Binds a port that another domain allocated for this one; returns the local port. Its
    /// event is raised at once.
    ///
    /// # Errors
    /// `InvalidInput` (EINVAL) when the other domain has no such port for this one to bind;
    /// ESRCH when there is no such domain.
    pub fn bind_interdomain(&self, domain: u16, remote_port: u32) -> io::Result<u32> {
        let argument = BindInterdomain {
            remote_domain: u32::from(domain),
            remote_port,
        };
        ioctls::event_channel(self.file.as_fd(), ioctls::BIND_INTERDOMAIN, argument)
    }

    /// Closes a port. Its number may still stand in a buffer that was read before, and may be
    /// given to the next port that is bound.
    ///
    /// # Errors
    /// ENOTCONN when the port is not bound by this file.
    pub fn unbind(&self, port: u32) -> io::Result<()> {
        ioctls::event_channel(self.file.as_fd(), ioctls::UNBIND, Port { port })?;
        Ok(())
    }

    /// Raises the event at the other end. No error when nobody is there any more.
    ///
    /// # Errors
    /// ENOTCONN when the port is not bound by this file.
    pub fn notify(&self, port: u32) -> io::Result<()> {
        ioctls::event_channel(self.file.as_fd(), ioctls::NOTIFY, Port { port })?;
        Ok(())
    }

    /// Takes ports whose event arrived, as many as fit. Each is masked until
    /// [`unmask`](Self::unmask).
    ///
    /// # Errors
    /// As reading a file; none when nothing is pending.
    pub fn pending(&self, ports: &mut [u32]) -> io::Result<Pending> {
        let words = ports.len().min(PORTS_PER_CALL);
        if words == 0 {
            return Ok(Pending::Ports(0));
        }
        let mut bytes = [0; 4 * PORTS_PER_CALL];
        let read = match rustix::io::read(&self.file, &mut bytes[..4 * words]) {
            Ok(read) => read,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            // FBIG is how the kernel says that the ring ran over; it says so until the reset.
            Err(Errno::FBIG) => {
                ioctls::event_channel(self.file.as_fd(), ioctls::RESET, ())?;
                return Ok(Pending::Overflow);
            }
            Err(error) => return Err(error.into()),
        };
        let (whole, _) = bytes[..read].as_chunks::<4>();
        for (port, bytes) in ports.iter_mut().zip(whole) {
            *port = u32::from_ne_bytes(*bytes);
        }
        Ok(Pending::Ports(whole.len()))
    }

    /// Lets the events of these ports arrive again; what came meanwhile arrives at once. Ports
    /// that are not bound by this file are passed over.
    ///
    /// # Errors
    /// As writing a file.
    pub fn unmask(&self, ports: &[u32]) -> io::Result<()> {
        for some in ports.chunks(PORTS_PER_CALL) {
            let mut bytes = [0; 4 * PORTS_PER_CALL];
            let (places, _) = bytes.as_chunks_mut::<4>();
            for (place, port) in places.iter_mut().zip(some) {
                *place = port.to_ne_bytes();
            }
            let bytes = &bytes[..4 * some.len()];
            if rustix::io::retry_on_intr(|| rustix::io::write(&self.file, bytes))? != bytes.len() {
                // The kernel takes all or fails.
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

impl AsFd for EventChannels {
    /// Readable when a port is pending. An overflow shows as an error condition.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    /// The device, and its other end: reading and writing are those of any file.
    fn channels() -> (EventChannels, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let file = File::from(OwnedFd::from(ours));
        (EventChannels { file }, theirs)
    }

    #[test]
    fn pending_ports_are_taken_as_far_as_they_fit() {
        let (channels, mut kernel) = channels();
        let mut ports = [0; 2];
        assert_eq!(channels.pending(&mut ports).unwrap(), Pending::Ports(0));
        for port in [7_u32, 0x0102_0304, 9] {
            kernel.write_all(&port.to_ne_bytes()).unwrap();
        }
        assert_eq!(channels.pending(&mut []).unwrap(), Pending::Ports(0));
        assert_eq!(channels.pending(&mut ports).unwrap(), Pending::Ports(2));
        assert_eq!(ports, [7, 0x0102_0304]);
        assert_eq!(channels.pending(&mut ports).unwrap(), Pending::Ports(1));
        assert_eq!(ports, [9, 0x0102_0304]);
    }

    #[test]
    fn unmasked_ports_are_written_whatever_their_number() {
        let (channels, mut kernel) = channels();
        let ports: Vec<u32> = (1..=2500).collect();
        channels.unmask(&ports).unwrap();
        channels.unmask(&[]).unwrap();
        drop(channels);
        let mut bytes = Vec::new();
        kernel.read_to_end(&mut bytes).unwrap();
        let expected: Vec<u8> = ports.iter().flat_map(|port| port.to_ne_bytes()).collect();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn orders_that_the_file_does_not_know_are_errors() {
        let (channels, _kernel) = channels();
        assert!(channels.bind_interdomain(1, 2).is_err());
        assert!(channels.notify(1).is_err());
        assert!(channels.unbind(1).is_err());
    }
}
