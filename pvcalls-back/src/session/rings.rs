//! Mapping a frontend's data rings, and keeping those it said it would use again.

use crate::abi::RingName;
use crate::data_ring::{DataRing, MapError};
use crate::errno::Errno;
use crate::features::Feature;
use crate::platform::{Mapped, Platform};
use crate::session::Session;
use crate::worker::core::{Core, Target};

/// Rings kept for reuse at a time.
const IDLE_RINGS_MAX: usize = 64;

impl<M: Mapped> Session<M> {
    /// The ring of that name, ready for a new socket: a kept one, if the frontend still means the
    /// same pages, else mapped now.
    pub(super) fn take_ring<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        name: RingName,
    ) -> Result<DataRing<M>, Errno> {
        let limits = &self.connection.settings.limits;
        let (max_order, max_pages) = (limits.max_page_order, limits.mapped_pages);
        let kept = self.idle_rings.iter().position(|ring| ring.name() == name);
        if let Some(mut ring) = kept.map(|index| self.idle_rings.swap_remove(index)) {
            if ring.reuse(max_order) {
                return Ok(ring);
            }
            self.unmap(core, ring);
        }
        loop {
            let room = max_pages.saturating_sub(self.mapped_pages);
            match DataRing::map(
                &mut core.platform,
                self.device.domain,
                name,
                max_order,
                room,
            ) {
                Ok(ring) => {
                    self.mapped_pages += ring.pages();
                    self.pages_asked += ring.pages();
                    self.counters.mapped_pages.add(ring.pages().into());
                    core.direct(ring.port(), Target::Nobody);
                    return Ok(ring);
                }
                Err(MapError::Limit) => {
                    // What is only kept makes room for what is needed.
                    let Some(idle) = self.idle_rings.pop() else {
                        self.counters.limited.add(1);
                        return Err(Errno::ENOBUFS);
                    };
                    self.unmap(core, idle);
                }
                Err(MapError::Order(order)) => {
                    tracing::info!(device = %self.device, order, "a ring of an order that was not offered");
                    return Err(Errno::EINVAL);
                }
                Err(MapError::Refused(error)) => {
                    tracing::info!(device = %self.device, ?name, %error, "a ring cannot be mapped");
                    return Err(match error.raw_os_error() {
                        Some(libc::ENOMEM) => Errno::ENOMEM,
                        _ => Errno::EFAULT,
                    });
                }
            }
        }
    }

    /// Lets a ring's events reach its socket, and speaks what was agreed on.
    pub(super) fn attach<P: Platform<Mapping = M>>(
        &self,
        core: &mut Core<P>,
        ring: &mut DataRing<M>,
        target: Target,
    ) {
        if self.connection.features.has(Feature::EventIdx) {
            ring.use_event_idx();
        }
        core.direct(ring.port(), target);
    }

    /// Gives a ring back, or keeps it for the next socket.
    pub(super) fn give_up_ring<P: Platform<Mapping = M>>(
        &mut self,
        core: &mut Core<P>,
        ring: DataRing<M>,
        reuse: bool,
    ) {
        if reuse && self.idle_rings.len() < IDLE_RINGS_MAX {
            core.direct(ring.port(), Target::Nobody);
            self.idle_rings.push(ring);
        } else {
            self.unmap(core, ring);
        }
    }

    /// Gives back all that is only kept.
    pub(super) fn drop_idle_rings<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>) {
        while let Some(ring) = self.idle_rings.pop() {
            self.unmap(core, ring);
        }
    }

    fn unmap<P: Platform<Mapping = M>>(&mut self, core: &mut Core<P>, ring: DataRing<M>) {
        self.mapped_pages -= ring.pages();
        self.counters.mapped_pages.sub(ring.pages().into());
        let port = ring.port();
        drop(ring);
        core.close_port(port);
    }
}
