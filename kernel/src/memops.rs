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
//! How they work: pieces up to 128 bytes are loaded completely before anything is stored, with
//! a head and a tail that overlap in the middle, so no size needs a loop or a jump table. Beyond,
//! loops of 64 bytes store aligned. From [`rep_threshold`] on, `rep movsb` and `rep stosb` take over:
//! real processors move whole cache lines that way, emulators single bytes, so [`calibrate`]
//! tries once at boot which of the two this is.

use core::sync::atomic::{AtomicUsize, Ordering};

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

/// Sizes in bytes from which the `rep` instructions are used. Read by the assembly.
static REP_MIN: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Bytes from which `rep movsb` and `rep stosb` are used; `usize::MAX` before [`calibrate`].
#[must_use]
pub fn rep_threshold() -> usize {
    REP_MIN.load(Ordering::Relaxed)
}
