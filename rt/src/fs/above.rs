//! Directories that are on no volume: what is above mounts, `/` above all.

use p9_front::wire::{AttributeMask, Attributes, Qid, QidKind, Time};

use super::Metadata;
use crate::path::Path;

/// Readable for all, changed by nobody.
const MODE: u32 = 0o040_555;

/// What such a directory looks like. Times are 1970.
pub(super) fn metadata(path: &Path) -> Metadata {
    // Numbers that no two of them share, and none else within volume 0.
    let number = path.bytes().iter().fold(1_u64, |hash, byte| {
        hash.wrapping_mul(257) ^ u64::from(*byte)
    });
    let never = Time::default();
    let attributes = Attributes {
        valid: AttributeMask::BASIC,
        qid: Qid {
            kind: QidKind::DIR,
            version: 0,
            path: number,
        },
        mode: MODE,
        uid: 0,
        gid: 0,
        links: 2,
        rdev: 0,
        size: 0,
        block_size: 4096,
        blocks: 0,
        accessed: never,
        modified: never,
        changed: never,
    };
    Metadata::new(attributes, 0)
}
