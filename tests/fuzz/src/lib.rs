//! What must hold of each parser for any bytes: the fuzz targets call these functions, and `tests/fuzz_corpus.rs` runs each over its corpus.

mod bus; // the filter, spoken to from both sides
mod package; // what a builder reads

use aril_installation::DeployRecord;
use aril_model::{BusName, Context, Grant, Keyfile, Metadata, PartialRef, Place, Ref, printable};
use aril_proxy::{BusAddress, MessageRule};

pub use bus::bus_both_sides;
pub use package::{manifest, package, repository};

/// A keyfile never panics, and what was parsed and printed is parsed to the same again.
pub fn keyfile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(file) = Keyfile::parse(text) else { return };
    let printed = file.to_string();
    let again = Keyfile::parse(&printed).expect("what we print is a keyfile");
    assert_eq!(again, file);
    for group in file.group_names() {
        for key in file.keys(group) {
            let value = file.get(group, key).expect("the key was listed");
            let mut changed = Keyfile::new();
            changed.set(group, key, &value);
            assert_eq!(changed.get(group, key).as_deref(), Some(&*value));
            assert_eq!(Keyfile::parse(&changed.to_string()).expect("ours").get(group, key), Some(value));
            let list = file.list(group, key);
            changed.set_list(group, key, &list);
            assert_eq!(Keyfile::parse(&changed.to_string()).expect("ours").list(group, key), list);
        }
    }
}

/// Metadata never panics; its permissions survive being written and read; accepting a request is never a widening.
pub fn metadata(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(metadata) = Metadata::parse(text) {
        let _ = metadata.extension_points(&"stable".parse().expect("a branch"));
    }
    let Ok(file) = Keyfile::parse(text) else { return };
    let (context, _) = Context::from_keyfile(&file);
    let mut written = Keyfile::new();
    context.write(&mut written);
    let (mut again, errors) = Context::from_keyfile(&Keyfile::parse(&written.to_string()).expect("ours"));
    assert!(errors.is_empty(), "{errors:?}");
    again.unknown.clone_from(&context.unknown);
    assert_eq!(again, context);
    let _ = context.effects();
    let grant = Grant::accept(&context);
    assert!(grant.widening(&context).is_empty());
    assert!(Grant::default().limit(&context).shared.allowed().next().is_none());
}

/// Names and refs never panic, and print as they were written.
pub fn reference(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(reference) = text.parse::<Ref>() {
        assert_eq!(reference.to_string(), text);
        assert!(!text.contains("..") || reference.branch.as_str().contains(".."));
    }
    if let Ok(partial) = text.parse::<PartialRef>() {
        assert_eq!(partial.to_string().parse::<PartialRef>(), Ok(partial));
    }
    if let Ok(name) = text.parse::<BusName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok((place, access, _)) = Place::parse_with_access(text) {
        let again = Place::parse_with_access(&place.with_access(access)).expect("what we print is a place");
        assert_eq!((again.0, again.1), (place, access));
    }
    assert!(!printable(text).chars().any(char::is_control));
}

/// The record of a deploy never panics.
pub fn deploy_record(bytes: &[u8]) {
    let _ = DeployRecord::parse(bytes);
}

/// Addresses of buses and rules for messages never panic, and print to what they were.
pub fn bus_words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(address) = text.parse::<BusAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address));
    }
    if let Ok(rule) = text.parse::<MessageRule>() {
        assert_eq!(rule.to_string().parse(), Ok(rule));
    }
}
