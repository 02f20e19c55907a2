//! The file `deploy` of a deploy: the GVariant `(ssasta{sv})`, as flatpak writes it.
//!
//! Source: "GVariant Specification", chapter 2, "Serialisation".

/// Serialises a record; `texts` are the entries of the dictionary.
pub(crate) fn record(origin: &str, commit: &str, size: u64, texts: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(string(origin));
    let first = bytes.len();
    bytes.extend(string(commit));
    let second = bytes.len();
    // No subpaths: an empty array has no bytes.
    let third = bytes.len();
    align(&mut bytes, 8);
    bytes.extend(size.to_be_bytes());
    bytes.extend(dictionary(texts));
    with_offsets(bytes, &[third, second, first])
}

fn dictionary(texts: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for (key, value) in texts {
        align(&mut bytes, 8);
        let mut entry = string(key);
        let end = entry.len();
        align(&mut entry, 8);
        entry.extend(string(value));
        entry.extend([0, b's']);
        bytes.extend(with_offsets(entry, &[end]));
        ends.push(bytes.len());
    }
    if ends.is_empty() { bytes } else { with_offsets(bytes, &ends) }
}

fn string(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn align(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

/// Appends offsets, each as wide as the whole length needs.
fn with_offsets(mut bytes: Vec<u8>, offsets: &[usize]) -> Vec<u8> {
    let width = [1, 2, 4].into_iter().find(|width| bytes.len() + offsets.len() * width < 1 << (8 * width));
    for offset in offsets {
        bytes.extend(&offset.to_le_bytes()[..width.unwrap()]);
    }
    bytes
}

#[test]
fn installation_reads_it() {
    let commit = "a".repeat(64);
    for length in [0, 10, 300, 70_000] {
        let long = "x".repeat(length);
        let bytes = record("fedora", &commit, 1234, &[("appdata-name", "Hello"), ("appdata-summary", &long)]);
        let read = aril_installation::DeployRecord::parse(&bytes).unwrap();
        assert_eq!((read.origin.as_str(), read.commit.as_str()), ("fedora", commit.as_str()));
        assert_eq!(read.installed_size, 1234);
        assert_eq!(read.texts["appdata-name"], "Hello");
        assert_eq!(read.texts["appdata-summary"].len(), length);
    }
}
