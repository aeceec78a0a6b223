//! How many rings, and how large.

use alloc::vec::Vec;

use xen_front::platform::Platform;
use xen_front::ring::{ResourceError, Ring};
use xen_front::units::{DomainId, RingOrder};

use super::device::Offer;
use super::{Handshake, HandshakeError};

/// All rings together take at most one in so many free pages.
const FREE_PER_DEVICE: usize = 16;
/// A ring that carries messages of 4 KiB, the least that servers agree to.
const LEAST_ORDER: u8 = 2;
/// As many as any backend is known to take.
const RINGS_MAX: u32 = 8;

impl<P: Platform> Handshake<P> {
    /// Makes rings: as many as both sides want, as large as memory allows. When memory is in pieces or
    /// grants are short they get smaller, or fewer.
    pub(super) fn make_rings(
        &mut self,
        backend: DomainId,
        offer: Offer,
    ) -> Result<Vec<Ring>, HandshakeError> {
        let wanted = u32::from(self.config.rings.max(1));
        let wanted = wanted.min(offer.rings).min(RINGS_MAX) as usize;
        let mut order = self.affordable(wanted, self.config.ring_order.min(offer.order));
        let mut rings: Vec<Ring> = Vec::new();
        while rings.len() < wanted {
            match Ring::create(&mut self.platform, backend, order) {
                Ok(ring) => rings.push(ring),
                Err(error) => match (error, order.smaller()) {
                    (ResourceError::Share(_), Some(smaller)) if rings.is_empty() => order = smaller,
                    _ if rings.is_empty() => return Err(HandshakeError::Resources(error)),
                    _ => {
                        log::debug!("9pfs: {error}: {} rings, not {wanted}", rings.len());
                        break;
                    }
                },
            }
        }
        Ok(rings)
    }

    /// The largest order of which that many rings are affordable.
    fn affordable(&self, rings: usize, mut order: RingOrder) -> RingOrder {
        let share = self.platform.free_pages() / FREE_PER_DEVICE;
        while order.get() > LEAST_ORDER
            && rings * order.data_pages().get() > share
            && let Some(smaller) = order.smaller()
        {
            order = smaller;
        }
        order
    }
}
