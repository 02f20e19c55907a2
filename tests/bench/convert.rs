//! How long an RPM takes to become an app's commit: by `aril-build` with all that it does besides (solving, checking signatures, merging, finding
//! id, exports and rights), by `rpm2cpio | cpio` with `ostree commit`, which only unpack and store, and by the floor: the SHA-256 of the bytes.
//!
//! `BENCH_RUNS` is how often each is done, in turns; only ratios within one run mean something.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for measuring"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aril_tests::home::TestHome;
use aril_tests::test_repo::{State, TestRepo};
use sha2::{Digest, Sha256};

/// Each is one package on the desktop runtime: a few small files, many, a big program, big ones.
const PACKAGES: [&str; 4] = ["figlet", "nano", "miller", "git-core"];

fn main() {
    let runs = std::env::var("BENCH_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(9);
    let bench = Bench::new();
    println!("from an RPM to a commit, median (and least) of {runs}, in milliseconds");
    println!(
        "  {:12} {:>6} {:>7}  {:>16}  {:>16}  {:>7}  {:>12}",
        "package", "files", "MB", "aril-build", "cpio and ostree", "ratio", "SHA-256 alone"
    );
    for package in PACKAGES {
        bench.row(package, runs);
    }
}

struct Bench {
    home: TestHome,
    repo: &'static TestRepo,
    /// An installation with the runtime, and nothing made of the packages yet.
    base: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let (home, repo) = (TestHome::new().unwrap(), TestRepo::shared().unwrap());
        let key = format!("--gpg-import={}", repo.key().display());
        let url = format!("rpm+{}", repo.url(State::First));
        home.run(["aril", "remote-add", "--user", &key, "bench", &url]).unwrap().success().unwrap();
        let manifest = repo.manifest("platform").display().to_string();
        home.run(["aril", "build", "runtime", &manifest, "--from", "bench", "-y"])
            .unwrap()
            .success()
            .unwrap();
        let base = home.path().join(".local/share/aril");
        Self { home, repo, base }
    }

    fn row(&self, package: &str, runs: usize) {
        let rpm = self.repo.package(State::First, package).unwrap();
        let (mut ours, mut peers, mut floors) = (Vec::new(), Vec::new(), Vec::new());
        let mut size = (0, 0);
        // The first round fills the caches.
        for round in 0..=runs {
            let own = self.convert(package);
            let (peer, tree) = self.unpack_and_commit(&rpm);
            let (floor, files, bytes) = hash(&tree);
            if round > 0 {
                ours.push(own);
                peers.push(peer);
                floors.push(floor);
            }
            size = (files, bytes);
        }
        let [ours, peers, floors] = [ours, peers, floors].map(Times::of);
        let ratio = ours.median / peers.median;
        let megabytes = size.1 as f64 / 1e6;
        println!(
            "  {package:12} {:6} {megabytes:7.1}  {ours}  {peers}  {ratio:6.2}x  {:12.1}",
            size.0, floors.median
        );
    }

    /// In a copy of the installation, so that nothing is there from the last time.
    fn convert(&self, package: &str) -> Duration {
        let installation = self.home.path().join("installation");
        self.done(&["cp", "-al", text(&self.base), text(&installation)]);
        let begun = Instant::now();
        self.done(&["aril-build", "app", package, "--from", "bench", "--installation", text(&installation)]);
        let took = begun.elapsed();
        self.done(&["rm", "-r", text(&installation)]);
        took
    }

    /// What anybody would type who wants the files in a repository. The unpacked files stay until the next time.
    fn unpack_and_commit(&self, rpm: &Path) -> (Duration, PathBuf) {
        let (tree, repo) = (self.home.path().join("tree"), self.home.path().join("ostree"));
        self.done(&["rm", "-rf", text(&tree), text(&repo)]);
        self.done(&["mkdir", text(&tree)]);
        self.done(&["ostree", "init", "--mode=bare-user-only", "--repo", text(&repo)]);
        let unpack = "cd \"$0\" && rpm2cpio \"$1\" | cpio -idm --quiet --no-absolute-filenames";
        let begun = Instant::now();
        self.done(&["sh", "-c", unpack, text(&tree), text(rpm)]);
        let source = format!("--tree=dir={}", tree.display());
        self.done(&[
            "ostree",
            "commit",
            "--repo",
            text(&repo),
            "--branch=x",
            "--canonical-permissions",
            "--no-xattrs",
            &source,
        ]);
        (begun.elapsed(), tree)
    }

    fn done(&self, words: &[&str]) {
        self.home.run(words).unwrap().success().unwrap();
    }
}

/// The SHA-256 of each file; how long it took, how many and how long they are.
fn hash(tree: &Path) -> (Duration, usize, u64) {
    let mut contents = Vec::new();
    let mut waiting = vec![tree.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() {
                contents.push(fs::read(path).unwrap());
            }
        }
    }
    let begun = Instant::now();
    for bytes in &contents {
        std::hint::black_box(Sha256::digest(bytes));
    }
    (begun.elapsed(), contents.len(), contents.iter().map(|bytes| bytes.len() as u64).sum())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// In milliseconds.
struct Times {
    median: f64,
    least: f64,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        Self { median: milliseconds(times[times.len() / 2]), least: milliseconds(times[0]) }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:7.0} ({:6.0})", self.median, self.least)
    }
}
