//! Real packages: what is read is what rpm reads, and who vouches is judged as `rpmkeys -K` judges it, or more strictly for a reason.
//!
//! `ARIL_RPM_CORPUS` names a directory with `INDEX.tsv`, `rpm/` and `keys/`; without it the tests skip.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "test code, paths of our own"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use aril_builder::rpm::{FileKind, Keyring, Package, PackageFile, RpmError, SignaturePolicy, WholeFile};

struct Listed {
    path: PathBuf,
    readable: bool,
    judged: String,
}

fn corpus() -> Option<(PathBuf, Vec<Listed>)> {
    let Some(dir) = std::env::var_os("ARIL_RPM_CORPUS").map(PathBuf::from) else {
        println!("skipped: ARIL_RPM_CORPUS is not set");
        return None;
    };
    let index = std::fs::read_to_string(dir.join("INDEX.tsv")).unwrap();
    let listed = index.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        Listed { path: dir.join(fields[0]), readable: fields[8] == "yes", judged: fields[11].to_owned() }
    });
    Some((dir.clone(), listed.collect()))
}

fn keys(dir: &Path) -> Keyring {
    let mut keys = Keyring::default();
    for vendor in std::fs::read_dir(dir.join("keys")).unwrap() {
        for file in std::fs::read_dir(vendor.unwrap().path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            // Some are links that were stored as text, one is an IMA key.
            if bytes.windows(14).any(|part| part == b"-----BEGIN PGP") {
                keys.extend(Keyring::parse(&bytes).unwrap());
            }
        }
    }
    keys
}

fn unpack(package: &Package) -> Result<usize, RpmError> {
    let mut payload = package.payload()?;
    let mut files = 0;
    while let Some(mut item) = payload.next_item()? {
        let mut bytes = [0; 64 << 10];
        while item.read(&mut bytes).map_err(|error| RpmError::Payload(error.to_string()))? > 0 {}
        files += item.files.len();
    }
    Ok(files)
}

#[test]
fn signatures_are_judged_as_rpmkeys_does() {
    let Some((dir, listed)) = corpus() else { return };
    let keys = keys(&dir);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for Listed { path, readable, judged } in listed {
        let verdict = match Package::open(File::open(&path).unwrap()) {
            Err(_) if !readable => "refused, as by rpm".to_owned(),
            Err(error) => format!("refused: {error}"),
            Ok(_) if !readable => panic!("{}: rpm cannot read it", path.display()),
            Ok(package) => {
                let policy = SignaturePolicy::Required { keys: &keys, now };
                let believed = package.verify(policy, WholeFile::Unknown);
                match (believed, unpack(&package)) {
                    (Ok(_), Ok(_)) => "signed".to_owned(),
                    (Ok(_), Err(error)) => format!("damaged: {error}"),
                    (Err(error), unpacked) => {
                        // A delta is no archive, but its digests hold.
                        let sound = unpacked.is_ok() || path.extension().is_some_and(|end| end == "drpm");
                        assert_eq!(sound, judged.starts_with("digests"), "{}: {unpacked:?}", path.display());
                        format!("not believed: {error}")
                    }
                }
            }
        };
        let reason = stricter(&verdict);
        match judged.as_str() {
            "digests signatures OK" => {
                assert!(verdict == "signed" || reason, "{}: {verdict}", path.display())
            }
            _ => assert_ne!(verdict, "signed", "{}: {judged}", path.display()),
        }
        let kind = verdict.split(&[':', '\''][..]).take(2).collect::<Vec<_>>().join(":");
        *counts.entry(format!("{judged} -> {kind}")).or_default() += 1;
    }
    for (kind, count) in &counts {
        println!("{count:5} {kind}");
    }
    assert!(counts["digests signatures OK -> signed"] > 150);
}

/// Where we refuse what rpm 4.18 takes, and why.
fn stricter(verdict: &str) -> bool {
    ["SHA1, which is broken", "nothing but broken functions", "a source package", "one of its dependencies"]
        .iter()
        .any(|reason| verdict.contains(reason))
}

#[test]
fn files_are_what_rpm_dumps() {
    let Some((_, listed)) = corpus() else { return };
    let mut compared = 0;
    for Listed { path, .. } in
        listed.iter().filter(|listed| listed.readable && listed.judged.starts_with("digests"))
    {
        let Ok(package) = Package::open(File::open(path).unwrap()) else { continue };
        let dumped = Command::new("rpm").args(["-qp", "--nosignature", "--dump"]).arg(path).output();
        let Ok(dumped) = dumped else {
            println!("skipped: rpm is not installed");
            return;
        };
        let theirs = without_empty_digests(&dumped.stdout);
        let theirs = theirs.strip_suffix("(contains no files)\n").unwrap_or(&theirs);
        let ours: Vec<String> = package.facts().files.iter().map(dump).collect();
        // A newline in a name makes two lines of one, and the number of a device says nothing of a file.
        let mut rest = theirs;
        for line in &ours {
            let (start, link) = line.split_once("RDEV").unwrap();
            rest = rest.strip_prefix(start).unwrap_or_else(|| panic!("{}: {line}\n{rest}", path.display()));
            rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            rest = rest.strip_prefix(link).unwrap_or_else(|| panic!("{}: {line}\n{rest}", path.display()));
        }
        assert_eq!(rest, "", "{}", path.display());
        compared += package.facts().files.len();
    }
    println!("{compared} files compared");
    assert!(compared > 10_000);
}

/// A line as `rpm --dump` writes it.
fn dump(file: &PackageFile) -> String {
    let (kind, link) = match &file.kind {
        FileKind::Regular => (0o100_000, None),
        FileKind::Directory => (0o040_000, None),
        FileKind::Link(target) => (0o120_000, Some(target)),
        FileKind::Special => (0o020_000, None),
    };
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!(
        "{} {} {} {} 0{:o} {} {} {} {} RDEV {}\n",
        file.path.to_string_lossy(),
        file.size,
        file.modified,
        file.digest.as_ref().map_or_else(|| "0".to_owned(), |digest| hex(&digest.value)),
        kind | u32::from(file.mode),
        file.user,
        file.group,
        u8::from(file.flags.is_config()),
        u8::from(file.flags.is_doc()),
        link.map_or("X".into(), |target| target.to_string_lossy()),
    )
}

/// A row of zeros stands for no digest, as long as that of the package's other files.
fn without_empty_digests(dumped: &[u8]) -> String {
    let text = String::from_utf8_lossy(dumped).into_owned();
    [128, 64, 32].iter().fold(text, |text, &length| text.replace(&format!(" {} ", "0".repeat(length)), " 0 "))
}
