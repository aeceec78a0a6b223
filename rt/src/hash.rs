//! Hashing, as in std: core's traits, and a hasher for tables that strangers fill.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher13;

pub use core::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// SipHash-1-3, as std's is today. With keys of 0; tables have others, by [`RandomState`].
#[derive(Clone, Debug, Default)]
pub struct DefaultHasher(SipHasher13);

impl DefaultHasher {
    /// With keys of 0.
    pub fn new() -> DefaultHasher {
        DefaultHasher::default()
    }
}

impl Hasher for DefaultHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// Keys of a table's hasher, so that nobody who fills it from outside can make all its keys collide.
///
/// They begin with the processor's random numbers, and no two are alike. A processor that has none
/// gives keys that are only hard to guess; the kernel warned of that when it started.
#[derive(Clone)]
pub struct RandomState {
    keys: (u64, u64),
}

impl RandomState {
    /// New keys.
    pub fn new() -> RandomState {
        static SEED: spin::Once<(u64, u64)> = spin::Once::new();
        static MADE: AtomicU64 = AtomicU64::new(0);
        let (first, second) = *SEED.call_once(seed);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        RandomState {
            keys: (first.wrapping_add(made), second),
        }
    }
}

impl Default for RandomState {
    fn default() -> RandomState {
        RandomState::new()
    }
}

/// Without the keys, which are a secret.
impl fmt::Debug for RandomState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomState").finish_non_exhaustive()
    }
}

impl BuildHasher for RandomState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher(SipHasher13::new_with_keys(self.keys.0, self.keys.1))
    }
}

#[cfg(guest)]
fn seed() -> (u64, u64) {
    let word = || {
        let mut bytes = [0; 8];
        kernel::entropy::fill(&mut bytes);
        u64::from_le_bytes(bytes)
    };
    (word(), word())
}

/// std's, on the machine that builds this.
#[cfg(not(guest))]
fn seed() -> (u64, u64) {
    let word = || std::hash::RandomState::new().hash_one(0);
    (word(), word())
}
