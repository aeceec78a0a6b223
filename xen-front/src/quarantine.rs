//! Pages that the backend may still map: kept aside, and offered back now and then.

use alloc::vec::Vec;

use crate::memory::SharedPages;
use crate::platform::{Platform, StillMapped};

/// The first interval between two attempts, in nanoseconds; it doubles up to the longest.
const RETRY_NS: u64 = 100_000_000;
const RETRY_MAX_NS: u64 = 10_000_000_000;

/// Pages waiting for the backend to let go of them.
#[derive(Debug)]
pub struct Quarantine {
    pages: Vec<SharedPages>,
    interval_ns: u64,
    next_ns: u64,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            interval_ns: RETRY_NS,
            next_ns: 0,
        }
    }
}

impl Quarantine {
    /// Gives pages back now if the backend has let go of them, else later.
    pub fn give_back<P: Platform>(&mut self, platform: &mut P, pages: SharedPages, now_ns: u64) {
        if let Err(StillMapped(pages)) = platform.unshare(pages) {
            log::debug!("{pages:?}: the backend still maps them; kept in quarantine");
            self.pages.push(pages);
            self.interval_ns = RETRY_NS;
            self.next_ns = now_ns.saturating_add(RETRY_NS);
        }
    }

    /// Takes over what another one holds.
    pub fn absorb(&mut self, other: Self) {
        if !other.pages.is_empty() {
            self.pages.extend(other.pages);
            self.interval_ns = RETRY_NS;
            self.next_ns = other.next_ns;
        }
    }

    /// Tries again what is due.
    pub fn poll<P: Platform>(&mut self, platform: &mut P, now_ns: u64) {
        if self.pages.is_empty() || now_ns < self.next_ns {
            return;
        }
        self.pages = core::mem::take(&mut self.pages)
            .into_iter()
            .filter_map(|pages| platform.unshare(pages).err())
            .map(|StillMapped(pages)| pages)
            .collect();
        // The rare outage of a thousand sockets should leave no table behind.
        self.pages.shrink_to_fit();
        // A backend that goes down takes a moment; one that takes longer keeps what is not its own.
        if self.interval_ns < RETRY_MAX_NS && self.interval_ns * 2 >= RETRY_MAX_NS {
            let count = self.page_count();
            if count > 0 {
                log::warn!("the backend keeps {count} pages mapped that it should have let go");
            }
        }
        self.interval_ns = (self.interval_ns * 2).min(RETRY_MAX_NS);
        self.next_ns = now_ns.saturating_add(self.interval_ns);
    }

    /// When [`poll`](Self::poll) is due, in nanoseconds.
    pub fn deadline_ns(&self) -> Option<u64> {
        (!self.pages.is_empty()).then_some(self.next_ns)
    }

    /// How many pages are held.
    pub fn page_count(&self) -> usize {
        self.pages.iter().map(|pages| pages.pages().get()).sum()
    }
}
