//! Data rings between two connections: pages, grants and a port that need not be made again.
//!
//! A ring comes here when the backend has answered RELEASE: it is through with it. Backends may keep
//! it mapped (the request says that it will be used again), so that the next CONNECT that names it
//! costs the backend nothing either. Therefore none of them can be given back while the backend is
//! there: there is a limit, and a place is taken before RELEASE is sent.

use alloc::vec::Vec;

use crate::platform::Platform;
use crate::ring::Ring;
use crate::units::RingOrder;

/// At most one in so many free pages is in rings that are kept.
const FREE_PER_KEPT: usize = 8;

/// Rings to be used again.
#[derive(Debug)]
pub(crate) struct Pool {
    rings: Vec<Ring>,
    /// Places for rings that are on their way.
    reserved: usize,
    limit: usize,
}

impl Pool {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            rings: Vec::with_capacity(limit),
            reserved: 0,
            limit,
        }
    }

    /// Keeps a place for a ring, if there is one, and memory is not short.
    pub(crate) fn reserve(&mut self, ring: &Ring, free_pages: usize) -> bool {
        let pages = self.page_count() + (self.reserved + 1) * ring.page_count();
        let free =
            self.rings.len() + self.reserved < self.limit && pages <= free_pages / FREE_PER_KEPT;
        self.reserved += usize::from(free);
        free
    }

    /// The place is not needed after all.
    pub(crate) fn cancel(&mut self) {
        self.reserved -= 1;
    }

    /// Puts a ring, its port masked, into its place.
    pub(crate) fn put(&mut self, ring: Ring) {
        self.reserved -= 1;
        self.rings.push(ring);
    }

    /// Takes a ring of that order, or any, if there is one, its port open.
    pub(crate) fn take<P: Platform>(
        &mut self,
        platform: &mut P,
        order: Option<RingOrder>,
    ) -> Option<Ring> {
        let fits = |ring: &Ring| order.is_none_or(|order| ring.order() == order);
        let ring = self.rings.swap_remove(self.rings.iter().rposition(fits)?);
        // An event of the time before may come through: it finds nothing.
        platform.unmask_port(ring.port());
        Some(ring)
    }

    /// Takes any ring, to be given back.
    pub(crate) fn pop(&mut self) -> Option<Ring> {
        self.rings.pop()
    }

    /// How many rings there are.
    pub(crate) fn len(&self) -> usize {
        self.rings.len()
    }

    /// How many pages they have.
    pub(crate) fn page_count(&self) -> usize {
        self.rings.iter().map(Ring::page_count).sum()
    }
}
