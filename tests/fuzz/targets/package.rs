//! A package never panics, unpacks to no more than its header says, and nobody vouches for it if nobody is asked for.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::package(bytes));
