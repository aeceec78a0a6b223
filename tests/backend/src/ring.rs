//! The command ring: 32 slots that requests and responses share (xen/io/ring.h).

use rt::io::Result;
use rt::kernel::event::DomId;
use rt::kernel::grant::GrantRef;

use crate::channel::Channel;
use crate::memory::Shared;
use crate::wire::{Request, Response, SLOT_BYTES};

/// Slots of the ring.
pub(crate) const SLOTS: u32 = 32;

const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 4;
const RSP_PROD: usize = 8;
const RSP_EVENT: usize = 12;
const FIRST_SLOT: usize = 64;
/// Byte that a backend with `feature-alive` sets (docs/extensions.md).
pub(crate) const ALIVE: usize = 16;

/// The page, our indexes, and the port.
#[derive(Debug)]
pub(crate) struct CommandRing {
    page: Shared,
    channel: Channel,
    req_prod: u32,
    rsp_cons: u32,
}

impl CommandRing {
    /// An empty ring.
    pub(crate) fn new(peer: DomId) -> Result<CommandRing> {
        let page = Shared::new(peer, 1)?;
        page.store(REQ_EVENT, 1);
        page.store(RSP_EVENT, 1);
        Ok(CommandRing {
            page,
            channel: Channel::new(peer)?,
            req_prod: 0,
            rsp_cons: 0,
        })
    }

    pub(crate) fn reference(&self) -> GrantRef {
        self.page.references()[0]
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The page itself.
    pub(crate) fn page(&self) -> &Shared {
        &self.page
    }

    /// Slots that neither a request nor a response needs.
    pub(crate) fn free_slots(&self) -> u32 {
        SLOTS.saturating_sub(self.req_prod.wrapping_sub(self.rsp_cons))
    }

    /// Writes a request into the next slot, which may still be in use, without telling.
    pub(crate) fn push(&mut self, request: &Request) {
        self.page.write(slot(self.req_prod), &request.0);
        self.req_prod = self.req_prod.wrapping_add(1);
    }

    /// Makes what was pushed visible, and tells the backend if it wants to be told.
    pub(crate) fn publish(&mut self) {
        let old = self.page.load(REQ_PROD);
        self.page.store(REQ_PROD, self.req_prod);
        let wanted = self.page.load(REQ_EVENT);
        let moved = self.req_prod.wrapping_sub(old);
        if self.req_prod.wrapping_sub(wanted) < moved {
            self.channel.notify();
        }
    }

    /// Claims a number of requests that there may not be.
    pub(crate) fn publish_as(&mut self, req_prod: u32) {
        self.page.store(REQ_PROD, req_prod);
        self.channel.notify();
    }

    /// Requests pushed so far.
    pub(crate) fn req_prod(&self) -> u32 {
        self.req_prod
    }

    /// The next response, if there is one; if not, an event will tell.
    pub(crate) fn take(&mut self) -> Option<Response> {
        if self.page.load(RSP_PROD) == self.rsp_cons {
            self.page.store(RSP_EVENT, self.rsp_cons.wrapping_add(1));
            if self.page.load(RSP_PROD) == self.rsp_cons {
                return None;
            }
        }
        let mut bytes = [0; SLOT_BYTES];
        self.page.read(slot(self.rsp_cons), &mut bytes);
        self.rsp_cons = self.rsp_cons.wrapping_add(1);
        Some(Response::new(bytes))
    }
}

fn slot(index: u32) -> usize {
    FIRST_SLOT + (index % SLOTS) as usize * SLOT_BYTES
}
