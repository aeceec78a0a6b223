//! `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`.
//!
//! The compiler emits calls to these wherever it pleases, so a program without libc has to bring
//! them. They are assembly because Rust bodies would be recognised as what they are and compiled
//! into calls to themselves. They use no stack and only registers that calls clobber anyway,
//! SSE2 among them.
//!
//! In a guest they carry the names that the compiler calls. On the host libc has those, so here
//! the same assembly is called `callisto_memcpy` and so on, and the tests beside it run it.
//!
//! Pieces up to 128 bytes are loaded completely before anything is stored, with a head and a
//! tail that overlap in the middle, so no size needs a loop of its own or a jump table. Beyond,
//! loops of 64 bytes store aligned.
//!
//! `rep movsb` is not used at any size. Measured with [`bench`] on an AMD EPYC with FSRM, it
//! copies 4 to 16 KiB at up to 100 GB/s where the loop has 58, and is no better from 64 KiB on;
//! but when the target begins a few bytes further into its cache line than the source it falls
//! to 2 or 3 GB/s, and ring buffers meet that case often. The loop has no such pit (30 GB/s at
//! worst). In an emulator (QEMU 7.2 without KVM) the loop copies at 2.4 GB/s and `rep movsb` at
//! 0.9, and `memset` at 25 against 1.1 for `rep stosb`, which is why that is not used either,
//! though a processor clears a page in 40 ns with it and in 70 without.

pub mod bench;
mod compare;
mod copy;
mod set;
#[cfg(test)]
mod tests;

/// The name of one of the functions for the linker.
macro_rules! symbol {
    ($name:literal) => {
        concat!($crate::memops::symbol_prefix!(), $name)
    };
}

#[cfg(guest)]
macro_rules! symbol_prefix {
    () => {
        ""
    };
}

#[cfg(not(guest))]
macro_rules! symbol_prefix {
    () => {
        "callisto_"
    };
}

use {symbol, symbol_prefix};

unsafe extern "C" {
    /// Copies `bytes` bytes; the areas must not overlap. Returns `to`.
    #[cfg_attr(not(guest), link_name = "callisto_memcpy")]
    pub fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;

    /// Copies `bytes` bytes; the areas may overlap. Returns `to`.
    #[cfg_attr(not(guest), link_name = "callisto_memmove")]
    pub fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;

    /// Sets `bytes` bytes to the low byte of `value`. Returns `to`.
    #[cfg_attr(not(guest), link_name = "callisto_memset")]
    pub fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8;

    /// Compares as unsigned bytes: negative, zero or positive as `a` is less than, equal to or greater than `b`.
    #[cfg_attr(not(guest), link_name = "callisto_memcmp")]
    pub fn memcmp(a: *const u8, b: *const u8, bytes: usize) -> i32;

    /// Zero if the areas are equal.
    #[cfg_attr(not(guest), link_name = "callisto_bcmp")]
    pub fn bcmp(a: *const u8, b: *const u8, bytes: usize) -> i32;

    /// Bytes before the first NUL.
    #[cfg_attr(not(guest), link_name = "callisto_strlen")]
    pub fn strlen(string: *const u8) -> usize;
}
