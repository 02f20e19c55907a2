//! The same packages give the same commits, wherever, whenever and by whomever they are converted; what is compiled in them is still valid
//! inside; and a new runtime never takes a library away from an app.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test code, paths of our own"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aril_tests::home::TestHome;
use aril_tests::keeper;
use aril_tests::outcome::Outcome;
use aril_tests::programs;
use aril_tests::test_repo::{ChangingRepo, State, TestRepo};

const MELD: &str = "org.gnome.Meld";

/// Adds the test repository as a remote, from `url`.
fn add_remote(home: &TestHome, url: &str) {
    let key = TestRepo::shared().unwrap().key();
    let key = format!("--gpg-import={}", key.display());
    home.run(["aril", "remote-add", "--user", &key, "test", &format!("rpm+{url}")])
        .unwrap()
        .success()
        .unwrap();
}

/// What is in use in an installation: refs with their commits.
fn commits(installation: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for kind in ["app", "runtime"] {
        let mut waiting = vec![installation.join(kind)];
        while let Some(dir) = waiting.pop() {
            if let Ok(commit) = fs::read_link(dir.join("active")) {
                let reference = dir.strip_prefix(installation).unwrap().display().to_string();
                found.insert(reference, commit.display().to_string());
                continue;
            }
            let entries = fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap().path());
            waiting.extend(entries.filter(|path| path.is_dir() && !path.is_symlink()));
        }
    }
    found
}

fn installation(home: &TestHome) -> PathBuf {
    home.path().join(".local/share/aril")
}

/// A copy of a repository with other times of its files, as a mirror has it.
fn copy_with_other_times(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-R").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// The commands that make a runtime and two apps, one of them in Python and with scripts.
fn commands() -> Vec<Vec<String>> {
    let manifest = TestRepo::shared().unwrap().manifest("platform").display().to_string();
    let lines: [&[&str]; 3] = [
        &["aril", "build", "runtime", &manifest, "--from", "test", "-y"],
        &["aril", "install", "test", "meld", "-y"],
        &["aril", "install", "test", "xterm", "-y"],
    ];
    lines.iter().map(|line| line.iter().map(|&word| word.to_owned()).collect()).collect()
}

#[test]
fn same_packages_same_commits() {
    let home = TestHome::new().unwrap();
    // At once, since they wait for the disk most of the time.
    let (here, there, root) = std::thread::scope(|scope| {
        let here = scope.spawn(|| here(&home));
        let there = scope.spawn(there);
        let root = scope.spawn(by_root);
        (here.join().unwrap(), there.join().unwrap(), root.join().unwrap())
    });
    assert_eq!(here.len(), 3, "{here:?}");
    assert_eq!(there, here);
    if let Some(root) = root {
        assert_eq!(root, here);
    }
    accepted_by_python(&home);
}

fn here(home: &TestHome) -> BTreeMap<String, String> {
    add_remote(home, &TestRepo::shared().unwrap().url(State::First));
    for line in commands() {
        home.run(line).unwrap().success().unwrap();
    }
    commits(&installation(home))
}

/// Elsewhere, weeks later, for somebody with other habits.
fn there() -> BTreeMap<String, String> {
    let home = TestHome::new().unwrap();
    let mirror = home.beside("mirror");
    copy_with_other_times(&TestRepo::shared().unwrap().path(State::First), &mirror);
    let given = std::process::Command::new("chmod").arg("755").arg(home.beside("")).status().unwrap();
    assert!(given.success());
    home.set("LANG", "tr_TR.UTF-8");
    home.set("LC_ALL", "tr_TR.UTF-8");
    home.set("TZ", "Pacific/Kiritimati");
    add_remote(&home, &format!("file://{}", mirror.display()));
    let has_faketime = Path::new("/usr/bin/faketime").exists();
    if !has_faketime {
        eprintln!("skipped in part: no 'faketime', so both are made on one day");
    }
    for line in commands() {
        let later: &[&str] = if has_faketime { &["faketime", "-f", "+40d"] } else { &[] };
        let shell = ["sh", "-c", "umask 077; exec \"$@\"", "sh"];
        let words = shell.iter().chain(later).map(|&word| word.to_owned()).chain(line);
        home.run(words).unwrap().success().unwrap();
    }
    commits(&installation(&home))
}

/// What was compiled is read, and not compiled again: the times in it are those of the deployed files.
fn accepted_by_python(home: &TestHome) {
    let script = "import json, gi, meld.settings, meld.vc.git";
    let outcome = home.run(["aril", "run", "--command=python3", MELD, "-v", "-c", script]).unwrap();
    outcome.success().unwrap();
    let said = &outcome.stderr;
    for module in [
        "json/__pycache__/__init__",
        "gi/__pycache__/__init__",
        "meld/__pycache__/settings",
        "vc/__pycache__/git",
    ] {
        let line = said.lines().find(|line| line.contains(module) && line.contains(".pyc matches "));
        assert!(line.is_some(), "{module} was compiled again:\n{said}");
    }
    assert!(!said.contains("bytecode is stale"), "{said}");
}

/// In root's own installation, where root runs the tests.
fn by_root() -> Option<BTreeMap<String, String>> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped in part: only root can convert as root");
        return None;
    }
    let repo = TestRepo::shared().unwrap();
    let place = tempfile::tempdir().unwrap();
    let key = format!("--gpg-import={}", repo.key().display());
    let url = format!("rpm+{}", repo.url(State::First));
    let add: Vec<String> = ["aril", "remote-add", "--user", &key, "test", &url].map(str::to_owned).to_vec();
    let programs = programs::directory().unwrap();
    for line in std::iter::once(add).chain(commands()) {
        let mut command = keeper::bound(&programs.join(&line[0]));
        command.args(&line[1..]).env_clear().current_dir(place.path());
        command.env("HOME", place.path()).env("XDG_RUNTIME_DIR", place.path());
        command.env("XDG_CACHE_HOME", place.path().join("cache")).env("ARIL_BIN_DIR", programs);
        command.env("ARIL_SYSTEM_DIR", place.path().join("system"));
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        Outcome::of(command, Duration::from_secs(300)).unwrap().success().unwrap();
    }
    Some(commits(&place.path().join(".local/share/aril")))
}

const RUNTIME: &str = "runtime/org.aril.test.X11/x86_64/f42-rpm";
const XCLOCK: &str = "app/local.rpm.xclock/x86_64/f42";

/// What xclock needs of its runtime is there.
fn has_library(home: &TestHome) -> bool {
    let words = ["aril", "run", "--command=sh", "local.rpm.xclock", "-c", "test -e /usr/lib64/libXaw.so.7"];
    home.run(words).unwrap().code() == 0
}

#[test]
fn a_runtime_that_drops_a_library_breaks_no_app() {
    let repo = TestRepo::shared().unwrap();
    let home = TestHome::new().unwrap();
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let changing = ChangingRepo::new(repo, place.path()).unwrap();
    add_remote(&home, &changing.url());
    let manifest = |name: &str| repo.manifest(name).display().to_string();
    let build =
        |name: &str| home.run(["aril", "build", "runtime", &manifest(name), "--from", "test", "-y"]).unwrap();
    build("x11").success().unwrap();
    for package in ["xclock", "jq"] {
        home.run(["aril", "install", "test", package, "-y"]).unwrap().success().unwrap();
    }
    let before = commits(&installation(&home));
    assert!(has_library(&home));

    // The runtime as it was asked for cannot be had any more: it stays as it is, and that is said.
    changing.become_state(State::BrokenRuntime).unwrap();
    let update = home.run(["aril", "update", "-y"]).unwrap();
    update.success().unwrap();
    assert!(update.stderr.contains(&format!("'{RUNTIME}' was passed over")), "{}", update.stderr);
    assert_eq!(commits(&installation(&home))[RUNTIME], before[RUNTIME]);
    assert!(has_library(&home));

    // One that can be had lacks the library: the app that needs it keeps the old one, the other goes with the new one.
    let update = build("x11-without-libXaw");
    update.success().unwrap();
    assert!(
        update.stderr.contains(&format!("'{XCLOCK}' stays on the runtime that it has")),
        "{}",
        update.stderr
    );
    assert!(update.stderr.contains("libXaw.so.7"), "the reason is told: {}", update.stderr);
    let after = commits(&installation(&home));
    assert_ne!(after[RUNTIME], before[RUNTIME]);
    assert!(has_library(&home), "the old runtime is kept for it");
    let words = [
        "aril",
        "run",
        "--command=sh",
        "local.rpm.jq",
        "-c",
        "test ! -e /usr/lib64/libXaw.so.7 && jq -n 6*7",
    ];
    assert_eq!(home.run(words).unwrap().success().unwrap(), "42\n");
    // Also after everything else was tidied.
    home.run(["aril", "repair"]).unwrap().success().unwrap();
    assert!(has_library(&home));

    // When the library comes back, so does the app to the runtime of all.
    changing.become_state(State::First).unwrap();
    build("x11").success().unwrap();
    assert!(has_library(&home));
}
