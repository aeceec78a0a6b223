//! Numbers with a meaning: each has its own type, so that none can stand for another. Those that other
//! drivers have, too, are `xen-front`'s.

use core::fmt;

pub use xen_front::units::{DomainId, GrantRef, PAGE_SIZE, PageCount, Port, RingOrder};

/// A socket, for the caller and on the wire alike.
///
/// The low half is a place in the driver's table plus one, so that it is positive as an `i32`:
/// a Linux backend can publish a response slot it never filled, and what is then read as the
/// return value is the low half of an older id. The high half is a generation, so that a handle
/// kept too long names nothing instead of somebody else's socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(u64);

impl SocketId {
    /// Most places a table can have.
    pub(crate) const MAX_PLACES: usize = 0x7fff_fffe;

    pub(crate) fn new(place: usize, generation: u32) -> Self {
        let low = u64::try_from(place).map_or(u64::MAX, |place| place + 1);
        debug_assert!(low <= Self::MAX_PLACES as u64 + 1);
        Self(u64::from(generation) << 32 | low)
    }

    /// The place in the table.
    pub(crate) fn place(self) -> usize {
        let low = usize::try_from(self.0 & 0xffff_ffff).unwrap_or(usize::MAX);
        low.wrapping_sub(1)
    }

    /// The id as it travels on the wire.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}.{}", self.0 & 0xffff_ffff, self.0 >> 32)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A command in the life of a socket, or one that belongs to none, whose answer somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId {
    /// The place in the driver's table of calls.
    pub(crate) place: u32,
    /// So that a handle kept too long names nothing instead of somebody else's call.
    pub(crate) generation: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_half_of_a_socket_id_is_positive() {
        for (place, generation) in [(0, 0), (7, u32::MAX), (SocketId::MAX_PLACES, 1)] {
            let id = SocketId::new(place, generation);
            let low = u32::try_from(id.get() & 0xffff_ffff).expect("masked");
            assert!(i32::try_from(low).is_ok_and(|low| low > 0));
            assert_eq!(id.place(), place);
        }
    }
}
