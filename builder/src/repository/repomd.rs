//! `repomd.xml`: which files a repository's metadata consists of; and metalinks and mirror lists, which say where copies are.
//!
//! Parsers of text; nothing is fetched here. Entities that a document defines are not expanded.
//! Source: createrepo_c's output; RFC 5854 and Fedora's MirrorManager for metalinks.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// A digest as metadata writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// `sha256`, `sha512`...
    pub function: String,
    /// Lower-case hex digits.
    pub value: String,
}

/// One file of a repository's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFile {
    /// `primary`, `filelists`...
    pub kind: String,
    /// Where it lies, relative to the repository.
    pub location: String,
    /// Of the file as it lies there.
    pub checksum: Checksum,
    /// Its size in bytes, if it is said.
    pub size: Option<u64>,
    /// Its size when it is unpacked, if it is said.
    pub open_size: Option<u64>,
}

/// A repository's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repomd {
    /// What changes when it does.
    pub revision: String,
    /// Its files, each kind once.
    pub files: Vec<MetadataFile>,
}

/// Where copies of a repository are, and what its `repomd.xml` must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metalink {
    /// Directories, the preferred ones first.
    pub mirrors: Vec<String>,
    /// What `repomd.xml` may be: any one of them, since mirrors lag behind.
    pub checksums: Vec<Checksum>,
}

/// Largest number of mirrors, files and checksums that are kept.
const MAX_ITEMS: usize = 1_000;

impl Repomd {
    /// Reads a `repomd.xml`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut repomd = Self { revision: String::new(), files: Vec::new() };
        let mut current: Option<PartialFile> = None;
        let mut path: Vec<String> = Vec::new();
        read_elements(text, &mut |step| {
            match step {
                Element::Begin(name, start) => {
                    match (name.as_str(), &mut current) {
                        ("data", _) => {
                            current =
                                Some(PartialFile { kind: attribute(start, "type"), ..PartialFile::default() })
                        }
                        ("location", Some(file)) => file.location = attribute(start, "href"),
                        ("checksum", Some(file)) => file.function = attribute(start, "type"),
                        _ => {}
                    }
                    path.push(name);
                }
                Element::Text(text) => match (path.last().map(String::as_str), &mut current) {
                    (Some("revision"), None) => repomd.revision = text,
                    (Some("checksum"), Some(file)) => file.value = text.to_ascii_lowercase(),
                    (Some("size"), Some(file)) => file.size = text.parse().ok(),
                    (Some("open-size"), Some(file)) => file.open_size = text.parse().ok(),
                    _ => {}
                },
                Element::End => {
                    if path.pop().as_deref() == Some("data")
                        && let Some(file) = current.take()
                        && repomd.files.len() < MAX_ITEMS
                    {
                        repomd.files.extend(file.finish()?);
                    }
                }
            }
            Ok(())
        })?;
        if repomd.file("primary").is_none() {
            return Err("it names no primary metadata".into());
        }
        Ok(repomd)
    }

    /// The file of a kind.
    pub fn file(&self, kind: &str) -> Option<&MetadataFile> {
        self.files.iter().find(|file| file.kind == kind)
    }
}

#[derive(Default)]
struct PartialFile {
    kind: Option<String>,
    location: Option<String>,
    function: Option<String>,
    value: String,
    size: Option<u64>,
    open_size: Option<u64>,
}

impl PartialFile {
    fn finish(self) -> Result<Option<MetadataFile>, String> {
        let (Some(kind), Some(location), Some(function)) = (self.kind, self.location, self.function) else {
            return Ok(None);
        };
        let file = MetadataFile {
            checksum: Checksum { function, value: self.value },
            kind,
            location,
            size: self.size,
            open_size: self.open_size,
        };
        if !is_relative(&file.location) {
            return Err(format!("the place of its {} leads elsewhere", aril_model::printable(&file.kind)));
        }
        Ok(Some(file))
    }
}

/// Whether a location stays beneath the repository.
pub(super) fn is_relative(location: &str) -> bool {
    let parts_are_plain = location.split('/').all(|part| !matches!(part, "" | "." | ".."));
    parts_are_plain && !location.contains([':', '\\', '?', '#']) && !location.chars().any(char::is_control)
}

impl Metalink {
    /// Reads a metalink.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut link = Self::default();
        let mut urls: Vec<(u32, String)> = Vec::new();
        let mut path: Vec<String> = Vec::new();
        let (mut preference, mut function) = (0, String::new());
        read_elements(text, &mut |step| {
            match step {
                Element::Begin(name, start) => {
                    match name.as_str() {
                        "url" => {
                            preference =
                                attribute(start, "preference").and_then(|text| text.parse().ok()).unwrap_or(0)
                        }
                        "hash" => function = attribute(start, "type").unwrap_or_default(),
                        _ => {}
                    }
                    path.push(name);
                }
                Element::Text(text) if urls.len() < MAX_ITEMS && link.checksums.len() < MAX_ITEMS => {
                    match path.last().map(String::as_str) {
                        Some("url") => urls.extend(mirror(&text).map(|url| (preference, url))),
                        Some("hash") => link
                            .checksums
                            .push(Checksum { function: function.clone(), value: text.to_ascii_lowercase() }),
                        _ => {}
                    }
                }
                Element::Text(_) => {}
                Element::End => drop(path.pop()),
            }
            Ok(())
        })?;
        urls.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
        link.mirrors = urls.into_iter().map(|(_, url)| url).collect();
        link.checksums
            .retain(|checksum| matches!(checksum.function.as_str(), "sha256" | "sha384" | "sha512"));
        if link.mirrors.is_empty() {
            return Err("it names no mirror that can be used".into());
        }
        Ok(link)
    }

    /// Reads a mirror list: a directory a line.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn parse_mirror_list(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let mirrors: Vec<String> =
            lines.filter(|line| is_url(line)).take(MAX_ITEMS).map(str::to_owned).collect();
        if mirrors.is_empty() {
            return Err("it names no mirror that can be used".into());
        }
        Ok(Self { mirrors, checksums: Vec::new() })
    }
}

/// The directory of a mirror, given the place of its `repomd.xml`.
fn mirror(url: &str) -> Option<String> {
    let base = url.trim().strip_suffix("repodata/repomd.xml")?;
    is_url(base).then(|| base.to_owned())
}

fn is_url(text: &str) -> bool {
    let known = ["http://", "https://", "file:///"].iter().any(|scheme| text.starts_with(scheme));
    known && !text.chars().any(|c| c.is_control() || c == ' ')
}

enum Element<'a, 'b> {
    Begin(String, &'a BytesStart<'b>),
    Text(String),
    End,
}

/// Walks through a document, with the names of elements as they are without prefix.
fn read_elements(
    text: &[u8],
    visit: &mut dyn FnMut(Element<'_, '_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = Reader::from_reader(text);
    let mut depth = 0;
    let mut pending = String::new();
    loop {
        let event = reader.read_event().map_err(|error| format!("it is not XML: {error}"))?;
        if matches!(event, Event::Start(_) | Event::Empty(_) | Event::End(_)) && !pending.trim().is_empty() {
            visit(Element::Text(std::mem::take(&mut pending).trim().to_owned()))?;
        }
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth > 64 {
                    return Err("its elements lie too deep in each other".into());
                }
                visit(Element::Begin(local_name(&start), &start))?;
            }
            Event::Empty(start) => {
                visit(Element::Begin(local_name(&start), &start))?;
                visit(Element::End)?;
            }
            Event::End(_) => {
                depth -= 1;
                visit(Element::End)?;
            }
            Event::Text(part) => pending.push_str(&part),
            Event::GeneralRef(name) => {
                let resolved = resolve(&name).ok_or("it uses an entity that it defines itself")?;
                pending.push_str(&resolved);
            }
            Event::Eof if depth == 0 => return Ok(()),
            Event::Eof => return Err("it is cut off".into()),
            _ => {}
        }
        if pending.len() > 1 << 20 {
            return Err("a text in it is too long".into());
        }
    }
}

/// One of XML's own five entities, or a character by its number.
fn resolve(name: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return Some(character.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(name).map(str::to_owned)
}

fn local_name(start: &BytesStart<'_>) -> String {
    start.local_name().as_ref().to_owned()
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    quick_xml::escape::unescape(&found.value).ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOMD: &str = r#"<?xml version="1.0"?><repomd xmlns="x" xmlns:rpm="y"><revision>7</revision>
      <data type="primary"><checksum type="sha256">AB</checksum><open-checksum type="sha256">cd</open-checksum>
        <location href="repodata/primary.xml.zst"/><timestamp>1</timestamp><size>12</size><open-size>34</open-size></data>
      <data type="other"><size>1</size></data></repomd>"#;

    #[test]
    fn repomd() {
        let repomd = Repomd::parse(REPOMD.as_bytes()).unwrap();
        assert_eq!((repomd.revision.as_str(), repomd.files.len()), ("7", 1));
        let primary = repomd.file("primary").unwrap();
        assert_eq!(
            (primary.location.as_str(), primary.checksum.value.as_str()),
            ("repodata/primary.xml.zst", "ab")
        );
        assert_eq!((primary.size, primary.open_size), (Some(12), Some(34)));
    }

    #[test]
    fn hostile_repomd() {
        for location in ["../x", "/etc/passwd", "a/../../b", "http://x/y", "file:///x", "a//b", "a\nb", ""] {
            let text = REPOMD.replace("repodata/primary.xml.zst", location);
            assert!(Repomd::parse(text.as_bytes()).is_err(), "{location:?}");
        }
        let entity = "<!DOCTYPE r [<!ENTITY a \"aaaa\">]><repomd><revision>&a;</revision></repomd>";
        assert_eq!(Repomd::parse(entity.as_bytes()).unwrap_err(), "it uses an entity that it defines itself");
        assert!(Repomd::parse("<a>".repeat(100).as_bytes()).is_err());
        assert!(Repomd::parse(&REPOMD.as_bytes()[..200]).is_err());
        assert!(Repomd::parse(b"").is_err());
    }

    #[test]
    fn metalink() {
        let text = r#"<metalink xmlns:mm0="m"><files><file name="repomd.xml"><mm0:alternates><mm0:alternate>
          <verification><hash type="sha512">EE</hash></verification></mm0:alternate></mm0:alternates>
          <verification><hash type="md5">00</hash><hash type="sha256">FF</hash></verification>
          <resources maxconnections="1"><url protocol="rsync" preference="100">rsync://a/repodata/repomd.xml</url>
          <url protocol="https" preference="90">https://b/x/repodata/repomd.xml</url>
          <url protocol="http" preference="95">http://c/?a=1&amp;b=2/repodata/repomd.xml</url></resources></file></files></metalink>"#;
        let link = Metalink::parse(text.as_bytes()).unwrap();
        assert_eq!(link.mirrors, ["http://c/?a=1&b=2/", "https://b/x/"]);
        let values: Vec<_> = link.checksums.iter().map(|checksum| checksum.value.as_str()).collect();
        assert_eq!(values, ["ee", "ff"]);
        assert!(Metalink::parse(b"<metalink/>").is_err());
    }

    #[test]
    fn mirror_list() {
        let list = Metalink::parse_mirror_list("# comment\nhttps://a/\nftp://b/\n http://c/ \n").unwrap();
        assert_eq!(list.mirrors, ["https://a/", "http://c/"]);
        assert!(Metalink::parse_mirror_list("\n").is_err());
    }
}
