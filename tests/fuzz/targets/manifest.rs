//! Manifests, dependencies and versions never panic; what is printed of a version is read to the same.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aril_fuzz::manifest(bytes));
