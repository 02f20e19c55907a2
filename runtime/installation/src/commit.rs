//! What a commit says of itself, read from the store's object without libostree: which packages an app or runtime was made of.

use std::collections::BTreeMap;
use std::path::Path;

use aril_beneath::Dir;
use aril_model::CommitId;

use crate::variant::Bytes;
use crate::{InstallationError, Result};

/// Largest commit object that is read, in bytes; one of a runtime with a thousand packages has a hundredth of it.
const LIMIT: u64 = 16 << 20;

/// The texts and lists in the metadata of a commit; other kinds of values are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitFacts {
    texts: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<String>>,
}

/// An RPM that an app or a runtime was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRecord {
    /// Its name.
    pub name: String,
    /// `[EPOCH:]VERSION-RELEASE`.
    pub evr: String,
    /// Its architecture.
    pub arch: String,
    /// The first 16 hex digits of the SHA-256 of its header.
    pub digest: String,
}

impl CommitFacts {
    /// Reads the serialised form of a commit, `(a{sv}aya(say)sstayay)`; `None` when it is something else.
    ///
    /// Source: `ostree-repo.h`, "OSTREE_COMMIT_GVARIANT_FORMAT".
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut facts = Self::default();
        for entry in Bytes(bytes).first_of_tuple()?.elements(8)? {
            let (key, kind, value) = entry.dict_entry()?;
            match kind {
                "s" => drop(facts.texts.insert(key.to_owned(), value.string()?.to_owned())),
                "as" => drop(facts.lists.insert(key.to_owned(), value.strings()?)),
                _ => {}
            }
        }
        Some(facts)
    }

    /// Reads a commit of the installation in `dir`; `None` if its store does not have it.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(dir: &Dir, commit: &CommitId) -> Result<Option<Self>> {
        let (folder, name) = commit.as_str().split_at(2);
        let path = Path::new("repo/objects").join(folder).join(format!("{name}.commit"));
        let bytes = match dir.read(&path, LIMIT) {
            Err(error) if error.is_not_found() => return Ok(None),
            bytes => bytes?,
        };
        Self::parse(&bytes).map(Some).ok_or_else(|| InstallationError::Damaged {
            what: dir.path().join(&path).display().to_string(),
            problem: "it is not a commit".into(),
        })
    }

    /// A text, such as `aril.evr`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// A list of texts, such as `aril.request`; empty if there is none.
    pub fn list(&self, key: &str) -> &[String] {
        self.lists.get(key).map_or(&[], Vec::as_slice)
    }

    /// The packages that it was made of; empty for what was not made of RPMs. A line that is no package is passed over.
    ///
    /// Source: `docs/format/build.md`, "Commit metadata".
    pub fn packages(&self) -> Vec<PackageRecord> {
        let package = |line: &String| match line.split(' ').collect::<Vec<_>>()[..] {
            [name, evr, arch, digest] => Some(PackageRecord {
                name: name.to_owned(),
                evr: evr.to_owned(),
                arch: arch.to_owned(),
                digest: digest.to_owned(),
            }),
            _ => None,
        };
        self.list("aril.packages").iter().filter_map(package).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by ostree 2022.7: `ostree commit --add-metadata=…`.
    const WRITTEN_BY_OSTREE: &str = "
        6172696c2e6576720000000000000000312d3100007309006172696c2e7061636b616765730000006120312d31207838365f363420303132
        33343536373839616263646566006220323a332d34206e6f61726368206665646362613938373635343332313000
        1e3e0061730e000000006e00000000000000050000000075007602000000000000006f73747265652e7265662d62696e64696e670000
        0000000078000200617313176c81a741207375626a6563740000000000000000695735a528971115bd52bcee9d14e2854ec061f28052
        4e0ace51ac1c6dcbd9a1cd8e980c446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488e000b600b500ab00
        ab00ab00
    ";

    fn fixture() -> Vec<u8> {
        let digits: Vec<u8> = WRITTEN_BY_OSTREE.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn reads_what_ostree_writes() {
        let facts = CommitFacts::parse(&fixture()).unwrap();
        assert_eq!(facts.text("aril.evr"), Some("1-1"));
        assert_eq!(facts.text("n"), None);
        assert_eq!(facts.list("ostree.ref-binding"), ["x"]);
        let packages = facts.packages();
        assert_eq!(packages.len(), 2);
        assert_eq!((packages[1].name.as_str(), packages[1].evr.as_str()), ("b", "2:3-4"));
        assert_eq!((packages[1].arch.as_str(), packages[1].digest.as_str()), ("noarch", "fedcba9876543210"));
    }

    #[test]
    fn damaged_commits_never_panic() {
        let whole = fixture();
        for length in 0..whole.len() {
            let _ = CommitFacts::parse(&whole[..length]);
            let _ = CommitFacts::parse(&whole[length..]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = CommitFacts::parse(&damaged);
            }
        }
        assert_eq!(CommitFacts::parse(b""), None);
    }
}
