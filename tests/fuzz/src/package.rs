//! What a builder reads from strangers: packages, the lists of repositories, manifests.

use std::io::{Read, Write};

use aril_builder::manifest::Manifest;
use aril_builder::repository::{Metalink, Repomd};
use aril_builder::rpm::{
    Dependency, Facts, Header, HeaderKind, Keyring, Nevra, Package, Payload, SignaturePolicy, WholeFile,
};

/// Most that is read from one payload: more than that says nothing new, and takes the fuzzer's time.
const ENOUGH: u64 = 1 << 20;

/// A package never panics, unpacks to no more than its header says, and nobody vouches for it if nobody is asked for.
pub fn package(bytes: &[u8]) {
    // The header alone, too: in a package its digest keeps most changes from the parser.
    if let Ok(header) = Header::parse(bytes.to_vec(), HeaderKind::Main) {
        let _ = Facts::from_header(&header);
    }
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("a few bytes fit");
    let Ok(package) = Package::open(file) else { return };
    let _ = package.verify(SignaturePolicy::NotRequired, WholeFile::Unknown);
    let keys = Keyring::default();
    let vouched = package.verify(SignaturePolicy::Required { keys: &keys, now: 0 }, WholeFile::Compared);
    assert!(vouched.is_err(), "no key is known, so none can have signed");
    if let Ok(payload) = package.payload() {
        read_payload(payload, package.facts().installed_size());
    }
}

fn read_payload(mut payload: Payload<'_>, promised: u64) {
    let mut total = 0;
    while let Ok(Some(item)) = payload.next_item() {
        let size = item.file().size;
        let Ok(read) = std::io::copy(&mut item.take(ENOUGH), &mut std::io::sink()) else { return };
        assert!(read <= size, "more than the header says");
        total += read;
        assert!(total <= promised, "more than the header says in all");
        if read == ENOUGH {
            return;
        }
    }
}

/// Lists of a repository never panic; what they name stays within their limits.
pub fn repository(bytes: &[u8]) {
    if let Ok(repomd) = Repomd::parse(bytes) {
        for file in &repomd.files {
            assert_eq!(repomd.file(&file.kind), Some(file), "each kind once");
        }
    }
    if let Ok(metalink) = Metalink::parse(bytes) {
        assert!(metalink.mirrors.len() <= 1_000 && metalink.checksums.len() <= 1_000);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Metalink::parse_mirror_list(text);
    }
}

/// Manifests, dependencies and versions never panic; what is printed of a version is read to the same.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Manifest::parse(text);
    let _ = Dependency::parse(text);
    if let Ok(nevra) = Nevra::from_evr("name", text, "noarch") {
        let again = Nevra::from_evr("name", &nevra.evr(), "noarch").ok();
        assert_eq!(again, Some(nevra));
    }
}
