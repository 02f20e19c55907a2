//! An installation made by hand, a sandbox that seems to run in it, and the environment in which `aril` sees only these.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use aril_beneath::{Dir, Lock, LockKind};
use aril_installation::{DeployRecord, Installation};
use tempfile::TempDir;

use crate::commit::commit;

/// The number of the sandbox that runs.
const INSTANCE: &str = "4242";

/// What a session sees. What runs in it ends with it.
pub(crate) struct Fixture {
    place: TempDir,
    running: Child,
    _lock: Lock,
}

/// A deploy that is laid down.
struct Deploy<'a> {
    reference: &'a str,
    commit: char,
    origin: &'a str,
    size: u64,
    texts: &'a [(&'a str, &'a str)],
    metadata: &'a str,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        for name in ["home", "config", "bin"] {
            dir.create_dir(name, 0o755).unwrap();
        }
        user_installation(&dir.create_dir_all("user", 0o755).unwrap());
        system_installation(&dir.create_dir_all("system", 0o755).unwrap());
        // Stands for the first process inside; it ends with the fixture, or when it is killed.
        let running = Command::new("sleep").arg("600").spawn().unwrap();
        let lock = instance(&dir.create_dir_all("run", 0o700).unwrap(), running.id());
        Self { place, running, _lock: lock }
    }

    /// Runs the sessions of a file.
    pub(crate) fn run(&self, file: &str) {
        let cases = trycmd::TestCases::new();
        cases.register_bin("aril", program());
        for (key, value) in self.environment() {
            cases.env(key, value);
        }
        // What the person who runs the tests has set must not change what is printed.
        for (key, value) in [("LC_ALL", "C"), ("LANGUAGE", ""), ("ARIL_LOG", ""), ("NO_COLOR", "1")] {
            cases.env(key, value);
        }
        cases.insert_var("[PLACE]", self.path("")).unwrap();
        cases.insert_var("[PID]", self.running.id().to_string()).unwrap();
        cases.case(sessions().join(file).with_extension("md"));
        cases.run();
    }

    /// `aril` with an environment that shows only this installation.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.env_clear().envs(self.environment());
        command
    }

    /// Adds an app to the user's installation.
    pub(crate) fn add_app(&self, id: &str) {
        let reference = format!("app/{id}/x86_64/f42-rpm");
        let metadata = format!("[Application]\nname={id}\nruntime=org.test.Platform/x86_64/f42-rpm\n");
        let dir = Dir::open(self.path("user")).unwrap();
        let (commit, origin, size) = ('9', "fedora", 1);
        lay_down(
            &dir,
            &Deploy { reference: &reference, commit, origin, size, texts: &[], metadata: &metadata },
        );
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let dirs = [
            ("HOME", "home"),
            ("ARIL_USER_DIR", "user"),
            ("ARIL_SYSTEM_DIR", "system"),
            ("ARIL_CONFIG_DIR", "config"),
            ("XDG_RUNTIME_DIR", "run"),
        ];
        dirs.iter().map(|(key, name)| (*key, self.path(name))).collect()
    }

    fn path(&self, name: &str) -> String {
        self.place.path().join(name).display().to_string().trim_end_matches('/').to_owned()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

/// The program under test: what `make` built, else what cargo did.
fn program() -> PathBuf {
    match std::env::var_os("ARIL_BIN_DIR") {
        Some(dir) => Path::new(&dir).join("aril"),
        None => PathBuf::from(env!("CARGO_BIN_EXE_aril")),
    }
}

/// Where the sessions are.
pub(crate) fn sessions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli")
}

fn user_installation(dir: &Dir) {
    let hello = Deploy {
        reference: "app/org.test.Hello/x86_64/f42-rpm",
        commit: 'a',
        origin: "fedora",
        size: 1_234_567,
        texts: &[
            ("appdata-name", "Hello"),
            ("appdata-name@de", "Hallo"),
            ("appdata-summary", "Says hello"),
            ("appdata-version", "1.2"),
            ("appdata-license", "MIT"),
            ("runtime", "org.test.Platform/x86_64/f42-rpm"),
        ],
        metadata: "[Application]\nname=org.test.Hello\nruntime=org.test.Platform/x86_64/f42-rpm\ncommand=hello\n\n[Context]\nshared=ipc;network;\nsockets=wayland;fallback-x11;\nfilesystems=xdg-download;\n\n[X-Aril]\nlayout=merged\n",
    };
    lay_down(dir, &Deploy { commit: 'b', ..hello });
    lay_down(dir, &hello);
    lay_down(
        dir,
        &Deploy {
            reference: "app/org.test.Odd/x86_64/f42-rpm",
            commit: 'c',
            origin: "fedora",
            size: 999,
            // What a package says of itself must not clear the screen or forge a line.
            texts: &[("appdata-name", "Odd\u{1b}[2J\nfake")],
            metadata: "[Application]\nname=org.test.Odd\nruntime=org.test.Platform/x86_64/f42-rpm\n",
        },
    );
    let platform = "[Runtime]\nname=org.test.Platform\n";
    for (reference, commit) in [
        ("runtime/org.test.Platform/x86_64/f42-rpm", 'd'),
        ("runtime/org.test.Platform/x86_64/f42-rpm", '8'),
        ("runtime/org.test.Platform.Locale/x86_64/f42-rpm", 'e'),
    ] {
        let texts = &[][..];
        lay_down(
            dir,
            &Deploy { reference, commit, origin: "fedora", size: 87_654_321, texts, metadata: platform },
        );
    }
    write(
        dir,
        "grants/org.test.Hello",
        "[Context]\nshared=ipc;\nsockets=wayland;fallback-x11;\nfilesystems=xdg-download;\n",
    );
    write(
        dir,
        "rpm-remotes.d/fedora.conf",
        "[RPM Remote]\ntitle=Fedora 42\nurl=https://rpm.test/$releasever/$basearch/os/;\nrelease=42\narch=x86_64\n",
    );
    write(dir, "repo/config", "[core]\nrepo_version=1\nmode=bare-user-only\n");
    made_of_packages(dir);
    // It does not fit the newer runtime.
    let hello = "app/org.test.Hello/x86_64/f42-rpm".parse().unwrap();
    let held = Installation::hold_path(&hello, &"a".repeat(64).parse().unwrap());
    dir.create_dir_all(held.parent().unwrap(), 0o755).unwrap();
    dir.symlink("d".repeat(64), held).unwrap();
}

/// The commits of apps say what they were made of.
fn made_of_packages(dir: &Dir) {
    let hello =
        ["hello 1.2-3.fc42 x86_64 0123456789abcdef", "hello-data 1:1.2-3.fc42 noarch fedcba9876543210"];
    let odd = ["odd\u{1b}[2J 9-9 noarch 00", "not a package"];
    store_commit(dir, 'a', &commit(&[("aril.evr", "1.2-3.fc42")], &[("aril.packages", &hello)]));
    store_commit(dir, 'b', &commit(&[("aril.evr", "1.1-1.fc42")], &[]));
    store_commit(dir, 'c', &commit(&[("aril.evr", "\u{202e}9-9")], &[("aril.packages", &odd)]));
}

fn store_commit(dir: &Dir, letter: char, bytes: &[u8]) {
    let (folder, name) = (letter.to_string().repeat(2), letter.to_string().repeat(62));
    let objects = dir.create_dir_all(Path::new("repo/objects").join(folder), 0o755).unwrap();
    objects.write_atomic(format!("{name}.commit"), bytes, 0o644).unwrap();
}

fn system_installation(dir: &Dir) {
    lay_down(
        dir,
        &Deploy {
            reference: "app/org.test.Tool/x86_64/stable",
            commit: 'f',
            origin: "hub",
            size: 5_000,
            texts: &[("runtime", "org.test.Other/x86_64/1")],
            metadata: "[Application]\nname=org.test.Tool\nruntime=org.test.Other/x86_64/1\ncommand=tool\n",
        },
    );
    write(
        dir,
        "repo/config",
        "[core]\nrepo_version=1\nmode=bare-user-only\n\n[remote \"hub\"]\nurl=https://hub.test/repo/\ngpg-verify=true\nxa.title=The Hub\nxa.prio=2\n\n[remote \"old\"]\nurl=file:///srv/old\ngpg-verify=false\nxa.disable=true\n",
    );
}

fn lay_down(dir: &Dir, deploy: &Deploy<'_>) {
    let commit = deploy.commit.to_string().repeat(64);
    let base = deploy.reference.to_owned();
    let own = dir.create_dir_all(format!("{base}/{commit}"), 0o755).unwrap();
    own.create_dir("files", 0o755).unwrap();
    write(&own, "metadata", deploy.metadata);
    let texts = deploy.texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    let record = DeployRecord {
        origin: deploy.origin.to_owned(),
        commit: commit.clone(),
        installed_size: deploy.size,
        texts: texts.collect(),
        ..DeployRecord::default()
    };
    own.write_atomic("deploy", &record.serialise(), 0o644).unwrap();
    dir.replace_symlink(commit, format!("{base}/active")).unwrap();
}

/// A sandbox that seems to run: its lock is held as long as the returned value lives.
fn instance(run: &Dir, pid: u32) -> Lock {
    let dir = run.create_dir_all(Path::new(".flatpak").join(INSTANCE), 0o755).unwrap();
    let commit = "a".repeat(64);
    let info = format!(
        "[Application]\nname=org.test.Hello\nruntime=runtime/org.test.Platform/x86_64/f42-rpm\n\n[Instance]\ninstance-id={INSTANCE}\napp-commit={commit}\nbranch=f42-rpm\narch=x86_64\n"
    );
    write(&dir, "info", &info);
    write(&dir, "pid", "4241\n");
    write(&dir, "bwrapinfo.json", &format!("{{\n    \"child-pid\": {pid}\n}}\n"));
    dir.lock(".ref", LockKind::Shared).unwrap()
}

fn write(dir: &Dir, path: &str, text: &str) {
    if let Some(parent) = Path::new(path).parent() {
        dir.create_dir_all(parent, 0o755).unwrap();
    }
    dir.write_atomic(path, text.as_bytes(), 0o644).unwrap();
}
