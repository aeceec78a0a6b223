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
}
