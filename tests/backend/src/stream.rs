//! The data ring of a socket: an indexes page and `2^order` pages of bytes, half of them for
//! each direction. Any word of the page can be set to anything.

use alloc::vec;
use alloc::vec::Vec;

use rt::io::Result;
use rt::kernel::event::DomId;
use rt::kernel::grant::GrantRef;

use crate::channel::{self, Channel};
use crate::failure;
use crate::memory::Shared;
use crate::pattern;

/// Byte offsets in the indexes page.
pub(crate) const IN_CONS: usize = 0;
pub(crate) const IN_PROD: usize = 4;
pub(crate) const IN_ERROR: usize = 8;
pub(crate) const OUT_CONS: usize = 64;
pub(crate) const OUT_PROD: usize = 68;
pub(crate) const OUT_ERROR: usize = 72;
/// Words of `feature-event-idx` (docs/extensions.md).
pub(crate) const IN_PROD_EVENT: usize = 12;
pub(crate) const IN_CONS_EVENT: usize = 16;
pub(crate) const OUT_CONS_EVENT: usize = 76;
pub(crate) const OUT_PROD_EVENT: usize = 80;
pub(crate) const RING_ORDER: usize = 128;
pub(crate) const REFERENCES: usize = 132;

/// Milliseconds that something which must happen may take on a busy machine.
pub(crate) const PATIENCE_MS: u64 = 15_000;

/// When the consumer of the `in` array tells the backend that there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// When it had been full: what the protocol asks for.
    WhenFull,
    /// Each time.
    Always,
}

/// A data ring, and our indexes of it.
#[derive(Debug)]
pub(crate) struct Ring {
    indexes: Shared,
    data: Shared,
    channel: Channel,
    /// Bytes of each array.
    size: u32,
    in_cons: u32,
    out_prod: u32,
}

impl Ring {
    /// A ring with `2^order` pages of data.
    pub(crate) fn new(peer: DomId, order: u32) -> Result<Ring> {
        let ring = Ring {
            indexes: Shared::new(peer, 1)?,
            data: Shared::new(peer, 1 << order)?,
            channel: Channel::new(peer)?,
            size: 2048 << order,
            in_cons: 0,
            out_prod: 0,
        };
        ring.describe(order, ring.data.references());
        Ok(ring)
    }

    /// Writes an order and grants into the indexes page, whatever they are.
    pub(crate) fn describe(&self, order: u32, references: &[GrantRef]) {
        self.indexes.store(RING_ORDER, order);
        for (index, reference) in references.iter().enumerate() {
            self.indexes.store(REFERENCES + 4 * index, *reference);
        }
    }

    /// Describes a ring of another order under the same indexes page; returns the old pages.
    pub(crate) fn replace_data(&mut self, peer: DomId, order: u32) -> Result<Shared> {
        let old = core::mem::replace(&mut self.data, Shared::new(peer, 1 << order)?);
        self.size = 2048 << order;
        self.describe(order, self.data.references());
        Ok(old)
    }

    /// Has all indexes start at `index` instead of 0, which any pair of equal ones may.
    pub(crate) fn start_at(&mut self, index: u32) {
        for word in [IN_CONS, IN_PROD, OUT_CONS, OUT_PROD] {
            self.indexes.store(word, index);
        }
        (self.in_cons, self.out_prod) = (index, index);
    }

    /// Makes the ring as good as new, for the next connection.
    pub(crate) fn reset(&mut self) {
        for word in [IN_CONS, IN_PROD, IN_ERROR, OUT_CONS, OUT_PROD, OUT_ERROR] {
            self.indexes.store(word, 0);
        }
        (self.in_cons, self.out_prod) = (0, 0);
    }

    /// Grant of the indexes page.
    pub(crate) fn reference(&self) -> GrantRef {
        self.indexes.references()[0]
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Grants of the data pages.
    pub(crate) fn data_references(&self) -> &[GrantRef] {
        self.data.references()
    }

    /// The indexes page.
    pub(crate) fn page(&self) -> &Shared {
        &self.indexes
    }

    /// Bytes of each array.
    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    pub(crate) fn in_error(&self) -> i32 {
        self.indexes.load(IN_ERROR).cast_signed()
    }

    pub(crate) fn out_error(&self) -> i32 {
        self.indexes.load(OUT_ERROR).cast_signed()
    }

    /// Our `out_prod`.
    pub(crate) fn out_prod(&self) -> u32 {
        self.out_prod
    }

    /// Pages that the backend still maps. Ends its right to map any.
    pub(crate) fn still_mapped(&self) -> usize {
        self.indexes.still_mapped() + self.data.still_mapped()
    }

    /// Bytes of `out` that the backend has not taken.
    pub(crate) fn unsent(&self) -> u32 {
        self.out_prod.wrapping_sub(self.indexes.load(OUT_CONS))
    }

    /// Puts as many bytes into `out` as there is room for, without telling; returns how many.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let room = self.size.saturating_sub(self.unsent()) as usize;
        let count = room.min(bytes.len());
        let half = self.size as usize;
        for (index, byte) in (0u32..).zip(&bytes[..count]) {
            let at = self.out_prod.wrapping_add(index) % self.size;
            self.data
                .write(half + at as usize, core::slice::from_ref(byte));
        }
        let moved = u32::try_from(count).expect("no more than the ring holds");
        self.out_prod = self.out_prod.wrapping_add(moved);
        self.indexes.store(OUT_PROD, self.out_prod);
        count
    }

    /// Writes everything and tells, each time there is room.
    pub(crate) fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let count = self.write(bytes);
            self.channel.notify();
            bytes = &bytes[count..];
            if bytes.is_empty() {
                break;
            }
            channel::wait(PATIENCE_MS, || {
                (self.unsent() < self.size || self.out_error() != 0).then_some(())
            })
            .ok_or_else(|| failure("no room in the out array, and no event"))?;
            if self.out_error() != 0 {
                return Err(failure(alloc::format!("out_error {}", self.out_error())));
            }
        }
        Ok(())
    }

    /// Takes what is in `in` now, at most `most` bytes; the flag is whether the array was full.
    fn take(&mut self, most: usize) -> Result<(Vec<u8>, bool)> {
        let queued = self.indexes.load(IN_PROD).wrapping_sub(self.in_cons);
        if queued > self.size {
            return Err(failure(alloc::format!(
                "{queued} bytes in an array of {}",
                self.size
            )));
        }
        let mut bytes = vec![0; most.min(queued as usize)];
        for (index, byte) in (0u32..).zip(&mut bytes) {
            let at = self.in_cons.wrapping_add(index) % self.size;
            self.data.read(at as usize, core::slice::from_mut(byte));
        }
        let moved = u32::try_from(bytes.len()).expect("no more than the ring holds");
        self.in_cons = self.in_cons.wrapping_add(moved);
        self.indexes.store(IN_CONS, self.in_cons);
        // Looked at again after the store: the backend may have filled it meanwhile.
        let before = self.in_cons.wrapping_sub(moved);
        let full = self.indexes.load(IN_PROD).wrapping_sub(before) >= self.size;
        Ok((bytes, full && moved > 0))
    }

    /// Takes at most `most` bytes of those that are there, without waiting or telling.
    pub(crate) fn take_now(&mut self, most: usize) -> Result<Vec<u8>> {
        Ok(self.take(most)?.0)
    }

    /// Waits for bytes, takes at most `most`, and tells as `tell` says. An empty result is the
    /// end, for the reason in `in_error`.
    pub(crate) fn read_some(&mut self, most: usize, tell: Tell) -> Result<Vec<u8>> {
        let events = self.channel.events();
        let found = channel::wait(PATIENCE_MS, || {
            // The error first: data that came before it is in the array then.
            let error = self.in_error();
            match self.take(most) {
                Ok((bytes, _)) if bytes.is_empty() && error == 0 => None,
                other => Some(other),
            }
        });
        let (bytes, full) = found.ok_or_else(|| {
            failure(alloc::format!(
                "no more data and no error, or nobody told: in_prod {}, in_cons {}, in_error {}, {} events",
                self.indexes.load(IN_PROD),
                self.in_cons,
                self.in_error(),
                self.channel.events() - events
            ))
        })??;
        if !bytes.is_empty() && (full || tell == Tell::Always) {
            self.channel.notify();
        }
        Ok(bytes)
    }

    /// Reads exactly `count` bytes.
    pub(crate) fn read_exact(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let bytes = self.read_some(count - all.len(), Tell::WhenFull)?;
            if bytes.is_empty() {
                return Err(failure(alloc::format!(
                    "in_error {} after {} of {count} bytes",
                    self.in_error(),
                    all.len()
                )));
            }
            all.extend(bytes);
        }
        Ok(all)
    }

    /// Reads until the end, which must come; returns the number of bytes, which must be those
    /// of [`pattern::bytes`], and `in_error`.
    pub(crate) fn read_pattern_to_end(&mut self, tell: Tell) -> Result<(usize, i32)> {
        let mut count = 0;
        loop {
            let bytes = self.read_some(usize::MAX, tell)?;
            if bytes.is_empty() {
                return Ok((count, self.in_error()));
            }
            if bytes != pattern::bytes(count, bytes.len()) {
                return Err(failure(alloc::format!("bytes differ after {count}")));
            }
            count += bytes.len();
        }
    }

    /// Writes `bytes` to an echo server and reads them back.
    pub(crate) fn echo(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes)?;
        let back = self.read_exact(bytes.len())?;
        match back == bytes {
            true => Ok(()),
            false => Err(failure("the echo differs")),
        }
    }

    /// Waits until the backend has taken all that was written.
    pub(crate) fn wait_until_sent(&self) -> Result<()> {
        channel::wait(PATIENCE_MS, || (self.unsent() == 0).then_some(()))
            .ok_or_else(|| failure(alloc::format!("{} bytes stay unsent", self.unsent())))
    }
}
