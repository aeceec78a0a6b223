//! A hostile frontend and peers of all sorts against the backend's data side, by the bytes that
//! the fuzzer makes up. What must hold is said at `pvcalls_back::testbed::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pvcalls_back::testbed::fuzz(data));
