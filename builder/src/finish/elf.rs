//! What a program or library says that it needs: libraries, and functions of them. Of bytes that somebody else chose; nothing is loaded.

use std::collections::BTreeSet;

use object::read::elf::{Dyn, FileHeader, SectionHeader, Sym};
use object::{Endianness, elf};

/// The needs of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Libraries by their sonames.
    pub libraries: BTreeSet<String>,
    /// Functions that it takes from libraries.
    pub functions: BTreeSet<String>,
}

/// Reads a file's needs; `None` when it is no ELF file of 64 bits, or damaged.
pub(super) fn read(bytes: &[u8]) -> Option<Needs> {
    if !bytes.starts_with(b"\x7fELF") {
        return None;
    }
    // The reader promises not to panic; that the promise is broken must not end a build.
    std::panic::catch_unwind(|| read_64(bytes)).ok().flatten()
}

fn read_64(bytes: &[u8]) -> Option<Needs> {
    let header = elf::FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let mut needs = Needs::default();
    for section in sections.iter() {
        if let Ok(Some((entries, strings))) = section.dynamic(endian, bytes) {
            let strings = sections.strings(endian, bytes, strings).ok()?;
            for entry in entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED).take(4096) {
                if let Ok(name) = entry.string(endian, strings) {
                    needs.libraries.extend(std::str::from_utf8(name).ok().map(str::to_owned));
                }
            }
        }
    }
    let symbols = sections.symbols(endian, bytes, elf::SHT_DYNSYM).ok()?;
    for symbol in symbols.iter().filter(|symbol| symbol.is_undefined(endian)).take(1 << 20) {
        if let Ok(name) = symbol.name(endian, symbols.strings()) {
            needs.functions.extend(std::str::from_utf8(name).ok().map(str::to_owned));
        }
    }
    Some(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program() {
        #[allow(clippy::disallowed_methods, reason = "the test's own executable")]
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = read(&bytes).unwrap();
        assert!(needs.libraries.contains("libc.so.6"), "{:?}", needs.libraries);
        assert!(needs.functions.contains("malloc"));
    }

    #[test]
    fn damaged() {
        #[allow(clippy::disallowed_methods, reason = "the test's own executable")]
        let bytes = std::fs::read("/bin/true").unwrap();
        assert_eq!(read(b"#!/bin/sh"), None);
        assert_eq!(read(b"\x7fELF"), None);
        for cut in (0..bytes.len()).step_by(997) {
            let _ = read(&bytes[..cut]);
        }
        for at in 0..1024.min(bytes.len()) {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            let _ = read(&changed);
        }
    }
}
