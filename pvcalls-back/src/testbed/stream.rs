//! A data ring, from the frontend's side.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use super::answer::name;
use crate::memory::{Shared, full_barrier};
use crate::platform::local::{LocalDomain, LocalPages};

const PAGE: usize = 4096;
const IN_CONS: usize = 0;
const IN_PROD: usize = 4;
const IN_ERROR: usize = 8;
const IN_PROD_EVENT: usize = 12;
const IN_CONS_EVENT: usize = 16;
const OUT_CONS: usize = 64;
const OUT_PROD: usize = 68;
const OUT_ERROR: usize = 72;
const OUT_CONS_EVENT: usize = 76;
const OUT_PROD_EVENT: usize = 80;

/// The pages and the port of a data ring, and the frontend's own indices.
///
/// The helpers that move bytes check what the backend stored: an index that leaves its place
/// fails the test.
#[derive(Debug)]
pub struct RawStream {
    pages: Rc<Shared<LocalPages>>,
    /// The indexes page; the data pages follow.
    first: usize,
    order: u32,
    domain: Arc<LocalDomain>,
    port: u32,
    event_idx: bool,
    in_cons: u32,
    in_prod: u32,
    out_cons: u32,
    out_prod: u32,
    /// Events raised by the helpers.
    pub notified: u64,
}

impl RawStream {
    pub(super) fn new(
        pages: Rc<Shared<LocalPages>>,
        first: usize,
        order: u32,
        domain: Arc<LocalDomain>,
        event_idx: bool,
    ) -> Self {
        let port = domain.open_port();
        let mut stream = Self {
            pages,
            first,
            order,
            domain,
            port,
            event_idx,
            in_cons: 0,
            in_prod: 0,
            out_cons: 0,
            out_prod: 0,
            notified: 0,
        };
        stream.reset(0);
        stream
    }

    /// Makes it a fresh ring whose four indices start at `index`.
    pub fn reset(&mut self, index: u32) {
        self.pages.write(self.first * PAGE, &[0; PAGE]);
        (self.in_cons, self.in_prod) = (index, index);
        (self.out_cons, self.out_prod) = (index, index);
        for word in [IN_CONS, IN_PROD, OUT_CONS, OUT_PROD] {
            self.poke(word, index);
        }
        self.poke(128, self.order);
        for page in 0..1 << self.order {
            let reference = self.pages.mapping().refs()[self.first + 1 + page];
            self.poke(132 + 4 * page, reference);
        }
        if self.event_idx {
            self.poke(IN_PROD_EVENT, index.wrapping_add(1));
            // Of room nobody wants to know yet.
            self.poke(OUT_CONS_EVENT, index);
        }
    }

    /// The grant of the indexes page.
    #[must_use]
    pub fn indexes(&self) -> u32 {
        self.pages.mapping().refs()[self.first]
    }

    /// The frontend's port.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Bytes in each direction.
    #[must_use]
    pub fn size(&self) -> u32 {
        1 << (self.order + 11)
    }

    /// Writes a word of the indexes page, whatever it means.
    pub fn poke(&self, offset: usize, value: u32) {
        self.pages.store(self.first * PAGE + offset, value);
    }

    /// Reads a word of the indexes page.
    #[must_use]
    pub fn peek(&self, offset: usize) -> u32 {
        self.pages.load(self.first * PAGE + offset)
    }

    /// Raises the port.
    pub fn notify(&mut self) {
        self.notified += 1;
        self.domain.notify(self.port);
    }

    /// `in_error`.
    #[must_use]
    pub fn in_error(&self) -> i32 {
        self.peek(IN_ERROR).cast_signed()
    }

    /// `out_error`.
    #[must_use]
    pub fn out_error(&self) -> i32 {
        self.peek(OUT_ERROR).cast_signed()
    }

    /// Up to where the frontend has written.
    #[must_use]
    pub fn out_prod(&self) -> u32 {
        self.out_prod
    }

    /// Bytes the backend has not taken yet.
    pub fn unsent(&mut self) -> u32 {
        let old = self.out_prod.wrapping_sub(self.out_cons);
        self.out_cons = self.peek(OUT_CONS);
        let now = self.out_prod.wrapping_sub(self.out_cons);
        assert!(
            now <= old,
            "out_cons went from {old} to {now} before out_prod"
        );
        now
    }

    /// Bytes that wait to be read.
    pub fn unread(&mut self) -> u32 {
        let old = self.in_prod.wrapping_sub(self.in_cons);
        self.in_prod = self.peek(IN_PROD);
        let now = self.in_prod.wrapping_sub(self.in_cons);
        assert!(
            old <= now && now <= self.size(),
            "in_prod went from {old} to {now} beyond in_cons"
        );
        now
    }

    fn at(&self, array: usize, index: u32) -> usize {
        let half = self.size() as usize;
        (self.first + 1) * PAGE + array * half + index as usize % half
    }

    /// Puts as many bytes into `out` as fit, and raises the port, if the backend wants it: how
    /// many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let count = self.put(bytes);
        if count > 0 {
            self.publish_out(u32::try_from(count).expect("no more than a ring"));
        } else if self.event_idx {
            // The ring is full: at half of it the backend is to tell.
            self.poke(OUT_CONS_EVENT, self.out_cons.wrapping_add(self.size() / 2));
            full_barrier();
        }
        count
    }

    /// Puts bytes into `out` that the backend does not hear of.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let room = self.size() - self.unsent();
        let count = bytes.len().min(room as usize);
        let start = self.at(1, self.out_prod);
        let (first, second) = bytes[..count].split_at(count.min(self.at(2, 0) - start));
        self.pages.write(start, first);
        self.pages.write(self.at(1, 0), second);
        count
    }

    /// Moves `out_prod`, and raises the port, if the backend wants it.
    pub fn publish_out(&mut self, count: u32) {
        let old = self.out_prod;
        self.out_prod = old.wrapping_add(count);
        self.poke(OUT_PROD, self.out_prod);
        if self.wanted(OUT_PROD_EVENT, old, self.out_prod) {
            self.notify();
        }
    }

    /// Takes up to `max` bytes out of `in`, and raises the port, if the backend wants it.
    pub fn read(&mut self, max: usize) -> Vec<u8> {
        let count = (self.unread() as usize).min(max);
        let mut bytes = vec![0; count];
        let start = self.at(0, self.in_cons);
        let (first, second) = bytes.split_at_mut(count.min(self.at(1, 0) - start));
        self.pages.read(start, first);
        self.pages.read(self.at(0, 0), second);
        let old = self.in_cons;
        self.in_cons = old.wrapping_add(u32::try_from(count).expect("no more than a ring"));
        self.poke(IN_CONS, self.in_cons);
        if self.event_idx {
            self.poke(IN_PROD_EVENT, self.in_cons.wrapping_add(1));
            full_barrier();
        }
        if count > 0 && self.wanted(IN_CONS_EVENT, old, self.in_cons) {
            self.notify();
        }
        bytes
    }

    fn wanted(&self, word: usize, old: u32, new: u32) -> bool {
        if !self.event_idx {
            return true;
        }
        full_barrier();
        new.wrapping_sub(self.peek(word)) < new.wrapping_sub(old)
    }

    /// The next frame of a datagram socket: payload, whether it was cut, sender.
    pub fn read_frame(&mut self) -> Option<(Vec<u8>, bool, Option<SocketAddr>)> {
        if self.unread() == 0 {
            return None;
        }
        let header = self.read(32);
        assert_eq!(header.len(), 32, "a frame is put in whole");
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four"));
        assert_eq!(word(28), 0, "the word that is zero");
        let len = word(0) as usize;
        let mut payload = self.read(len.next_multiple_of(8));
        assert_eq!(payload.len(), len.next_multiple_of(8), "whole, and padded");
        payload.truncate(len);
        Some((payload, word(4) & 1 != 0, name(&header[8..28])))
    }
}

/// A frame of a datagram socket's out ring; without `to`, for the default peer.
#[must_use]
pub fn frame(payload: &[u8], to: Option<SocketAddr>) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    let len = u32::try_from(payload.len()).expect("a datagram");
    bytes[0..4].copy_from_slice(&len.to_le_bytes());
    if let Some(to) = to {
        bytes[10..12].copy_from_slice(&to.port().to_be_bytes());
        match to.ip() {
            IpAddr::V4(ip) => {
                bytes[8] = 2;
                bytes[12..16].copy_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                bytes[8] = 10;
                bytes[12..28].copy_from_slice(&ip.octets());
            }
        }
    }
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}
