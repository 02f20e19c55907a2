//! Each fuzz target, once over its corpus: no bytes that once did harm may do so again.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::expect_used, reason = "tests")]

#[allow(unreachable_pub, reason = "the same file is the library of the fuzz targets")]
#[path = "fuzz/src/lib.rs"]
mod checks;

fn run(target: &str, check: fn(&[u8])) {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus for {target}");
}

macro_rules! corpora {
    ($($target:ident),+) => {
        $(#[test]
        fn $target() {
            run(stringify!($target), checks::$target);
        })+
    };
}

corpora!(
    keyfile,
    metadata,
    reference,
    deploy_record,
    bus_both_sides,
    bus_words,
    package,
    repository,
    manifest
);
