//! A data ring: the memory, grants and port of one stream of bytes each way.
//!
//! PV Calls and 9pfs have the same (`DEFINE_XEN_FLEX_RING` of `xen/io/ring.h`): a page of indexes
//! with the list of grants, and pages of data: the first half of these carries `in` (to us), the
//! second half `out`. [`Ring`] owns all of it and moves bytes and words; what they mean and whom to
//! tell is the protocols' business.
//!
//! The page is by itself, so that the data is as many pages as allocators like to give: a run of
//! `2^n + 1` would cut the next larger one in pieces, and with it, in the end, all memory.

use alloc::vec::Vec;
use core::fmt;

use crate::errno::Errno;
use crate::index::Index;
use crate::memory::SharedPages;
use crate::platform::{NoPort, Platform, ShareError, StillMapped};
use crate::units::{DomainId, GrantRef, PAGE_SIZE, PageCount, Port, RingOrder};

/// Words of the indexes page, as byte offsets. The drivers assert them against `xen-sys`.
pub mod words {
    /// Ours: up to where we have taken what came in.
    pub const IN_CONS: usize = 0;
    /// The backend's: up to where it has put in.
    pub const IN_PROD: usize = 4;
    /// The backend's: up to where it has taken what we put out.
    pub const OUT_CONS: usize = 64;
    /// Ours: up to where we have put out.
    pub const OUT_PROD: usize = 68;
    /// Ours: the order of the ring.
    pub const RING_ORDER: usize = 128;
    /// Ours: the grants of the data pages.
    pub const REFS: usize = 132;
}

const _: () = assert!(words::REFS + 4 * (1 << 9) <= PAGE_SIZE);

/// A resource of this guest that ran short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceError {
    /// Memory or grants for shared pages.
    Share(ShareError),
    /// Event ports.
    Port(NoPort),
}

impl ResourceError {
    /// The error number that a system call reports for it.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::Share(ShareError::OutOfMemory) => Errno::ENOMEM,
            Self::Share(ShareError::NoGrants) => Errno::ENOBUFS,
            Self::Port(NoPort) => Errno::EMFILE,
        }
    }
}

impl fmt::Display for ResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(error) => error.fmt(f),
            Self::Port(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ResourceError {}

/// Shared pages and a port, laid out as the backend expects them.
#[derive(Debug)]
pub struct Ring {
    indexes: SharedPages,
    data: SharedPages,
    port: Port,
    order: RingOrder,
}

impl Ring {
    /// Gets pages and a port for a ring of that order.
    ///
    /// # Errors
    /// What ran short; nothing is left behind then.
    pub fn create<P: Platform>(
        platform: &mut P,
        backend: DomainId,
        order: RingOrder,
    ) -> Result<Self, ResourceError> {
        let port = platform.open_port(backend).map_err(ResourceError::Port)?;
        match share(platform, backend, order.data_pages()) {
            Ok((indexes, data)) => Ok(Self {
                indexes,
                data,
                port,
                order,
            }),
            Err(error) => {
                platform.close_port(port);
                Err(ResourceError::Share(error))
            }
        }
    }

    /// Makes the pages ready for a new connection whose indexes all begin at `start`, which is 0
    /// outside tests. The data pages stay as they are: they came zeroed, and what an earlier
    /// connection left in them this backend has seen already.
    pub fn reset(&self, start: Index) {
        self.indexes.zero_first_page();
        for offset in [
            words::IN_CONS,
            words::IN_PROD,
            words::OUT_CONS,
            words::OUT_PROD,
        ] {
            self.indexes.store(offset, start.get());
        }
        for (number, grant) in self.data.grants().iter().enumerate() {
            self.indexes.store(words::REFS + 4 * number, grant.get());
        }
        self.indexes
            .store(words::RING_ORDER, u32::from(self.order.get()));
    }

    /// The grant of the indexes page, which holds the others.
    #[must_use]
    pub fn grant(&self) -> GrantRef {
        self.indexes.grants()[0]
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> Port {
        self.port
    }

    /// Its size.
    #[must_use]
    pub fn order(&self) -> RingOrder {
        self.order
    }

    /// Pages in it, the indexes page included.
    #[must_use]
    pub fn page_count(&self) -> usize {
        self.indexes.pages().get() + self.data.pages().get()
    }

    /// Bytes of each direction.
    #[must_use]
    pub fn array_bytes(&self) -> u32 {
        self.order.array_bytes()
    }

    /// Closes the port and leaves the pages, to be given back when the peer has let go of them.
    pub fn into_pages<P: Platform>(self, platform: &mut P) -> [SharedPages; 2] {
        platform.close_port(self.port);
        [self.indexes, self.data]
    }

    /// Loads a word of the indexes page, with acquire order.
    #[must_use]
    pub fn load(&self, offset: usize) -> u32 {
        self.indexes.load(offset)
    }

    /// Stores an index in the indexes page, with release order.
    pub fn store(&self, offset: usize, index: Index) {
        self.indexes.store(offset, index.get());
    }

    /// Copies bytes out of the in array, which wraps at its end.
    pub fn copy_out(&self, from: Index, into: &mut [u8]) {
        let (begin, first) = self.first_piece(from, into.len());
        let (head, tail) = into.split_at_mut(first);
        self.data.read(begin, head);
        self.data.read(0, tail);
    }

    /// Appends bytes of the in array to `into`, which has reserved memory for them.
    pub fn append_out(&self, from: Index, len: usize, into: &mut Vec<u8>) {
        let (begin, first) = self.first_piece(from, len);
        self.data.append(begin, first, into);
        self.data.append(0, len - first, into);
    }

    /// Copies bytes into the out array, which lies behind the in array.
    pub fn copy_in(&self, to: Index, from: &[u8]) {
        let (begin, first) = self.first_piece(to, from.len());
        let (head, tail) = from.split_at(first);
        let array = self.array_bytes() as usize;
        self.data.write(array + begin, head);
        self.data.write(array, tail);
    }

    /// The offset of `index` in an array, and how many of `len` bytes come before its end.
    fn first_piece(&self, index: Index, len: usize) -> (usize, usize) {
        let array = self.array_bytes();
        debug_assert!(len <= array as usize);
        let begin = index.offset(array) as usize;
        (begin, len.min(array as usize - begin))
    }
}

/// A page for the indexes, and so many for the data.
fn share<P: Platform>(
    platform: &mut P,
    backend: DomainId,
    data: PageCount,
) -> Result<(SharedPages, SharedPages), ShareError> {
    let indexes = platform.share(backend, PageCount(1))?;
    match platform.share(backend, data) {
        Ok(run) => {
            assert_eq!(run.pages(), data, "the platform shares what it is asked");
            Ok((indexes, run))
        }
        Err(error) => {
            if let Err(StillMapped(page)) = platform.unshare(indexes) {
                // Nobody was told of it: a backend that guesses grants costs this guest a page.
                log::warn!("{page:?}: the backend mapped a page before it was told of it");
            }
            Err(error)
        }
    }
}
