//! A commit object as the store holds it: the GVariant `(a{sv}aya(say)sstayay)`.
//!
//! Source: "GVariant Specification", chapter 2, "Serialisation".

/// Serialises a commit whose metadata has these texts and lists.
pub(crate) fn commit(texts: &[(&str, &str)], lists: &[(&str, &[&str])]) -> Vec<u8> {
    let mut entries: Vec<Vec<u8>> = Vec::new();
    entries.extend(texts.iter().map(|(key, text)| entry(key, &string(text), "s")));
    entries.extend(lists.iter().map(|(key, list)| entry(key, &strings(list), "as")));
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for entry in entries {
        align(&mut bytes, 8);
        bytes.extend(entry);
        ends.push(bytes.len());
    }
    let mut bytes = if ends.is_empty() { bytes } else { with_offsets(bytes, &ends) };
    // No parent, no related objects, no subject, no body.
    let mut offsets = vec![bytes.len(); 3];
    for text in ["", ""] {
        bytes.extend(string(text));
        offsets.push(bytes.len());
    }
    align(&mut bytes, 8);
    bytes.extend(1_700_000_000_u64.to_be_bytes());
    // The checksums of the root directory; the last part has no offset.
    bytes.extend([1; 32]);
    offsets.push(bytes.len());
    bytes.extend([2; 32]);
    offsets.reverse();
    with_offsets(bytes, &offsets)
}

fn entry(key: &str, value: &[u8], kind: &str) -> Vec<u8> {
    let mut entry = string(key);
    let end = entry.len();
    align(&mut entry, 8);
    entry.extend(value);
    entry.push(0);
    entry.extend(kind.as_bytes());
    with_offsets(entry, &[end])
}

fn strings(texts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for text in texts {
        bytes.extend(string(text));
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
    for length in [0, 10, 300, 70_000] {
        let long = "x".repeat(length);
        let bytes =
            commit(&[("aril.evr", "1-1"), ("long", &long)], &[("aril.packages", &["a 1-1 noarch 00"])]);
        let read = aril_installation::CommitFacts::parse(&bytes).unwrap();
        assert_eq!(read.text("aril.evr"), Some("1-1"));
        assert_eq!(read.text("long").map(str::len), Some(length));
        assert_eq!(read.packages()[0].name, "a");
    }
}
