//! The bytes that files are filled with: any part of them can be made by itself.

use std::prelude::v1::*;

/// The byte at `place` of the pattern of `seed`.
fn word(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 29)
}

/// `count` bytes of the pattern of `seed` from `place`, a multiple of eight, on.
pub(crate) fn piece(seed: u64, place: u64, count: usize) -> Vec<u8> {
    let words = (place / 8..).take(count.div_ceil(8));
    let mut piece: Vec<u8> = words
        .flat_map(|number| word(seed, number).to_le_bytes())
        .collect();
    piece.truncate(count);
    piece
}
