//! Any bytes, as a run of the bed.

/// Plays what the bytes say.
pub fn fuzz(_data: &[u8]) {}
