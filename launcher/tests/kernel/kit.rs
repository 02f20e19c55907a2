//! A user with an empty home, an installation made by hand, and apps in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, Weak};

use aril_installation::derived_key;
use aril_model::CommitId;

use crate::tree;

/// The app that most tests start.
pub(crate) const ID: &str = "org.test.Hello";

/// How the app's files lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Merged,
    App,
}

/// A user's home, session and installation with one app and its runtime.
pub(crate) struct TestApp {
    dir: tempfile::TempDir,
    programs: Arc<tempfile::TempDir>,
    layout: Layout,
    metadata: String,
    variables: Vec<(String, String)>,
}

/// What a run left.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl TestApp {
    pub(crate) fn merged() -> Self {
        Self::new(Layout::Merged)
    }

    pub(crate) fn plain() -> Self {
        Self::new(Layout::App)
    }

    fn new(layout: Layout) -> Self {
        let dir = tempfile::Builder::new().prefix("aril-test-").tempdir_in(base()).unwrap();
        let group = match layout {
            Layout::Merged => "[X-Aril]\nlayout=merged\n",
            Layout::App => "",
        };
        let metadata = format!(
            "[Application]\nname={ID}\nruntime=org.test.Platform/{}/f1\ncommand=hello\n{group}",
            std::env::consts::ARCH
        );
        let app = Self { dir, programs: programs(), layout, metadata, variables: Vec::new() };
        fs::create_dir_all(app.home()).unwrap();
        fs::create_dir_all(app.runtime_dir()).unwrap();
        fs::set_permissions(app.runtime_dir(), fs::Permissions::from_mode(0o700)).unwrap();
        app.install_runtime();
        app.install_app();
        app
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub(crate) fn runtime_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    pub(crate) fn installation(&self) -> PathBuf {
        self.home().join(".local/share/aril")
    }

    /// The app's own directory among the user's.
    pub(crate) fn data(&self) -> PathBuf {
        self.home().join(".var/app").join(ID)
    }

    pub(crate) fn app_files(&self) -> PathBuf {
        self.deploy("app", ID, branch(self.layout), APP_COMMIT).join("files")
    }

    pub(crate) fn runtime_files(&self) -> PathBuf {
        self.deploy("runtime", "org.test.Platform", "f1", RUNTIME_COMMIT).join("files")
    }

    fn deploy(&self, kind: &str, id: &str, branch: &str, commit: char) -> PathBuf {
        let reference = self.installation().join(kind).join(id).join(std::env::consts::ARCH).join(branch);
        reference.join(hex(commit))
    }

    fn install_runtime(&self) {
        let files = self.runtime_files();
        link_tree(self.programs.path(), &files);
        let metadata = "[Runtime]\nname=org.test.Platform\n";
        fs::write(files.parent().unwrap().join("metadata"), metadata).unwrap();
        activate(&files, RUNTIME_COMMIT);
        tree::write(&files, ".ref", "");
        tree::write(&files, "etc/runtime.conf", "runtime\n");
        tree::write(&files, "etc/both.conf", "runtime\n");
        tree::write(&files, "share/both.txt", "runtime\n");
    }

    fn install_app(&self) {
        let files = self.app_files();
        let hello = match self.layout {
            Layout::Merged => "usr/bin/hello",
            Layout::App => "bin/hello",
        };
        tree::write(&files, hello, "#!/bin/sh\necho hello \"$@\"\n");
        fs::set_permissions(files.join(hello), fs::Permissions::from_mode(0o755)).unwrap();
        tree::write(&files, ".ref", "");
        if self.layout == Layout::Merged {
            tree::write(&files, "usr/share/both.txt", "app\n");
            tree::write(&files, "etc/both.conf", "app\n");
            tree::write(&files, "opt/vendor/file", "opt\n");
            tree::write(&files, "var/lib/hello/state", "first\n");
            self.derive();
        }
        activate(&files, APP_COMMIT);
        let current = self.installation().join("app").join(ID).join("current");
        symlink(format!("{}/{}", std::env::consts::ARCH, branch(self.layout)), current).unwrap();
        self.write_metadata();
    }

    /// The caches of app and runtime, as `aril-change` makes them.
    fn derive(&self) {
        let commits: [CommitId; 2] = [APP_COMMIT, RUNTIME_COMMIT].map(|c| hex(c).parse().unwrap());
        let key = derived_key(&[&commits[0], &commits[1]]);
        let derived = self.installation().join("derived").join(key);
        tree::write(&derived, "usr/share/derived.txt", "derived\n");
        tree::write(&derived, "etc/derived.conf", "derived\n");
    }

    fn write_metadata(&self) {
        fs::write(self.app_files().parent().unwrap().join("metadata"), &self.metadata).unwrap();
    }

    /// Adds lines to the app's metadata.
    pub(crate) fn asking(mut self, lines: &str) -> Self {
        self.metadata.push_str(lines);
        self.write_metadata();
        self
    }

    /// Sets a variable of the caller.
    pub(crate) fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Writes a file below the user's home.
    pub(crate) fn file(self, path: &str, contents: &str) -> Self {
        tree::write(&self.home(), path, contents);
        self
    }

    /// The launcher with this user's session and nothing else of the caller's.
    pub(crate) fn launcher(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aril-launch"));
        command.env_clear().env("HOME", self.home()).env("XDG_RUNTIME_DIR", self.runtime_dir());
        command.env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("USER", "tester");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.home()).stdin(Stdio::null());
        command
    }

    /// Runs a line of shell in the app's sandbox.
    pub(crate) fn run(&self, script: &str) -> Ran {
        self.run_with(&[], script)
    }

    /// The same with options.
    pub(crate) fn run_with(&self, options: &[&str], script: &str) -> Ran {
        let mut command = self.launcher();
        command.args(options).args(["--command=sh", ID, "-c", script]);
        Ran::of(&command.output().unwrap())
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    /// The output of a run in which nothing went wrong.
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.err.as_str(), self.code), ("", Some(0)), "{}", self.out);
        self.out
    }
}

const APP_COMMIT: char = 'a';
const RUNTIME_COMMIT: char = 'c';

fn branch(layout: Layout) -> &'static str {
    match layout {
        Layout::Merged => "rpm",
        Layout::App => "stable",
    }
}

fn hex(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn activate(files: &Path, commit: char) {
    symlink(hex(commit), files.parent().unwrap().with_file_name("active")).unwrap();
}

/// Where homes are made: not in `/tmp` and `/var`, which the sandbox has of its own.
fn base() -> PathBuf {
    let uid = fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me)).unwrap();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let own =
        passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[2] == uid.to_string());
    let home = own.map(|fields| PathBuf::from(fields[5])).filter(|home| tempfile::tempdir_in(home).is_ok());
    home.unwrap_or_else(|| "/var/tmp".into())
}

/// One runtime tree for all tests that run now; each gets hard links to it. It goes with the last of them.
fn programs() -> Arc<tempfile::TempDir> {
    static TREE: Mutex<Weak<tempfile::TempDir>> = Mutex::new(Weak::new());
    let mut tree = TREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(made) = tree.upgrade() {
        return made;
    }
    let dir = tempfile::Builder::new().prefix("aril-test-").tempdir_in(base()).unwrap();
    tree::add_programs(dir.path(), tree::PROGRAMS);
    let made = Arc::new(dir);
    *tree = Arc::downgrade(&made);
    made
}

fn link_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            link_tree(&entry.path(), &target);
        } else {
            fs::hard_link(entry.path(), target).unwrap();
        }
    }
}
