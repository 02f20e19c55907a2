//! Addresses of buses and rules for messages never panic, and print to what they were.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::bus_words(bytes));
