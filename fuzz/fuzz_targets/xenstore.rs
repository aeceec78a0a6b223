//! Several users of one xenstore connection, and a server that is honest or lies, by the bytes that the
//! fuzzer makes up. What must hold is said at `xenstore::test_utils::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| xenstore::test_utils::fuzz(data));
