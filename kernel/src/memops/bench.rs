//! Measures the memory functions against the bare `rep` instructions.
//!
//! The loop knows no clock and no console, so that the same code runs on the host
//! (`cargo run --release -p kernel --example memops-bench`) and in a guest, where the emulator
//! gives quite other numbers than a processor.

use core::arch::asm;
use core::fmt;
use core::hint::black_box;

use super::{memcmp, memcpy, memmove, memset};

/// Bytes of memory that [`run`] wants at least: two areas of the largest size, and some room to shift them.
pub const MEMORY_BYTES: usize = 2 * (1 << 20) + 4096;

/// Sizes that are measured, in bytes.
const SIZES: [usize; 11] = [
    16,
    48,
    112,
    256,
    512,
    1 << 10,
    1 << 11,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 20,
];

/// Bytes a measurement moves: some milliseconds in an emulator, enough for a clock anywhere.
const BYTES_PER_ROUND: usize = 1 << 20;

/// Rounds per measurement; the fastest counts, because everything that disturbs makes it slower.
const ROUNDS: usize = 5;

/// Two areas that do not overlap, of equal size, to work on.
struct Areas<'a> {
    to: &'a mut [u8],
    from: &'a mut [u8],
}

/// What is measured: a name, and one call.
type Operation = (&'static str, fn(&mut Areas<'_>));

const OPERATIONS: [Operation; 6] = [
    ("memcpy", |areas| {
        // SAFETY: the areas are distinct and of equal size.
        unsafe { memcpy(areas.to.as_mut_ptr(), areas.from.as_ptr(), areas.to.len()) };
    }),
    ("rep movsb", |areas| {
        // SAFETY: as above, and the instruction touches nothing but the areas.
        unsafe {
            asm!("rep movsb", inout("rcx") areas.to.len() => _, inout("rdi") areas.to.as_mut_ptr() => _,
                inout("rsi") areas.from.as_ptr() => _, options(nostack, preserves_flags));
        }
    }),
    ("memmove by 8", |areas| {
        let bytes = areas.to.len() - 8;
        let start = areas.to.as_mut_ptr();
        // SAFETY: both the source and the target, 8 bytes on, end inside the area.
        unsafe { memmove(start.wrapping_add(8), start, bytes) };
    }),
    ("memset", |areas| {
        // SAFETY: one whole area.
        unsafe { memset(areas.to.as_mut_ptr(), 0x5a, areas.to.len()) };
    }),
    ("rep stosb", |areas| {
        // SAFETY: one whole area.
        unsafe {
            asm!("rep stosb", inout("rcx") areas.to.len() => _, inout("rdi") areas.to.as_mut_ptr() => _,
                in("al") 0x5a_u8, options(nostack, preserves_flags));
        }
    }),
    ("memcmp", |areas| {
        // SAFETY: two areas of equal size.
        black_box(unsafe { memcmp(areas.to.as_ptr(), areas.from.as_ptr(), areas.to.len()) });
    }),
];

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// What was measured.
    pub operation: &'static str,
    /// Bytes per call.
    pub bytes: usize,
    /// Calls measured.
    pub calls: usize,
    /// Time of all these calls in nanoseconds.
    pub total_ns: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            bytes,
            calls,
            total_ns,
        } = self;
        // Bytes per nanosecond are GB/s; in hundredths, because this also runs where no float is wanted.
        let total_bytes = u64::try_from(bytes * calls).unwrap_or(u64::MAX);
        let hundredths = total_bytes.saturating_mul(100) / total_ns.max(&1);
        write!(
            f,
            "{operation:<14}{bytes:>9} bytes {:>6}.{:02} GB/s",
            hundredths / 100,
            hundredths % 100
        )
    }
}

/// Measures everything in `memory`, of [`MEMORY_BYTES`] or more, with a clock in nanoseconds.
///
/// # Panics
/// When the memory is too small.
pub fn run(memory: &mut [u8], mut now_ns: impl FnMut() -> u64, mut report: impl FnMut(&Sample)) {
    assert!(
        memory.len() >= MEMORY_BYTES,
        "{} bytes are not enough",
        memory.len()
    );
    memory.fill(0x5a);
    let (to, from) = memory.split_at_mut(MEMORY_BYTES / 2);
    for (operation, call) in OPERATIONS {
        for bytes in SIZES {
            // Not aligned to each other, as data in rings is not.
            let mut areas = Areas {
                to: &mut to[..bytes],
                from: &mut from[8..][..bytes],
            };
            let calls = (BYTES_PER_ROUND / bytes).clamp(1, 16384);
            let round = |_| {
                let start = now_ns();
                for _ in 0..calls {
                    call(black_box(&mut areas));
                }
                now_ns().saturating_sub(start)
            };
            let total_ns = (0..ROUNDS).map(round).min().unwrap_or(0);
            report(&Sample {
                operation,
                bytes,
                calls,
                total_ns,
            });
        }
    }
}
