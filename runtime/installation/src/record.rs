//! The file `deploy`, which says where a deploy came from.

use std::collections::BTreeMap;

use crate::variant::Bytes;
use crate::write_variant::{Container, entry, string, strings, value};

/// The version of the record: that of flatpak 1.14.
const VERSION: i32 = 4;

/// What is recorded when a deploy is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeployRecord {
    /// The remote it was pulled from.
    pub origin: String,
    /// The commit.
    pub commit: String,
    /// The subpaths that were checked out; empty for all.
    pub subpaths: Vec<String>,
    /// Bytes on disk, as the commit says.
    pub installed_size: u64,
    /// Texts of the dictionary: `eol`, `eolr`, `runtime`, `appdata-name`, `appdata-name@de`, `appdata-summary`, `appdata-version`,
    /// `appdata-license`, `alt-id`, `extension-of`.
    pub texts: BTreeMap<String, String>,
    /// The commit's time in seconds since 1970, if recorded.
    pub timestamp: Option<u64>,
    /// What the app's own description says of its content for children: the scheme and its values. Written, and not read.
    pub content_rating: Option<(String, BTreeMap<String, String>)>,
}

impl DeployRecord {
    /// Reads the serialised form `(ssasta{sv})`, in the order of bytes of this machine, the size big-endian; `None` when it is something else.
    ///
    /// Source: `flatpak_dir_deploy` writes it; `docs/format/deploy.md`.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [origin, commit, subpaths, size, meta] = Bytes(bytes).deploy_tuple()?;
        let mut record = Self {
            origin: origin.string()?.to_owned(),
            commit: commit.string()?.to_owned(),
            subpaths: subpaths
                .elements(1)?
                .into_iter()
                .map(|path| path.string().map(str::to_owned))
                .collect::<Option<_>>()?,
            installed_size: u64::from_be(size.number()?),
            ..Self::default()
        };
        for entry in meta.elements(8)? {
            let (key, kind, value) = entry.dict_entry()?;
            match kind {
                "s" => drop(record.texts.insert(key.to_owned(), value.string()?.to_owned())),
                "t" if key == "timestamp" => record.timestamp = value.number(),
                _ => {}
            }
        }
        Some(record)
    }

    /// Writes the serialised form.
    pub fn serialise(&self) -> Vec<u8> {
        let mut values: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        values.insert("deploy-version", value(&VERSION.to_ne_bytes(), "i"));
        for (key, text) in &self.texts {
            values.insert(key, value(&string(text), "s"));
        }
        if let Some(time) = self.timestamp {
            values.insert("timestamp", value(&time.to_ne_bytes(), "t"));
        }
        if let Some((scheme, ratings)) = &self.content_rating {
            values.insert("appdata-content-rating", value(&serialise_rating(scheme, ratings), "(sa{ss})"));
        }
        let mut meta = Container::default();
        for (key, value) in values {
            meta.add(&entry(key, &value), 8);
        }
        let mut record = Container::default();
        record.add(&string(&self.origin), 1);
        record.add(&string(&self.commit), 1);
        record.add(&strings(self.subpaths.iter().map(String::as_str)), 1);
        record.add_last(&self.installed_size.to_be_bytes(), 8);
        record.add_last(&meta.array(), 8);
        record.tuple()
    }
}

fn serialise_rating(scheme: &str, ratings: &BTreeMap<String, String>) -> Vec<u8> {
    let mut entries = Container::default();
    for (key, rating) in ratings {
        let mut entry = Container::default();
        entry.add(&string(key), 1);
        entry.add_last(&string(rating), 1);
        entries.add(&entry.tuple(), 1);
    }
    let mut tuple = Container::default();
    tuple.add(&string(scheme), 1);
    tuple.add_last(&entries.array(), 1);
    tuple.tuple()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by flatpak 1.14.10 for an app with AppStream data.
    const WRITTEN_BY_FLATPAK: &str = "
        74006134343332343964393138336463663434363261393661623639663734323534636162306336386361623330396636326433333461
        32643635313533663861630000000000000000000000000400617070646174612d73756d6d61727900536179732068656c6c6f00007310
        0000617070646174612d6e616d650000000048656c6c6f0000730d00000000000000617070646174612d76657273696f6e00312e320000
        731000617070646174612d6e616d654064650048616c6c6f000073100000000000000072756e74696d65006f72672e746573742e506c61
        74666f726d2f7838365f36342f663100007308006465706c6f792d76657273696f6e00000400000000690f00617070646174612d6c6963
        656e7365004d4954000073100074696d657374616d7000000000000000b623046b0000000000740a1e3957719fb7cfeb430043000200
    ";

    fn fixture() -> Vec<u8> {
        let digits: Vec<u8> = WRITTEN_BY_FLATPAK.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn reads_what_flatpak_writes() {
        let record = DeployRecord::parse(&fixture()).unwrap();
        assert_eq!(record.origin, "t");
        assert_eq!(record.commit, "a443249d9183dcf4462a96ab69f74254cab0c68cab309f62d334a2d65153f8ac");
        assert_eq!(record.installed_size, 1024);
        assert_eq!(record.texts["runtime"], "org.test.Platform/x86_64/f1");
        assert_eq!(record.texts["appdata-name"], "Hello");
        assert_eq!(record.texts["appdata-name@de"], "Hallo");
        assert_eq!(record.texts["appdata-version"], "1.2");
        assert!(record.timestamp.is_some() && record.subpaths.is_empty());
    }

    #[test]
    fn round_trip_through_each_width_of_offsets() {
        for length in [0, 10, 200, 255, 256, 300, 65_000, 70_000] {
            let text = |key: &str, value: String| (key.to_owned(), value);
            let record = DeployRecord {
                origin: "fedora".into(),
                commit: "0".repeat(64),
                subpaths: vec!["/de".into(), "/fr".into()],
                installed_size: 123_456,
                texts: [
                    text("runtime", "org.test.Platform/x86_64/f1".into()),
                    text("eol", "x".repeat(length)),
                ]
                .into(),
                timestamp: Some(1_700_000_000),
                content_rating: None,
            };
            assert_eq!(DeployRecord::parse(&record.serialise()), Some(record), "{length}");
        }
        let empty = DeployRecord::default();
        assert_eq!(DeployRecord::parse(&empty.serialise()), Some(empty));
    }

    #[test]
    fn writes_what_flatpak_reads() {
        // All of Flatpak's record but the order of the dictionary, which is that of a hash table there.
        let theirs = fixture();
        let ours = DeployRecord::parse(&theirs).unwrap().serialise();
        assert_eq!(ours.len(), theirs.len());
        assert_eq!(ours[..0x50], theirs[..0x50]);
    }

    #[test]
    fn damaged_records_are_refused_and_never_panic() {
        let whole = fixture();
        for length in 0..whole.len() {
            let _ = DeployRecord::parse(&whole[..length]);
            let _ = DeployRecord::parse(&whole[length..]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = DeployRecord::parse(&damaged);
            }
        }
        assert_eq!(DeployRecord::parse(b""), None);
        assert_eq!(DeployRecord::parse(&[0xff; 64]), None);
    }
}
