//! A backend of all sorts against client, session and rings, by the bytes that the fuzzer makes up.
//! What must hold is said at `p9_front::test_utils::trial::fuzz_rings`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| p9_front::test_utils::trial::fuzz_rings(data));
