//! Random bytes from the processor: RDSEED, else RDRAND, else a guess with a warning.

use core::arch::asm;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::time;

const NONE: u8 = 0;
const RDRAND: u8 = 1;
const RDSEED: u8 = 2;

static SOURCE: AtomicU8 = AtomicU8::new(NONE);

/// How often an instruction that is out of entropy is asked again before the other source
/// has its turn; the processor vendors' advice for RDRAND is 10.
const TRIES: usize = 64;

/// Finds out what the processor offers.
pub(crate) fn init() {
    let source = match (cpuid(7).ebx & 1 << 18 != 0, cpuid(1).ecx & 1 << 30 != 0) {
        (true, _) => RDSEED,
        (false, true) => RDRAND,
        (false, false) => NONE,
    };
    SOURCE.store(source, Ordering::Relaxed);
    if source == NONE {
        log::warn!(
            "no entropy: this processor offers neither RDSEED nor RDRAND; random numbers are \
             guessed from the clock and must not be used for secrets"
        );
    }
}

struct Cpuid {
    ebx: u32,
    ecx: u32,
}

/// What Xen says of the processor, which may be less than the processor would: a toolstack
/// can hide features (`cpuid` in xl.cfg). The plain instruction may bypass Xen in a PV guest;
/// behind this prefix (XEN_CPUID in xen/arch-x86/xen.h) it never does.
fn cpuid(leaf: u32) -> Cpuid {
    let (ebx, ecx): (u64, u32);
    // SAFETY: Xen emulates the sequence and changes these registers only. rbx is the
    // compiler's own and goes through another one.
    unsafe {
        asm!(
            "mov {saved}, rbx",
            ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e",
            "cpuid",
            "xchg {saved}, rbx",
            saved = out(reg) ebx,
            inout("eax") leaf => _,
            inout("ecx") 0 => ecx,
            out("edx") _,
            options(nomem, nostack),
        );
    }
    Cpuid {
        ebx: ebx as u32,
        ecx,
    }
}

/// Whether [`fill`] gives true entropy.
pub fn is_available() -> bool {
    SOURCE.load(Ordering::Relaxed) != NONE
}

/// Fills `bytes` with random bytes. Without a source in the processor (see
/// [`is_available`]) they are only different each time, not unpredictable.
pub fn fill(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&word().to_le_bytes()[..chunk.len()]);
    }
}

/// As [`fill`], but never guesses: `false` when the processor has no source or does not deliver,
/// and `bytes` must not be used then.
#[must_use]
pub fn fill_secret(bytes: &mut [u8]) -> bool {
    bytes.chunks_mut(8).all(|chunk| match secret_word() {
        Some(word) => {
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
            true
        }
        None => false,
    })
}

fn word() -> u64 {
    secret_word().unwrap_or_else(|| {
        if is_available() {
            log::warn!("the processor ran out of entropy; guessing from the clock");
        }
        guess()
    })
}

fn secret_word() -> Option<u64> {
    match SOURCE.load(Ordering::Relaxed) {
        NONE => None,
        RDSEED => (0..TRIES).find_map(|_| rdseed()).or_else(retry_rdrand),
        _ => retry_rdrand(),
    }
}

fn retry_rdrand() -> Option<u64> {
    (0..TRIES).find_map(|_| rdrand())
}

fn rdseed() -> Option<u64> {
    let (word, ok): (u64, u8);
    // SAFETY: the instruction exists (checked in `init`) and touches registers only.
    unsafe {
        asm!("rdseed {}", "setc {}", out(reg) word, out(reg_byte) ok, options(nomem, nostack))
    };
    (ok == 1).then_some(word)
}

fn rdrand() -> Option<u64> {
    let (word, ok): (u64, u8);
    // SAFETY: processors with RDSEED or the RDRAND bit have it; registers only.
    unsafe {
        asm!("rdrand {}", "setc {}", out(reg) word, out(reg_byte) ok, options(nomem, nostack))
    };
    (ok == 1).then_some(word)
}

/// splitmix64 (Steele, Lea and Flood, 2014) over the clocks.
fn guess() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    let now = time::monotonic_ns() ^ time::wall_clock_ns().rotate_left(32);
    let step = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    let mut z = step ^ now;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
