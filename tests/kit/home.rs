//! An empty home for one test, and programs run in it as an ordinary user.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use aril_tests::home::TestHome;
//! let home = TestHome::new()?;
//! home.run(["aril", "remote-add", "test", "rpm+file:///repo"])?.success()?;
//! assert_eq!(home.run(["aril", "list"])?.success()?, "");
//! # Ok(()) }
//! ```
//!
//! Nothing of the host's user is seen: the environment is made anew, `HOME`, `XDG_RUNTIME_DIR` (0700) and `GNUPGHOME` (with a short path)
//! are the test's own, and so are the system installations of aril and of flatpak. All of it goes with the value; homes of test processes
//! that were killed go when the next one is made.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fs::FlockOperation;
use tempfile::TempDir;

use crate::keeper::Running;
use crate::outcome::Outcome;
use crate::programs;
use crate::user::TestUser;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Beside the home: a link that says where the runtime directory is, for whoever removes both.
const RUN_DIR: &str = "run";

/// A home, a runtime directory and an environment for one test.
#[derive(Debug)]
pub struct TestHome {
    user: &'static TestUser,
    place: TempDir,
    run_dir: TempDir,
    environment: Mutex<BTreeMap<OsString, OsString>>,
    /// While it is held, nobody takes the home for a left one.
    _lock: File,
}

impl TestHome {
    /// Makes an empty one.
    pub fn new() -> Result<Self> {
        let user = TestUser::get()?;
        let above =
            if user.is_other() { user.home.clone() } else { user.home.join(".cache/aril-tests/homes") };
        fs::create_dir_all(&above)?;
        remove_left(&above)?;
        let place = private_dir("h", &above).context("making a home")?;
        let lock = File::create(place.path().join("lock"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)?;
        // Short, for the sockets within.
        let run_dir = private_dir("ar", Path::new("/tmp"))?;
        std::os::unix::fs::symlink(run_dir.path(), place.path().join(RUN_DIR))?;
        for dir in [place.path(), run_dir.path()] {
            user.own(dir)?;
        }
        let home = Self { user, place, run_dir, environment: Mutex::default(), _lock: lock };
        for dir in [home.path().to_owned(), home.run_dir.path().join("gpg")] {
            home.make_dir(&dir)?;
        }
        home.set_environment()?;
        Ok(home)
    }

    fn set_environment(&self) -> Result<()> {
        let programs = programs::directory()?;
        let below = |name: &str| self.place.path().join(name).into_os_string();
        let path =
            format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", programs.display());
        for (name, value) in [
            ("HOME", self.path().into()),
            ("USER", self.user.name.clone().into()),
            ("LOGNAME", self.user.name.clone().into()),
            ("SHELL", "/bin/sh".into()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "dumb".into()),
            ("PATH", path.into()),
            ("XDG_RUNTIME_DIR", self.run_dir.path().into()),
            ("GNUPGHOME", self.run_dir.path().join("gpg").into()),
            ("ARIL_BIN_DIR", programs.into()),
            ("ARIL_SYSTEM_DIR", below("system/aril")),
            ("ARIL_CONFIG_DIR", below("system/etc-aril")),
            ("FLATPAK_SYSTEM_DIR", below("system/flatpak")),
            ("FLATPAK_CONFIG_DIR", below("system/etc-flatpak")),
        ] {
            self.set(name, value);
        }
        Ok(())
    }

    /// Whose it is.
    pub fn user(&self) -> &TestUser {
        self.user
    }

    /// What `HOME` names.
    pub fn path(&self) -> PathBuf {
        self.place.path().join("home")
    }

    /// What `XDG_RUNTIME_DIR` names.
    pub fn run_dir(&self) -> &Path {
        self.run_dir.path()
    }

    /// Beside the home: for repositories and files of a test that are not the user's.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// A directory of manifests, for `ARIL_MANIFEST_DIR`, in which this one is what runtimes are made from.
    pub fn manifests(&self, platform: &Path) -> Result<PathBuf> {
        let dir = self.beside("manifests");
        fs::create_dir_all(dir.join("f42"))?;
        fs::copy(platform, dir.join("f42/platform.toml"))?;
        Ok(dir)
    }

    /// Sets a variable for each program that is started afterwards.
    pub fn set(&self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        let mut environment = self.environment.lock().unwrap_or_else(|one| one.into_inner());
        environment.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
    }

    /// Makes a directory, and those above it, that the user owns and nobody else reads.
    pub fn make_dir(&self, path: &Path) -> Result<()> {
        if path.exists() {
            return Ok(());
        }
        self.make_dir(path.parent().context("a path without a directory")?)?;
        fs::create_dir(path)?;
        fs::set_permissions(path, PermissionsExt::from_mode(0o700))?;
        self.user.own(path)
    }

    /// Writes a file of the user's, given by its path below the home.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path().join(name);
        self.make_dir(path.parent().context("a path without a directory")?)?;
        fs::write(&path, content)?;
        self.user.own(&path)?;
        Ok(path)
    }

    /// Reads a file, given by its path below the home.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.path().join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// A command that runs `program` as the user, in the home: one under test, else from `PATH`. To start it, hand it to
    /// [`Running::start`] or [`Outcome::of`]: so it ends with the test.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let program = self.find(program.as_ref())?;
        let mut command = self.user.command(&program);
        command.envs(self.environment.lock().unwrap_or_else(|one| one.into_inner()).iter());
        command.current_dir(self.path());
        Ok(command)
    }

    /// Runs a program with its arguments to the end.
    pub fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Outcome> {
        Outcome::of(self.prepared(words)?, PATIENCE)
    }

    /// Runs it with `input` on its standard input.
    pub fn run_with_input<S: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = S>,
        input: impl Into<Vec<u8>>,
    ) -> Result<Outcome> {
        Outcome::of_with_input(self.prepared(words)?, PATIENCE, input.into())
    }

    /// Starts a program that runs until the value goes.
    pub fn start<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Running> {
        Running::start(self.prepared(words)?)
    }

    fn prepared<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Command> {
        let mut words = words.into_iter();
        let mut command = self.command(words.next().context("no program")?)?;
        command.args(words);
        Ok(command)
    }

    fn find(&self, program: &OsStr) -> Result<PathBuf> {
        if Path::new(program).is_absolute() {
            return Ok(PathBuf::from(program));
        }
        let environment = self.environment.lock().unwrap_or_else(|one| one.into_inner());
        let path = environment.get(OsStr::new("PATH")).context("PATH is not set")?;
        let mut places = std::env::split_paths(path).map(|dir| dir.join(program));
        places.find(|one| one.exists()).with_context(|| format!("no program '{}'", program.display()))
    }
}

impl Drop for TestHome {
    fn drop(&mut self) {
        make_removable(self.place.path());
    }
}

fn private_dir(prefix: &str, above: &Path) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    Ok(builder.prefix(prefix).permissions(PermissionsExt::from_mode(0o700)).tempdir_in(above)?)
}

/// Removes homes of test processes that are gone.
fn remove_left(above: &Path) -> Result<()> {
    for entry in fs::read_dir(above)? {
        let dir = entry?.path();
        let is_left = match File::open(dir.join("lock")) {
            Ok(lock) => rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
            // One that is just being made has no lock yet; one whose removal did not come to its end has none any more.
            Err(_) => is_home(&dir) && age(&dir) > Duration::from_secs(60),
        };
        if is_left {
            remove_one(&dir);
        }
    }
    Ok(())
}

fn is_home(dir: &Path) -> bool {
    dir.join("home").is_dir() && dir.file_name().is_some_and(|name| name.len() == 7)
}

fn age(dir: &Path) -> Duration {
    let changed = fs::metadata(dir).and_then(|metadata| metadata.modified());
    changed.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default()
}

fn remove_one(dir: &Path) {
    // The name alone: who owns the home may have led the link elsewhere.
    let run_dir = fs::read_link(dir.join(RUN_DIR)).ok();
    let name = run_dir.as_deref().and_then(Path::file_name).and_then(OsStr::to_str);
    if let Some(name) = name.filter(|name| name.starts_with("ar")) {
        let _ = fs::remove_dir_all(Path::new("/tmp").join(name));
    }
    // What a killed test's programs started may go on for a moment, and write. Another test process may remove it, too.
    for _ in 0..20 {
        make_removable(dir);
        if fs::remove_dir_all(dir).is_ok() || !dir.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An overlay leaves directories that even their owner cannot enter. What cannot be changed cannot be removed either, and stays.
fn make_removable(dir: &Path) {
    let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(dir).stderr(std::process::Stdio::null()).status();
}
