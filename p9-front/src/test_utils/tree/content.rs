//! What a file holds: pages where something was written, zeros elsewhere.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Bytes of a page.
pub const PAGE: usize = 4096;
const PAGE_U64: u64 = PAGE as u64;

/// A file's bytes.
#[derive(Clone, Debug, Default)]
pub struct Content {
    len: u64,
    pages: BTreeMap<u64, Box<[u8; PAGE]>>,
}

/// Page, first byte in it, bytes up to its end or `left`.
fn place(offset: u64, left: usize) -> (u64, usize, usize) {
    let within = usize::try_from(offset % PAGE_U64).expect("less than a page");
    (offset / PAGE_U64, within, left.min(PAGE - within))
}

impl Content {
    /// Bytes, holes included.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Pages that take room.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// At most `count` bytes from there.
    #[must_use]
    pub fn read(&self, offset: u64, count: usize) -> Vec<u8> {
        let left = self.len.saturating_sub(offset);
        let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut out = Vec::with_capacity(count);
        while out.len() < count {
            let (page, within, n) = place(offset + out.len() as u64, count - out.len());
            match self.pages.get(&page) {
                Some(page) => out.extend_from_slice(&page[within..within + n]),
                None => out.resize(out.len() + n, 0),
            }
        }
        out
    }

    /// Puts bytes there, as many as fit if it may take so many pages more; says how many, and how
    /// many pages it took. `offset` and the end are below 2^63.
    pub fn write(&mut self, offset: u64, data: &[u8], free: u64) -> (usize, u64) {
        let (mut done, mut taken) = (0, 0);
        while done < data.len() {
            let (number, within, n) = place(offset + done as u64, data.len() - done);
            if !self.pages.contains_key(&number) {
                if taken == free {
                    break;
                }
                taken += 1;
            }
            let page = self
                .pages
                .entry(number)
                .or_insert_with(|| Box::new([0; PAGE]));
            page[within..within + n].copy_from_slice(&data[done..done + n]);
            done += n;
        }
        if done > 0 {
            self.len = self.len.max(offset + done as u64);
        }
        (done, taken)
    }

    /// Cuts it off, or lets it end with a hole; says how many pages became free.
    pub fn set_len(&mut self, len: u64) -> u64 {
        let before = self.pages();
        let first_gone = len.div_ceil(PAGE_U64);
        self.pages.split_off(&first_gone);
        let (page, within, _) = place(len, PAGE);
        if let Some(page) = self.pages.get_mut(&page) {
            page[within..].fill(0);
        }
        self.len = len;
        before - self.pages()
    }
}
