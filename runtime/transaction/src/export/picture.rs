//! Icons of an app: looked at before the host's programs see them.

use std::io::Read;

use roxmltree::{Document, ParsingOptions};

/// Largest icon in bytes, also unpacked.
pub(crate) const LIMIT: u64 = 4 << 20;
/// Largest width and height of a picture made of pixels.
const LARGEST: u32 = 1024;

/// Checks that a file is a picture of the kind that its name says; the error says why it is not exported.
pub(crate) fn check(name: &str, bytes: &[u8]) -> Result<(), String> {
    match name.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("png") => check_png(bytes),
        Some("svg") => check_svg(bytes),
        Some("svgz") => {
            let mut unpacked = Vec::new();
            let read = flate2::read::GzDecoder::new(bytes).take(LIMIT + 1).read_to_end(&mut unpacked);
            read.map_err(|_| "it cannot be unpacked")?;
            check_svg(&unpacked)
        }
        _ => Err("pictures of this kind are not known".into()),
    }
}

/// Source: the PNG specification, "PNG signature", "IHDR".
fn check_png(bytes: &[u8]) -> Result<(), String> {
    let header = bytes.get(..24).filter(|header| header.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"));
    let header = header.ok_or("it is not a PNG picture")?;
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (width, height) = (number(16), number(20));
    if width == 0 || height == 0 || width > LARGEST || height > LARGEST {
        return Err(format!("it has {width} x {height} pixels, and {LARGEST} x {LARGEST} are the most"));
    }
    if width != height {
        return Err("it is not square".into());
    }
    Ok(())
}

fn check_svg(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() as u64 > LIMIT {
        return Err("it is too large".into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    // Old drawing programs name a document type; the parser bounds what its entities can grow to.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: 500_000, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
        .map_err(|error| format!("it is not an SVG picture: {error}"))?;
    if document.root_element().tag_name().name() != "svg" {
        return Err("it is not an SVG picture".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        [
            &b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..],
            &width.to_be_bytes(),
            &height.to_be_bytes(),
            &[8, 6, 0, 0, 0],
        ]
        .concat()
    }

    #[test]
    fn pictures() {
        assert!(check("a.png", &png(64, 64)).is_ok());
        assert!(check("a.svg", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>").is_ok());
        let old =
            b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x' [<!ENTITY ns 'urn:x'>]><svg a='&ns;'/>";
        assert!(check("a.svg", old).is_ok());
        let laughs = b"<!DOCTYPE svg [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;'>]><svg>&e;&e;&e;&e;</svg>";
        for (name, bytes) in [
            ("a.png", &b"<svg/>"[..]),
            ("a.png", &png(2048, 2048)),
            ("a.png", &png(0, 0)),
            ("a.png", &png(64, 32)),
            ("a.png", &png(64, 64)[..20]),
            ("a.svg", b"<html/>"),
            ("a.svg", b"\x89PNG"),
            ("a.svg", laughs),
            ("a.svgz", b"<svg/>"),
            ("a.exe", b"MZ"),
        ] {
            assert!(check(name, bytes).is_err(), "{name}");
        }
    }
}
