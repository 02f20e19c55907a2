//! The record of a deploy never panics.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::deploy_record(bytes));
