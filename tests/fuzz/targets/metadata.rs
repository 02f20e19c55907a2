//! Metadata never panics; its permissions survive being written and read; accepting a request is never a widening.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::metadata(bytes));
