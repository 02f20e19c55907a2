//! A keyfile never panics, and what was parsed and printed is parsed to the same again.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::keyfile(bytes));
