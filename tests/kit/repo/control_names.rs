//! Puts control characters into the file names of a built package, which rpmbuild would refuse, and makes its digests right again.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::run::output_with_input;

/// What stands in a name and what takes its place, as long.
const NAMES: [(&[u8], &[u8]); 4] = [
    (b"new!line", b"new\nline"),
    (b"tab!tab", b"tab\ttab"),
    (b"bell!", b"bell\x07"),
    (b"escape!", b"escape\x1b"),
];

/// The lead's length; nobody reads it.
const LEAD: usize = 96;

/// Changes an unsigned package with an uncompressed payload.
pub(crate) fn put_into(package: &[u8]) -> Result<Vec<u8>> {
    let signature = LEAD..header_end(package, LEAD)?;
    // The signature header is padded to eight bytes.
    let start = signature.end.next_multiple_of(8);
    let header = start..header_end(package, start)?;
    let (old_header, old_payload) = (&package[header.clone()], &package[header.end..]);
    let mut new_header = old_header.to_vec();
    let mut new_payload = old_payload.to_vec();
    for (from, to) in
        NAMES.into_iter().filter(|(from, _)| old_header.windows(from.len()).any(|text| text == *from))
    {
        put(&mut new_header, from, to)?;
        put(&mut new_payload, from, to)?;
    }
    put(&mut new_header, sha256(old_payload).as_bytes(), sha256(&new_payload).as_bytes())?;
    let mut new = package[..start].to_vec();
    let old_both = [old_header, old_payload].concat();
    let new_both = [new_header.as_slice(), &new_payload].concat();
    put(&mut new, sha256(old_header).as_bytes(), sha256(&new_header).as_bytes())?;
    put(&mut new, hex("sha1sum", old_header)?.as_bytes(), hex("sha1sum", &new_header)?.as_bytes())?;
    put(&mut new, &raw(&hex("md5sum", &old_both)?)?, &raw(&hex("md5sum", &new_both)?)?)?;
    new.extend(new_both);
    Ok(new)
}

/// Where the header structure that begins at `start` ends: 16 bytes, an index of 16 bytes each, and the values.
fn header_end(package: &[u8], start: usize) -> Result<usize> {
    ensure!(package.get(start..start + 3) == Some(&[0x8e, 0xad, 0xe8]), "no header at {start}");
    let number = |at: usize| -> Result<usize> {
        let bytes = package.get(at..at + 4).context("cut short")?;
        Ok(u32::from_be_bytes(bytes.try_into()?) as usize)
    };
    Ok(start + 16 + number(start + 8)? * 16 + number(start + 12)?)
}

/// Replaces each `from`, of which there must be one.
fn put(text: &mut [u8], from: &[u8], to: &[u8]) -> Result<()> {
    let places: Vec<usize> =
        (0..=text.len() - from.len()).filter(|at| text[*at..].starts_with(from)).collect();
    ensure!(!places.is_empty(), "no '{}' in the package", String::from_utf8_lossy(from));
    for at in places {
        text[at..at + to.len()].copy_from_slice(to);
    }
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(program: &str, bytes: &[u8]) -> Result<String> {
    let text = output_with_input(&mut Command::new(program), bytes)?;
    Ok(text.split(' ').next().context("no digest")?.to_owned())
}

fn raw(hex: &str) -> Result<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&hex[at..at + 2], 16)?)).collect()
}
