//! The ioctls of Linux's Xen devices: numbers, arguments, and the calls themselves.
//!
//! Facts from the kernel's interface for programs (`xen/evtchn.h`, `xen/gntdev.h`). All numbers
//! are of the kind without a direction, although the size of the argument is part of them:
//! `_IOC(_IOC_NONE, group, number, size)`.

use core::ffi::{c_int, c_void};
use core::mem::size_of;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::ioctl::{Direction, Ioctl, IoctlOutput, Opcode, opcode};

/// Argument of [`BIND_INTERDOMAIN`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BindInterdomain {
    /// The domain that allocated the port.
    pub remote_domain: u32,
    /// The port in that domain.
    pub remote_port: u32,
}

/// Argument of [`UNBIND`] and [`NOTIFY`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Port {
    /// A port of this domain, bound by the same file.
    pub port: u32,
}

/// One grant, in the list that follows [`MapGrantRef`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct GrantRef {
    /// The domain that grants.
    pub domain: u32,
    /// The entry in its grant table.
    pub reference: u32,
}

/// Argument of [`MAP_GRANT_REF`], followed by `count` entries of [`GrantRef`]. The size that is
/// part of the number counts one of them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MapGrantRef {
    /// Grants that follow.
    pub count: u32,
    /// Not used.
    pub pad: u32,
    /// Answer: the offset in the file at which the pages can be mapped, in bytes.
    pub index: u64,
}

/// Argument of [`UNMAP_GRANT_REF`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct UnmapGrantRef {
    /// As [`MAP_GRANT_REF`] answered.
    pub index: u64,
    /// As many as were mapped.
    pub count: u32,
    /// Not used.
    pub pad: u32,
}

/// Argument of [`SET_UNMAP_NOTIFY`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct UnmapNotify {
    /// The offset in the file of the byte to clear: that of the mapping plus that in the mapping.
    pub index: u64,
    /// [`UNMAP_NOTIFY_CLEAR_BYTE`], [`UNMAP_NOTIFY_SEND_EVENT`], both, or 0 for neither.
    pub action: u32,
    /// The port of this domain to notify.
    pub event_channel_port: u32,
}

/// Clears one byte of the mapping.
pub const UNMAP_NOTIFY_CLEAR_BYTE: u32 = 1;

/// Notifies a port.
pub const UNMAP_NOTIFY_SEND_EVENT: u32 = 2;

// A wrong size would be a wrong number: the kernel would refuse it, but only on Xen.
const _: () = assert!(size_of::<BindInterdomain>() == 8);
const _: () = assert!(size_of::<Port>() == 4);
const _: () = assert!(size_of::<GrantRef>() == 8);
const _: () = assert!(size_of::<MapGrantRef>() == 16);
const _: () = assert!(size_of::<UnmapGrantRef>() == 16);
const _: () = assert!(size_of::<UnmapNotify>() == 16);

/// Binds a port of another domain; the call returns the local port.
pub const BIND_INTERDOMAIN: Opcode = number(b'E', 1, size_of::<BindInterdomain>());
/// Closes a port.
pub const UNBIND: Opcode = number(b'E', 3, size_of::<Port>());
/// Raises the event at the other end of a port.
pub const NOTIFY: Opcode = number(b'E', 4, size_of::<Port>());
/// Empties the ring of pending ports and forgets that it overflowed.
pub const RESET: Opcode = opcode::none(b'E', 5);

/// Prepares the mapping of granted pages.
pub const MAP_GRANT_REF: Opcode = number(b'G', 0, size_of::<MapGrantRef>() + size_of::<GrantRef>());
/// Gives a mapping back.
pub const UNMAP_GRANT_REF: Opcode = number(b'G', 1, size_of::<UnmapGrantRef>());
/// Says what happens when a mapping ends, however it ends.
pub const SET_UNMAP_NOTIFY: Opcode = number(b'G', 7, size_of::<UnmapNotify>());

const fn number(group: u8, number: u8, bytes: usize) -> Opcode {
    opcode::from_components(Direction::None, group, number, bytes)
}

/// An ioctl whose argument the kernel only reads.
struct Order<T> {
    opcode: Opcode,
    argument: T,
}

// SAFETY: `as_ptr` points to an argument that lives as long as `self`, and the only constructor,
// `call`, is given numbers of this file whose arguments the kernel reads for no more bytes than
// `T` has (the number carries that size) and does not write. The output is the return value.
unsafe impl<T> Ioctl for Order<T> {
    type Output = c_int;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut self.argument).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<c_int> {
        Ok(out)
    }
}

/// Calls for an ioctl of `/dev/xen/evtchn`; `opcode` is one of this file that takes a `T`.
/// Returns the number that the kernel answers.
pub(crate) fn event_channel<T: Copy>(
    fd: BorrowedFd<'_>,
    opcode: Opcode,
    argument: T,
) -> io::Result<u32> {
    let order = Order { opcode, argument };
    // SAFETY: the orders of event channels read their argument and change nothing in this
    // process.
    let answer = unsafe { rustix::ioctl::ioctl(fd, order) }?;
    u32::try_from(answer).map_err(|_| io::Error::other("the kernel answered a negative port"))
}

/// The argument of [`MAP_GRANT_REF`] with its list. Of words, for the alignment of the index.
struct Map {
    words: Vec<u64>,
}

// SAFETY: `words` has the header and `count` entries, as `map_grants` fills it, and lives as long
// as `self`; the kernel reads all of it and writes back the header and no more than the first
// entry. The output is the word of the header that holds the index.
unsafe impl Ioctl for Map {
    type Output = u64;
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        MAP_GRANT_REF
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.words.as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, argument: *mut c_void) -> rustix::io::Result<u64> {
        let header = argument.cast::<MapGrantRef>();
        // SAFETY: `argument` is what `as_ptr` gave: the start of the header.
        Ok(unsafe { (*header).index })
    }
}

/// Prepares the mapping of these grants of one domain; returns the offset for `mmap`, in bytes.
/// The kernel looks at none of the grants yet.
pub(crate) fn map_grants(fd: BorrowedFd<'_>, domain: u16, grants: &[u32]) -> io::Result<u64> {
    let count = u32::try_from(grants.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // Two 32-bit fields per word, the first of them first in memory.
    let pair = |first: u32, second: u32| {
        let [a, b, c, d] = first.to_ne_bytes();
        let [e, f, g, h] = second.to_ne_bytes();
        u64::from_ne_bytes([a, b, c, d, e, f, g, h])
    };
    let mut words = vec![pair(count, 0), 0];
    words.extend(grants.iter().map(|&grant| pair(u32::from(domain), grant)));
    if grants.is_empty() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: as for the implementation of `Ioctl`; nothing is mapped yet.
    Ok(unsafe { rustix::ioctl::ioctl(fd, Map { words }) }?)
}

/// Gives back what [`map_grants`] prepared. The pages must not be mapped here any more: the
/// kernel refuses nothing, but takes them away.
///
/// # Safety
/// Nobody uses memory of this mapping any more.
pub(crate) unsafe fn unmap_grants(fd: BorrowedFd<'_>, index: u64, count: u32) -> io::Result<()> {
    let order = Order {
        opcode: UNMAP_GRANT_REF,
        argument: UnmapGrantRef {
            index,
            count,
            pad: 0,
        },
    };
    // SAFETY: the caller's promise.
    unsafe { rustix::ioctl::ioctl(fd, order) }?;
    Ok(())
}

/// Says what happens when a mapping ends.
///
/// # Safety
/// The byte that is cleared, if one is, may change at any time: it is in memory that the other
/// domain writes, too.
pub(crate) unsafe fn unmap_notify(fd: BorrowedFd<'_>, argument: UnmapNotify) -> io::Result<()> {
    let order = Order {
        opcode: SET_UNMAP_NOTIFY,
        argument,
    };
    // SAFETY: the caller's promise.
    unsafe { rustix::ioctl::ioctl(fd, order) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers as a C compiler makes them of the kernel's headers.
    #[test]
    fn numbers_are_the_kernels() {
        let numbers = [
            (BIND_INTERDOMAIN, 0x0008_4501),
            (UNBIND, 0x0004_4503),
            (NOTIFY, 0x0004_4504),
            (RESET, 0x0000_4505),
            (MAP_GRANT_REF, 0x0018_4700),
            (UNMAP_GRANT_REF, 0x0010_4701),
            (SET_UNMAP_NOTIFY, 0x0010_4707),
        ];
        for (ours, kernels) in numbers {
            assert_eq!(ours, kernels, "{ours:#x}");
        }
    }
}
