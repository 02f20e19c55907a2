//! Nothing outside the user's own directories is changed: by adding a remote, building a runtime, installing, running, removing.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aril_tests::home::TestHome;
use aril_tests::session::Session;
use aril_tests::test_repo::{State, TestRepo};
use aril_tests::user::TestUser;
use sha2::{Digest, Sha256};

/// What an immutable host keeps as it is.
const HOST: [&str; 5] = ["/etc", "/usr", "/opt", "/boot", "/var/lib"];
/// Where everybody may write: here only what the tests' own account left counts.
const SHARED: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/var/crash"];

#[test]
fn nothing_of_the_host_is_changed() {
    let user = TestUser::get().unwrap();
    let before = now(user);
    live_through_all();
    let changed = |root: &str, counts: &dyn Fn(&Path, &Metadata) -> bool| {
        let mut found = Vec::new();
        walk(Path::new(root), &mut |path, entry| {
            if (entry.ctime(), entry.ctime_nsec()) > before && counts(path, entry) {
                found.push(path.to_owned());
            }
        });
        found
    };
    // The time at which an entry was last changed in any way is the kernel's own: nobody can set it back.
    let host: Vec<PathBuf> = HOST.iter().flat_map(|root| changed(root, &|_, _| true)).collect();
    assert_eq!(host, Vec::<PathBuf>::new());
    if !user.is_other() {
        eprintln!(
            "skipped: what is left in /tmp is not looked at, since {} may have other programs there",
            user.name
        );
        return;
    }
    let is_left = |path: &Path, entry: &Metadata| entry.uid() == user.uid && !is_of_a_test(path);
    let left: Vec<PathBuf> = SHARED.iter().flat_map(|root| changed(root, &is_left)).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
#[ignore = "make test-all: reads every file of the host twice"]
fn every_byte_of_the_host_is_the_same() {
    let before = every_byte();
    assert!(before.len() > 1000);
    live_through_all();
    let after = every_byte();
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let changed: Vec<&PathBuf> = before.keys().chain(after.keys()).filter(differs).collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

/// The whole life of an app with a menu entry, icons and a MIME type, and of one that brings a service for the bus.
fn live_through_all() {
    let session = Session::start().unwrap();
    let home = &session.home;
    let repo = TestRepo::shared().unwrap();
    session.add_remote("test", repo, State::First).unwrap();
    let platform = repo.manifest("platform");
    let words = ["aril", "build", "runtime", "-y", "--from=test", platform.to_str().unwrap()];
    home.run(words).unwrap().success().unwrap();
    for (package, id) in
        [("galculator", "local.rpm.galculator"), ("gnome-calculator", "org.gnome.Calculator")]
    {
        assert_eq!(session.install("test", package).unwrap().id, id);
        let said =
            home.run(["aril", "run", "--command=sh", id, "-c", "echo $FLATPAK_ID; touch /usr/x"]).unwrap();
        assert_eq!(said.stdout, format!("{id}\n"));
        assert!(said.stderr.contains("Read-only file system"), "{}", said.stderr);
    }
    home.run(["aril", "uninstall", "-y", "local.rpm.galculator", "org.gnome.Calculator"])
        .unwrap()
        .success()
        .unwrap();
}

/// The time by the clock that file systems use.
fn now(user: &TestUser) -> (i64, i64) {
    let dir = tempfile::tempdir().unwrap();
    user.own(dir.path()).unwrap();
    let entry = fs::metadata(dir.path()).unwrap();
    // That clock is a coarse one: what comes later has to differ.
    std::thread::sleep(std::time::Duration::from_millis(20));
    (entry.ctime(), entry.ctime_nsec())
}

/// Directories that homes of tests have in `/tmp`, which go with them, and clocks of programs that are told another time: maybe of another
/// test that runs at the same time.
fn is_of_a_test(path: &Path) -> bool {
    let is_clock =
        path.to_str().is_some_and(|path| path.starts_with("/dev/shm/") && path.contains("faketime"));
    is_clock
        || path.strip_prefix("/tmp").is_ok_and(|below| {
            below
                .to_str()
                .is_some_and(|name| ["ar", ".X", ".tmp"].iter().any(|prefix| name.starts_with(prefix)))
        })
}

fn every_byte() -> BTreeMap<PathBuf, (u32, u32, u32, i64, String)> {
    let mut all = BTreeMap::new();
    for root in HOST {
        walk(Path::new(root), &mut |path, entry| {
            let content = content(path, entry).unwrap_or_else(|why| why.kind().to_string());
            all.insert(path.to_owned(), (entry.mode(), entry.uid(), entry.gid(), entry.mtime(), content));
        });
    }
    all
}

fn content(path: &Path, entry: &Metadata) -> io::Result<String> {
    if entry.is_symlink() {
        return Ok(fs::read_link(path)?.display().to_string());
    }
    if !entry.is_file() {
        return Ok(String::new());
    }
    let mut hash = Sha256::new();
    let mut file = fs::File::open(path)?;
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(format!("{:?}", hash.finalize())),
            length => hash.update(&piece[..length]),
        }
    }
}

/// Everything below a directory that can be read, and it.
fn walk(dir: &Path, visit: &mut dyn FnMut(&Path, &Metadata)) {
    let Ok(entry) = fs::symlink_metadata(dir) else { return };
    visit(dir, &entry);
    if !entry.is_dir() {
        return;
    }
    for inner in fs::read_dir(dir).into_iter().flatten().flatten() {
        walk(&inner.path(), visit);
    }
}

/// A home is not needed to see that the scan sees.
#[test]
fn a_change_is_seen() {
    let user = TestUser::get().unwrap();
    let home = TestHome::new().unwrap();
    let file = home.write("file", "old").unwrap();
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    let before = now(user);
    fs::write(&file, "new").unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    let mut seen = Vec::new();
    walk(&home.path(), &mut |path, entry| {
        if (entry.ctime(), entry.ctime_nsec()) > before {
            seen.push(path.to_owned());
        }
    });
    assert_eq!(seen, [file]);
}
