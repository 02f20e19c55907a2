//! An app in an installation made by hand, and `probe`, which tries one thing and prints how the kernel answers.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use aril_installation::derived_key;
use aril_model::CommitId;
use aril_tests::home::TestHome;
use aril_tests::outcome::Outcome;

pub(crate) const ID: &str = "org.test.Hello";

/// Programs of the host that the runtime has.
const PROGRAMS: &[&str] =
    &["sh", "cat", "ls", "id", "sleep", "env", "stat", "mkdir", "touch", "readlink", "head", "kill"];

/// A user with one app, merged from packages or in Flatpak's layout.
pub(crate) struct Installed {
    pub(crate) home: TestHome,
    app: PathBuf,
    runtime: PathBuf,
    metadata: String,
    probe: PathBuf,
}

impl Installed {
    pub(crate) fn merged() -> Self {
        Self::new("[X-Aril]\nlayout=merged\n")
    }

    pub(crate) fn plain() -> Self {
        Self::new("")
    }

    fn new(layout: &str) -> Self {
        let home = TestHome::new().unwrap();
        let arch = std::env::consts::ARCH;
        let installation = home.path().join(".local/share/aril");
        let deploy = |kind: &str, id: &str, commit: char| {
            installation.join(kind).join(id).join(arch).join("f1").join(commit.to_string().repeat(64))
        };
        let (app, runtime) = (deploy("app", ID, 'a'), deploy("runtime", "org.test.Platform", 'c'));
        let metadata =
            format!("[Application]\nname={ID}\nruntime=org.test.Platform/{arch}/f1\ncommand=sh\n{layout}");
        let probe = home.path().join("probe");
        let installed = Self { home, app, runtime, metadata, probe };
        installed.make(&installation);
        installed
    }

    fn make(&self, installation: &Path) {
        write(&self.runtime, "metadata", "[Runtime]\nname=org.test.Platform\n");
        write(&self.app, "metadata", &self.metadata);
        write(&self.app, "files/usr/share/app", "");
        fs::copy(probe(), &self.probe).unwrap();
        for program in PROGRAMS {
            self.add_program(program);
        }
        add(&self.runtime.join("files"), probe(), Path::new("/usr/bin/probe"));
        for (deploy, commit) in [(&self.app, 'a'), (&self.runtime, 'c')] {
            symlink(commit.to_string().repeat(64), deploy.with_file_name("active")).unwrap();
        }
        let commits: [CommitId; 2] = ['a', 'c'].map(|commit| commit.to_string().repeat(64).parse().unwrap());
        let derived = installation.join("derived").join(derived_key(&[&commits[0], &commits[1]]));
        fs::create_dir_all(derived.join("usr")).unwrap();
        self.own();
    }

    /// Adds a program of the host to the runtime, with the libraries that it loads.
    pub(crate) fn add_program(&self, name: &str) {
        let places = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(|dir| Path::new(dir).join(name));
        let program = places
            .into_iter()
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("no '{name}' on this host"));
        add(&self.runtime.join("files"), &program, &program);
        self.own();
    }

    fn own(&self) {
        let owner = format!("{}:{}", self.home.user().uid, self.home.user().gid);
        let status = Command::new("chown").args(["-Rh", &owner]).arg(self.home.path()).status().unwrap();
        assert!(status.success());
    }

    /// The runtime's deploy, which the user owns.
    pub(crate) fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// Adds lines to the app's metadata.
    pub(crate) fn asking(mut self, lines: &str) -> Self {
        self.metadata.push_str(lines);
        write(&self.app, "metadata", &self.metadata);
        self.own();
        self
    }

    /// Runs a line of shell inside.
    pub(crate) fn run(&self, script: &str) -> Outcome {
        self.run_with(&[], script)
    }

    pub(crate) fn run_with(&self, options: &[&str], script: &str) -> Outcome {
        let words = ["aril-launch"].into_iter().chain(options.iter().copied()).chain([ID, "-c", script]);
        self.home.run(words).unwrap()
    }

    /// How the kernel answers a probe outside.
    pub(crate) fn outside(&self, words: &[&str]) -> String {
        let probe = self.probe.to_str().unwrap();
        let outcome = self.home.run([probe].into_iter().chain(words.iter().copied())).unwrap();
        outcome.success().unwrap().trim().to_owned()
    }

    /// How the kernel answers a probe inside.
    pub(crate) fn inside(&self, words: &[&str]) -> String {
        self.inside_with(&[], words)
    }

    pub(crate) fn inside_with(&self, options: &[&str], words: &[&str]) -> String {
        let all = ["aril-launch", "--command=probe"].into_iter().chain(options.iter().copied());
        let outcome = self.home.run(all.chain([ID]).chain(words.iter().copied())).unwrap();
        outcome.success().unwrap().trim().to_owned()
    }

    /// Fails unless a probe works outside and is answered by `expected` inside. Where it does not work outside, `setting` of this machine
    /// forbids it, and the test says so.
    pub(crate) fn refuses(&self, words: &[&str], expected: &str, setting: &str) {
        self.refuses_other(words, words, expected, setting);
    }

    /// The same with other words outside, where more is needed for it to work.
    pub(crate) fn refuses_other(&self, outside: &[&str], inside: &[&str], expected: &str, setting: &str) {
        let without = self.outside(outside);
        if without != "ok" {
            eprintln!("skipped: '{}' does not work outside either ({without}): {setting}", outside.join(" "));
        }
        assert_eq!(self.inside(inside), expected, "{}", inside.join(" "));
    }
}

/// Writes a file with the directories above it.
pub(crate) fn write(root: &Path, path: &str, contents: &str) {
    let to = root.join(path);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::write(to, contents).unwrap();
}

/// The program that tries things, compiled once for a test process.
fn probe() -> &'static Path {
    static PROBE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let dir = PROBE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox/probe.c");
        let made = Command::new("cc")
            .args(["-Wall", "-Werror", "-O1", "-o"])
            .arg(dir.path().join("probe"))
            .arg(source)
            .output();
        let made = made.expect("a C compiler, which Rust needs, too");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        dir
    });
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| dir.path().join("probe"))
}

/// Copies a program to the place below `usr` that belongs to `at`, and its libraries to where the linker looks for them.
fn add(usr: &Path, program: &Path, at: &Path) {
    static LIBRARIES: Mutex<BTreeSet<(PathBuf, PathBuf)>> = Mutex::new(BTreeSet::new());
    let mut known = LIBRARIES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !known.iter().any(|(one, _)| one == program) {
        let output = Command::new("ldd").arg(program).env("LC_ALL", "C").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let words = text.split_whitespace().filter(|word| word.starts_with('/'));
        known.extend(words.map(|word| (program.to_owned(), PathBuf::from(word))));
        known.insert((program.to_owned(), PathBuf::new()));
    }
    let libraries = known.iter().filter(|(one, library)| one == program && library.as_os_str() != "");
    for (from, at) in
        libraries.map(|(_, library)| (library.as_path(), library.as_path())).chain([(program, at)])
    {
        let below = at.strip_prefix("/usr").or_else(|_| at.strip_prefix("/")).unwrap();
        let to = usr.join(below);
        if !to.exists() {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}
