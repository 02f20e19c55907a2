//! The bus filter between an app and a bus that both say anything.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::bus_both_sides(bytes));
