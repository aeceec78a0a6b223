//! A file server of all sorts against the client, by the bytes that the fuzzer makes up. What must
//! hold is said at `p9_front::test_utils::trial::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| p9_front::test_utils::trial::fuzz(data));
