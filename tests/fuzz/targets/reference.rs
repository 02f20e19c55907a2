//! Names and refs never panic, and print as they were written.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::reference(bytes));
