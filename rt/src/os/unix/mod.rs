//! What std has on Unix.

pub mod ffi;
