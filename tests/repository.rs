//! The test repository itself: is it what Fedora's would be, and does rpm agree.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aril_model::TRIGGERS;
use aril_tests::test_repo::{ChangingRepo, State, TestRepo};
use sha2::{Digest, Sha256};

const STATES: [State; 5] =
    [State::First, State::Second, State::BrokenRuntime, State::Hard, State::HardSecond];

/// A private package database with the repository's key in it.
struct Rpm {
    dir: tempfile::TempDir,
}

impl Rpm {
    fn with_key_of(repo: &TestRepo) -> Self {
        let rpm = Self { dir: tempfile::tempdir().unwrap() };
        rpm.succeed(rpm.command("rpmkeys").arg("--import").arg(repo.key()));
        rpm
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--dbpath").arg(self.dir.path()).env("LC_ALL", "C.UTF-8").env("HOME", self.dir.path());
        command
    }

    fn succeed(&self, command: &mut Command) -> String {
        let out = command.output().unwrap();
        let (text, words) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{command:?}\n{text}{words}");
        text.into_owned()
    }

    /// One line for each of `packages`, by rpm's query language.
    fn query(&self, format: &str, packages: &[PathBuf]) -> String {
        self.succeed(self.command("rpm").args(["-qp", "--nosignature", "--qf", format]).args(packages))
    }
}

fn all_packages(repo: &TestRepo) -> Vec<PathBuf> {
    // The states share their files: each name is looked at once.
    let mut by_name = BTreeMap::new();
    for file in STATES.iter().flat_map(|state| repo.packages(*state).unwrap()) {
        by_name.insert(file.file_name().unwrap().to_owned(), file);
    }
    by_name.into_values().collect()
}

#[test]
fn rpm_accepts_every_package_with_the_key_and_none_without() {
    let repo = TestRepo::shared().unwrap();
    let rpm = Rpm::with_key_of(repo);
    let packages = all_packages(repo);
    let said = rpm.succeed(rpm.command("rpmkeys").arg("-K").args(&packages));
    assert_eq!(
        said.lines().filter(|line| line.ends_with(": digests signatures OK")).count(),
        packages.len(),
        "{said}"
    );
    let without = tempfile::tempdir().unwrap();
    let out = Command::new("rpmkeys")
        .arg("--dbpath")
        .arg(without.path())
        .arg("-K")
        .arg(&packages[0])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&out.stdout).ends_with("digests SIGNATURES NOT OK\n"), "{out:?}");
}

#[test]
fn rpm_refuses_what_is_to_be_refused() {
    let repo = TestRepo::shared().unwrap();
    let rpm = Rpm::with_key_of(repo);
    for (name, words) in [
        ("unsigned", ": digests OK"),
        ("signed-by-a-stranger", ": digests SIGNATURES NOT OK"),
        ("payload-changed", ": DIGESTS SIGNATURES NOT OK"),
        ("header-changed", ": DIGESTS SIGNATURES NOT OK"),
    ] {
        let out = rpm.command("rpmkeys").arg("-K").arg(repo.refused(name)).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(said.trim_end().ends_with(words), "{name}: {said}");
    }
    for name in ["cut-short", "empty", "no-package"] {
        let out = rpm.command("rpmkeys").arg("-K").arg(repo.refused(name)).output().unwrap();
        assert!(!out.status.success(), "{name}: {out:?}");
    }
}

#[test]
fn rpm_finds_every_dependency_of_both_states() {
    let repo = TestRepo::shared().unwrap();
    let rpm = Rpm::with_key_of(repo);
    for state in [State::First, State::Second] {
        let packages = repo.packages(state).unwrap();
        // Nothing is installed: all that is needed must be among the packages, in the versions that are asked for.
        let mut command = rpm.command("rpm");
        command.args(["-i", "--test", "--ignoresize", "--nosignature", "--nodigest", "--replacefiles"]);
        rpm.succeed(command.args(&packages));
    }
}

#[test]
fn rpm_misses_what_a_broken_runtime_has_lost() {
    let repo = TestRepo::shared().unwrap();
    let rpm = Rpm::with_key_of(repo);
    let packages = repo.packages(State::BrokenRuntime).unwrap();
    let mut command = rpm.command("rpm");
    command.args(["-i", "--test", "--ignoresize", "--nosignature", "--nodigest", "--replacefiles"]);
    let out = command.args(&packages).output().unwrap();
    let words = String::from_utf8_lossy(&out.stderr);
    assert!(words.contains("libXaw.so.7()(64bit) is needed by xclock-"), "{words}");
    let lost = words.lines().filter(|line| line.contains(" is needed by "));
    assert!(lost.clone().count() > 1 && lost.clone().all(|line| line.contains("libXaw.so.7")), "{words}");
}

#[test]
fn only_some_packages_differ_between_the_states() {
    let repo = TestRepo::shared().unwrap();
    let names = |state| -> BTreeMap<String, PathBuf> {
        let files = repo.packages(state).unwrap().into_iter();
        files.map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), file)).collect()
    };
    let (first, second) = (names(State::First), names(State::Second));
    let newer: Vec<&String> = second.keys().filter(|name| !first.contains_key(*name)).collect();
    let base = |name: &&String| name.rsplitn(3, '-').nth(2).unwrap().to_owned();
    assert_eq!(
        newer.iter().map(base).collect::<Vec<_>>(),
        ["galculator", "gnome-calculator", "libXaw", "lua", "units", "xclock"]
    );
    assert!(newer.iter().all(|name| name.contains(".1.fc42.")), "{newer:?}");
    assert_eq!(first.len(), second.len());
    let same = first.iter().filter(|(name, _)| second.contains_key(*name));
    for (name, file) in same {
        assert_eq!(
            fs::metadata(file).unwrap().ino(),
            fs::metadata(&second[name]).unwrap().ino(),
            "{name} is a copy"
        );
    }
}

#[test]
fn one_address_can_change_its_state() {
    let repo = TestRepo::shared().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let changing = ChangingRepo::new(repo, dir.path()).unwrap();
    let path = changing.url().trim_start_matches("file://").to_owned();
    let first = fs::read(format!("{path}/repodata/repomd.xml")).unwrap();
    changing.become_state(State::Second).unwrap();
    assert_ne!(fs::read(format!("{path}/repodata/repomd.xml")).unwrap(), first);
}

#[test]
fn metadata_tells_the_truth_in_both_compressions() {
    let repo = TestRepo::shared().unwrap();
    let (zstd, gzip) = (opened(&repo.path(State::Second)), opened(&repo.path(State::SecondGzip)));
    let kinds: Vec<&str> = zstd.keys().map(String::as_str).collect();
    for kind in ["primary", "filelists", "other", "updateinfo"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
        assert_eq!(zstd[kind], gzip[kind], "{kind}");
    }
    let comps = zstd.iter().find(|(kind, _)| kind.starts_with("group")).unwrap().1;
    assert!(
        comps.contains("<id>apps</id>") && comps.contains("<packagereq type=\"mandatory\">gnome-calculator<")
    );
    let info = &zstd["updateinfo"];
    let security: Vec<&str> =
        info.split("<update ").filter(|one| one.contains("type=\"security\"")).collect();
    assert!(security.len() == 1 && security[0].contains("<package name=\"gnome-calculator\""), "{info}");
    assert_eq!(info.matches("<update ").count(), 6);
    // The version that the advisory names is the one that the repository has.
    let filename = security[0].split("<filename>").nth(1).unwrap().split('<').next().unwrap();
    assert!(repo.packages(State::Second).unwrap().iter().any(|file| file.ends_with(filename)), "{filename}");
}

#[test]
fn metadata_is_signed_by_the_key() {
    let repo = TestRepo::shared().unwrap();
    let home = tempfile::Builder::new().prefix("ar").tempdir_in("/tmp").unwrap();
    let gpg = |words: &[&std::ffi::OsStr]| {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(home.path()).args(["--batch", "--quiet", "--no-autostart"]).args(words);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(gpg(&["--import".as_ref(), repo.key().as_os_str()]));
    for state in [State::First, State::FirstGzip, State::Second, State::BrokenRuntime, State::Hard] {
        let data = repo.path(state).join("repodata/repomd.xml");
        let signature = data.with_extension("xml.asc");
        assert!(gpg(&["--verify".as_ref(), signature.as_os_str(), data.as_os_str()]), "{state:?}");
        let other = repo.path(State::HardSecond).join("repodata/repomd.xml");
        assert!(!gpg(&["--verify".as_ref(), signature.as_os_str(), other.as_os_str()]));
    }
}

/// The content of each kind of metadata, its sizes and checksums compared with what `repomd.xml` says.
fn opened(repo: &Path) -> BTreeMap<String, String> {
    let index = fs::read_to_string(repo.join("repodata/repomd.xml")).unwrap();
    let mut all = BTreeMap::new();
    for block in index.split("<data type=\"").skip(1) {
        let between =
            |from: &str, to: &str| block.split(from).nth(1).map(|rest| rest.split(to).next().unwrap());
        let packed = fs::read(repo.join(between("href=\"", "\"").unwrap())).unwrap();
        assert_eq!(between("<checksum type=\"sha256\">", "<"), Some(hash(&packed).as_str()));
        assert_eq!(between("<size>", "<"), Some(packed.len().to_string().as_str()));
        let open = unpacked(&packed);
        if let Some(sum) = between("<open-checksum type=\"sha256\">", "<") {
            assert_eq!(sum, hash(&open));
            assert_eq!(between("<open-size>", "<"), Some(open.len().to_string().as_str()));
        }
        all.insert(block.split('"').next().unwrap().to_owned(), String::from_utf8(open).unwrap());
    }
    all
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut open = Vec::new();
    match packed {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => open = zstd::decode_all(packed).unwrap(),
        [0x1f, 0x8b, ..] => {
            flate2::read::GzDecoder::new(packed).read_to_end(&mut open).unwrap();
        }
        _ => open.extend(packed),
    }
    open
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn manifests_name_what_the_repository_has() {
    let repo = TestRepo::shared().unwrap();
    for name in ["min", "x11", "x11-without-libXaw", "platform"] {
        let text = fs::read_to_string(repo.manifest(name)).unwrap();
        let manifest: toml::Table = toml::from_str(&text).unwrap();
        for package in manifest["packages"].as_array().unwrap() {
            repo.package(State::First, package.as_str().unwrap()).unwrap();
        }
    }
    let x11: toml::Table = toml::from_str(&fs::read_to_string(repo.manifest("x11")).unwrap()).unwrap();
    assert!(x11["packages"].as_array().unwrap().contains(&"libXaw".into()));
}

#[test]
fn triggers_find_their_programs_at_fedoras_places() {
    let repo = TestRepo::shared().unwrap();
    let rpm = Rpm::with_key_of(repo);
    let runtime: BTreeSet<&String> = ["min", "x11", "gtk"].iter().flat_map(|set| repo.closure(set)).collect();
    let packages: Vec<PathBuf> =
        runtime.iter().map(|name| repo.package(State::First, name).unwrap()).collect();
    let text = rpm.query("[%{FILENAMES}\\n]", &packages);
    let files: BTreeSet<&str> = text.lines().collect();
    for trigger in TRIGGERS {
        // `/usr/sbin` is a link to `bin`.
        let program = trigger.programs[0].replace("/usr/sbin/", "/usr/bin/");
        assert!(files.contains(program.as_str()), "{}: no {program}", trigger.name);
    }
    for file in [
        "/usr/bin/sh",
        "/usr/sbin",
        "/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/fontconfig/cache/CACHEDIR.TAG",
    ] {
        assert!(files.contains(file), "no {file}");
    }
    let debian = ["/usr/games/", "/usr/lib/x86_64-linux-gnu/", "/usr/sbin/", "/sbin/", "/bin/"];
    let left: Vec<&&str> =
        files.iter().filter(|file| debian.iter().any(|dir| file.starts_with(dir))).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn compiled_python_has_the_time_of_its_source() {
    let repo = TestRepo::shared().unwrap();
    let rpm = Rpm::with_key_of(repo);
    for name in ["python3-libs", "python3-gobject-base", "meld"] {
        let package = repo.package(State::First, name).unwrap();
        let listing =
            rpm.query("[%{FILENAMES}\\t%{FILEMTIMES}\\t%{FILESIZES}\\n]", std::slice::from_ref(&package));
        let facts: BTreeMap<&str, (u32, u32)> = listing
            .lines()
            .map(|line| {
                let fields: Vec<&str> = line.split('\t').collect();
                (fields[0], (fields[1].parse().unwrap(), fields[2].parse().unwrap()))
            })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        unpack(&package, dir.path());
        let mut count = 0;
        for path in facts.keys().filter(|path| path.ends_with(".cpython-313.pyc")) {
            let source = path.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py");
            let (mtime, size) = facts[source.as_str()];
            let header = fs::read(dir.path().join(&path[1..])).unwrap();
            let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
            assert_eq!((header[..4].to_vec(), number(4)), (vec![0xf3, 0x0d, 0x0d, 0x0a], 0), "{path}");
            assert_eq!((number(8), number(12)), (mtime, size), "{path}");
            count += 1;
        }
        assert!(count > 10, "{name}: {count}");
    }
}

fn unpack(package: &Path, dir: &Path) {
    let mut unpacking = Command::new("rpm2cpio").arg(package).stdout(Stdio::piped()).spawn().unwrap();
    let stdin = unpacking.stdout.take().unwrap();
    let done = Command::new("cpio").args(["-idm", "--quiet"]).current_dir(dir).stdin(stdin).status().unwrap();
    assert!(unpacking.wait().unwrap().success() && done.success());
}

#[test]
fn everybody_can_read_everything() {
    let repo = TestRepo::shared().unwrap();
    for state in STATES {
        for file in repo.packages(state).unwrap() {
            assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o644, "{}", file.display());
        }
        let mut dir = repo.path(state).join("repodata");
        loop {
            assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o005, 0o005, "{}", dir.display());
            if !dir.pop() {
                break;
            }
        }
    }
}

#[test]
fn rpm_installs_a_system_with_a_shell() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: rpm --root needs root");
        return;
    }
    let repo = TestRepo::shared().unwrap();
    let root = tempfile::tempdir().unwrap();
    let packages: Vec<PathBuf> =
        repo.closure("min").iter().map(|name| repo.package(State::First, name).unwrap()).collect();
    let mut command = Command::new("rpm");
    command
        .arg("--root")
        .arg(root.path())
        .args(["--dbpath", "/var/lib/rpm", "-i", "--nosignature"])
        .args(&packages);
    let out = command.output().unwrap();
    let words = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{words}");
    let script = "awk 'BEGIN { print 6 * 7 }'; readlink /bin /usr/sbin; ls /etc/ld.so.cache; . /etc/os-release; echo $ID $VERSION_ID";
    let out = Command::new("chroot").arg(root.path()).args(["/bin/sh", "-c", script]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(said, "42\nusr/bin\nbin\n/etc/ld.so.cache\nfedora 42\n", "{out:?}\n{words}");
}
