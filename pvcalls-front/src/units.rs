//! Numbers with a meaning: each has its own type, so that none can stand for another.
//!
//! Zero is no valid grant reference or port for us: reference 0 is reserved by Xen, port 0 means
//! "none", and a backend that is sent either may fail in its unwinding. The types make such a
//! request impossible to write down.

use core::fmt;
use core::num::NonZeroU32;

/// Bytes in a page of the Xen ABI on the architectures this crate supports.
pub const PAGE_SIZE: usize = 4096;

/// The size of a data ring: `2^order` pages, half of them for each direction.
///
/// The specification wants at least 1, so that each direction has a page; 9 is what the list of
/// references in the indexes page has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingOrder(u8);

impl RingOrder {
    /// The smallest order: one page for each direction.
    pub const MIN: Self = Self(1);
    /// The largest order the wire format allows: 256 pages for each direction.
    pub const MAX: Self = Self(9);

    /// The order of that number; `None` outside `1..=9`.
    #[must_use]
    pub const fn new(order: u8) -> Option<Self> {
        if order >= Self::MIN.0 && order <= Self::MAX.0 {
            Some(Self(order))
        } else {
            None
        }
    }

    /// The next smaller one.
    #[must_use]
    pub const fn smaller(self) -> Option<Self> {
        Self::new(self.0 - 1)
    }

    /// The number as it stands in the indexes page.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Pages of data, both directions together, without the indexes page.
    #[must_use]
    pub const fn data_pages(self) -> PageCount {
        PageCount(1 << self.0)
    }

    /// Bytes that fit into one direction; a power of two.
    #[must_use]
    pub const fn array_bytes(self) -> u32 {
        1 << (self.0 + 11)
    }
}

impl fmt::Display for RingOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A number of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageCount(pub u16);

impl PageCount {
    /// The number of pages as a length.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// The number of bytes in them.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.get() * PAGE_SIZE
    }
}

macro_rules! nonzero {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// Wraps the number; `None` for zero, which never names one of ours.
            #[must_use]
            pub const fn new(number: u32) -> Option<Self> {
                match NonZeroU32::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The number as the hypervisor and the peer know it.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

nonzero! {
    /// A grant reference: the name under which the peer maps one page of ours.
    GrantRef
}

nonzero! {
    /// The local end of an event channel.
    Port
}

/// A domain's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DomainId(pub u16);

impl DomainId {
    /// Numbers from here on are reserved by Xen (`DOMID_FIRST_RESERVED`) and name no domain.
    pub const FIRST_RESERVED: u16 = 0x7ff0;
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

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
    fn ring_order_holds_what_the_wire_can_carry() {
        assert_eq!(RingOrder::new(0), None);
        assert_eq!(RingOrder::new(10), None);
        let order = RingOrder::new(4).expect("in range");
        assert_eq!(order.data_pages(), PageCount(16));
        assert_eq!(order.array_bytes(), 32 * 1024);
    }

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
