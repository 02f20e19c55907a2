//! Lists of a repository never panic; what they name stays within their limits.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::repository(bytes));
