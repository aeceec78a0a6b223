//! What std has on Unix.

pub mod ffi;
#[cfg(any(guest, test))]
pub mod fs;
