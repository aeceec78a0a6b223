//! The assembly against the plainest possible Rust, over all alignments and overlaps.

use proptest::prelude::*;

use super::*;

/// Bytes around each area that must not change.
const MARGIN: usize = 32;

/// Areas start at every place in a cache line.
const LINE: usize = 64;

/// Bytes that differ from their neighbours.
fn pattern(bytes: usize, seed: u8) -> Vec<u8> {
    let byte = |n: usize| (n * 167 + (n >> 8)).to_le_bytes()[0].wrapping_add(seed);
    (0..bytes).map(byte).collect()
}

/// Copies between two places of one buffer and looks at all of it.
fn check_move(
    function: unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8,
    to: usize,
    from: usize,
    bytes: usize,
) {
    let length = to.max(from) + bytes + MARGIN;
    let mut buffer = Aligned::new(length, 3);
    let mut expected = buffer.bytes().to_vec();
    expected.copy_within(from..from + bytes, to);
    let start = buffer.bytes().as_mut_ptr();
    let target = start.wrapping_add(to);
    // SAFETY: both areas end before the buffer does.
    let returned = unsafe { function(target, start.wrapping_add(from), bytes) };
    assert_eq!(returned, target);
    assert!(
        buffer.bytes() == expected,
        "to {to}, from {from}, {bytes} bytes"
    );
}

/// Bytes at an address that is a multiple of 64.
struct Aligned {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Aligned {
    fn new(length: usize, seed: u8) -> Self {
        let memory = pattern(length + LINE, seed);
        let start = memory.as_ptr().align_offset(LINE);
        Self {
            memory,
            start,
            length,
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..self.length]
    }
}

/// Sizes around every boundary in the code, and all small ones.
fn sizes() -> impl Iterator<Item = usize> {
    (0..=272).chain([319, 320, 321, 511, 512, 513, 1023, 1024])
}

#[test]
fn copies_at_every_alignment() {
    for (to, from) in (0..LINE).flat_map(|to| (0..LINE).map(move |from| (to, from))) {
        // Every size at every alignment of one side, and at every seventh of both.
        for bytes in sizes().filter(|bytes| (bytes + to + 3 * from) % 7 == 0) {
            check_move(
                memcpy,
                MARGIN + to,
                MARGIN + LINE + bytes.next_multiple_of(LINE) + from,
                bytes,
            );
        }
    }
}

#[test]
fn moves_by_every_distance_both_ways() {
    for bytes in sizes() {
        for distance in (0..=160)
            .filter(|distance| (bytes + distance) % 3 == 0)
            .chain([bytes, bytes + 1])
        {
            check_move(memmove, MARGIN + distance, MARGIN, bytes);
            check_move(memmove, MARGIN, MARGIN + distance, bytes);
        }
    }
}

#[test]
fn sets_exactly_the_bytes_asked_for() {
    for offset in 0..LINE {
        for bytes in sizes() {
            // Only the low byte counts.
            let value = 0x5a00 + i32::try_from(bytes % 251).unwrap();
            let mut buffer = Aligned::new(offset + bytes + 2 * MARGIN, 9);
            let mut expected = buffer.bytes().to_vec();
            expected[MARGIN + offset..][..bytes].fill(value.to_le_bytes()[0]);
            let target = buffer.bytes()[MARGIN + offset..].as_mut_ptr();
            // SAFETY: the area ends before the buffer does.
            let returned = unsafe { memset(target, value, bytes) };
            assert_eq!(returned, target);
            assert!(buffer.bytes() == expected, "offset {offset}, {bytes} bytes");
        }
    }
}

#[test]
fn compares_find_every_difference() {
    for bytes in sizes() {
        let offset = bytes % LINE;
        let mut a = Aligned::new(offset + bytes + MARGIN, 1);
        let mut b = Aligned::new(bytes + MARGIN, 0);
        b.bytes()[..bytes].copy_from_slice(&a.bytes()[offset..][..bytes]);
        // What follows differs and must not count.
        let compare = |a: &mut Aligned, b: &mut Aligned| {
            let (a, b) = (a.bytes()[offset..].as_ptr(), b.bytes().as_ptr());
            // SAFETY: both areas end before their buffers do.
            let order = unsafe { memcmp(a, b, bytes) };
            // SAFETY: as above.
            let equal = unsafe { bcmp(a, b, bytes) };
            assert_eq!(order == 0, equal == 0);
            order.signum()
        };
        assert_eq!(compare(&mut a, &mut b), 0, "{bytes} bytes");
        for at in (0..bytes).filter(|at| bytes < 160 || at % 5 == bytes % 5) {
            let original = b.bytes()[at];
            b.bytes()[at] = original.wrapping_add(0x80);
            let expected = if original < 0x80 { -1 } else { 1 };
            assert_eq!(
                compare(&mut a, &mut b),
                expected,
                "{bytes} bytes, difference at {at}"
            );
            b.bytes()[at] = original;
        }
    }
}

#[test]
fn strings_end_at_the_first_nul() {
    for (offset, length) in
        (0..LINE).flat_map(|offset| (0..100).map(move |length| (offset, length)))
    {
        let mut buffer = Aligned::new(offset + length + MARGIN, 0);
        buffer.bytes().fill(0x80);
        buffer.bytes()[..offset].fill(0);
        buffer.bytes()[offset + length] = 0;
        // SAFETY: the string ends inside the buffer.
        let found = unsafe { strlen(buffer.bytes()[offset..].as_ptr()) };
        assert_eq!(found, length, "offset {offset}");
    }
}

proptest! {
    #[test]
    fn moves_anything_anywhere(to in 0usize..2000, from in 0usize..2000, bytes in 0usize..3000) {
        check_move(memmove, to, from, bytes);
    }

    #[test]
    fn compares_like_slices(a in proptest::collection::vec(0u8..3, 0..200), b in proptest::collection::vec(0u8..3, 0..200)) {
        let bytes = a.len().min(b.len());
        // SAFETY: both slices have as many bytes.
        let order = unsafe { memcmp(a.as_ptr(), b.as_ptr(), bytes) };
        prop_assert_eq!(order.cmp(&0), a[..bytes].cmp(&b[..bytes]));
    }
}
