//! The fuzzer's bytes as the answer to any request, and as a request. What must hold is said at
//! `p9_front::test_utils::trial::fuzz_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| p9_front::test_utils::trial::fuzz_decode(data));
