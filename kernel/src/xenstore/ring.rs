//! The page shared with xenstored (xen/io/xs_wire.h): copies bytes, and nothing else.
//!
//! Our indexes (req_prod, rsp_cons) live here and are only stored to the page; the server's
//! are read once, checked, and only the copy is used.

use core::sync::atomic::{AtomicU32, Ordering};

use ::xenstore::ring::{Capacity, advance, readable, writable};
use ::xenstore::{Client, ProtocolError};
use xen_sys as xen;

const CAPACITY: Capacity = Capacity::XENSTORE;

/// How often the ring is emptied and filled in one go: each time at most its size, 1 KiB, moves
/// either way. A server that is as fast as we are must not keep us here.
const ROUNDS: usize = 16;

/// What a go has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pumped {
    /// Whether anything came, the end of the connection included.
    pub(super) received: bool,
    /// Whether bytes moved to the last: there may be more.
    pub(super) more: bool,
}

/// The two rings of the page.
#[derive(Debug)]
pub(super) struct Ring {
    page: *mut xen::xenstore_domain_interface,
    req_prod: u32,
    rsp_cons: u32,
}

// SAFETY: the page is mapped for good and belongs to this value.
unsafe impl Send for Ring {}

impl Ring {
    /// # Safety
    /// `page` must be a xenstore ring page, mapped for good and used by nobody else here.
    pub(super) unsafe fn new(page: *mut u8) -> Ring {
        let mut ring = Ring {
            page: page.cast(),
            req_prod: 0,
            rsp_cons: 0,
        };
        // Where the toolstack or an earlier kernel left off.
        ring.req_prod = ring.req_prod_field().load(Ordering::Relaxed);
        ring.rsp_cons = ring.rsp_cons_field().load(Ordering::Relaxed);
        ring
    }

    fn req_cons(&self) -> &AtomicU32 {
        // SAFETY: mapped for good, aligned, accessed atomically by both sides.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.page).req_cons) }
    }

    fn req_prod_field(&self) -> &AtomicU32 {
        // SAFETY: as for `req_cons`.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.page).req_prod) }
    }

    fn rsp_cons_field(&self) -> &AtomicU32 {
        // SAFETY: as for `req_cons`.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.page).rsp_cons) }
    }

    fn rsp_prod(&self) -> &AtomicU32 {
        // SAFETY: as for `req_cons`.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.page).rsp_prod) }
    }

    /// Moves bytes both ways as far as they go, but not for ever. In each round `taken` is called
    /// after bytes were taken and before any are sent; `notify` when some moved either way.
    pub(super) fn pump(
        &mut self,
        client: &mut Client,
        mut taken: impl FnMut(&mut Client),
        mut notify: impl FnMut(),
    ) -> Pumped {
        let mut pumped = Pumped {
            received: false,
            more: false,
        };
        for _ in 0..ROUNDS {
            let step = self.receive(client).and_then(|received| {
                taken(client);
                let sent = self.send(client)?;
                Ok((received, sent))
            });
            let (received, sent) = match step {
                Ok(step) => step,
                Err(error) => {
                    client.end(error);
                    return Pumped {
                        received: true,
                        more: false,
                    };
                }
            };
            if !received && !sent {
                return pumped;
            }
            pumped.received |= received;
            notify();
        }
        pumped.more = true;
        pumped
    }

    /// Sends what the client has, as far as there is room. Whether anything moved.
    fn send(&mut self, client: &mut Client) -> Result<bool, ProtocolError> {
        let mut moved = false;
        while !client.outgoing().is_empty() {
            let cons = self.req_cons().load(Ordering::Acquire);
            let [first, _] =
                writable(cons, self.req_prod, CAPACITY).map_err(ProtocolError::Ring)?;
            let bytes = client.outgoing();
            let count = first.len().min(bytes.len());
            if count == 0 {
                break;
            }
            for (offset, &byte) in bytes[..count].iter().enumerate() {
                // SAFETY: the span lies within the array.
                unsafe {
                    (&raw mut (*self.page).req)
                        .cast::<u8>()
                        .add(first.start + offset)
                        .write_volatile(byte);
                }
            }
            client.consumed(count);
            self.req_prod = advance(self.req_prod, count);
            self.req_prod_field()
                .store(self.req_prod, Ordering::Release);
            moved = true;
        }
        Ok(moved)
    }

    /// Takes what the server sent. Whether anything moved.
    fn receive(&mut self, client: &mut Client) -> Result<bool, ProtocolError> {
        let prod = self.rsp_prod().load(Ordering::Acquire);
        let spans = readable(self.rsp_cons, prod, CAPACITY).map_err(ProtocolError::Ring)?;
        let mut count = 0;
        for span in spans {
            let mut bytes = [0; CAPACITY.bytes()];
            for (byte, index) in bytes.iter_mut().zip(span.clone()) {
                // SAFETY: the span lies within the array.
                *byte = unsafe {
                    (&raw const (*self.page).rsp)
                        .cast::<u8>()
                        .add(index)
                        .read_volatile()
                };
            }
            client.incoming(&bytes[..span.len()])?;
            count += span.len();
        }
        self.rsp_cons = advance(self.rsp_cons, count);
        self.rsp_cons_field()
            .store(self.rsp_cons, Ordering::Release);
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests;
