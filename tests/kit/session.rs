//! A person's session: an empty home, an X server, a bus, a remote of RPMs, and apps that are installed and started in it.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use aril_tests::{session::Session, test_repo::{State, TestRepo}};
//! let session = Session::start()?;
//! session.add_remote("test", TestRepo::shared()?, State::First)?;
//! let app = session.install("test", "galculator")?;
//! let shown = session.show(&app.id, &[], "galculator")?;
//! assert!(!shown.picture.is_one_colour());
//! shown.close(&session)?;
//! # Ok(()) }
//! ```

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::bus::{Services, SessionBus};
use crate::display::{Display, Window};
use crate::home::TestHome;
use crate::keeper::Running;
use crate::outcome::Outcome;
use crate::picture::Picture;
use crate::test_repo::{State, TestRepo};

/// A home with a display and a bus; what ends first is first.
#[derive(Debug)]
pub struct Session {
    /// The bus.
    pub bus: SessionBus,
    /// The X server.
    pub display: Display,
    /// The home.
    pub home: TestHome,
}

/// What one `aril install` brought.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The app's id.
    pub id: String,
    /// What it takes when installed, in bytes, without its runtime.
    pub size: u64,
    /// How many packages are in it.
    pub packages: usize,
    /// How long it took.
    pub took: Duration,
}

/// An app whose window is there.
#[derive(Debug)]
pub struct Shown {
    id: String,
    running: Running,
    /// Its window.
    pub window: Window,
    /// What is in it.
    pub picture: Picture,
    /// From the command to the window.
    pub took: Duration,
}

impl Session {
    /// Starts one in an empty home.
    pub fn start() -> Result<Self> {
        let home = TestHome::new()?;
        let display = Display::start(&home)?;
        let bus = SessionBus::start(&home, Services::OfHome)?;
        Ok(Self { bus, display, home })
    }

    /// Adds a state of the repository as a remote of the user's; what its runtime is made of says the repository, too.
    pub fn add_remote(&self, name: &str, repo: &TestRepo, state: State) -> Result<()> {
        self.home.set("ARIL_MANIFEST_DIR", repo.manifests());
        let key = format!("--gpg-import={}", repo.key().display());
        let url = format!("rpm+{}", repo.url(state));
        self.home.run(["aril", "remote-add", &key, name, &url])?.success()?;
        Ok(())
    }

    /// Installs a package as an app, by one command.
    pub fn install(&self, remote: &str, package: &str) -> Result<Installed> {
        let outcome = self.home.run(["aril", "install", "-y", "--json", remote, package])?;
        let answer: Answer = serde_json::from_str(outcome.success()?)
            .with_context(|| format!("what `{}` printed", outcome.words))?;
        let step = answer.steps.into_iter().find(|step| step.reference.starts_with("app/"));
        let step = step.with_context(|| format!("`{}` installed no app", outcome.words))?;
        let id = step.reference.split('/').nth(1).unwrap_or_default().to_owned();
        Ok(Installed { id, size: step.installed_size, packages: step.packages.len(), took: outcome.took })
    }

    /// Starts an app and waits until a window whose title contains `title` shows something.
    pub fn show(&self, id: &str, arguments: &[&str], title: &str) -> Result<Shown> {
        let mut command = self.home.command("aril")?;
        command.args(["run", id]).args(arguments);
        let note = self.home.beside(&format!("{id}.log"));
        let log = File::create(&note)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let begun = Instant::now();
        let mut running = Running::start(command)?;
        let found = self.display.wait_for_window_while(title, || Ok(running.child().try_wait()?.is_none()));
        let took = begun.elapsed();
        let said = || std::fs::read_to_string(&note).unwrap_or_default();
        let end =
            running.child().try_wait()?.map_or("goes on".to_owned(), |status| format!("ended: {status}"));
        let window = found.with_context(|| format!("`aril run {id}` {end}; it said: {}", said()))?;
        let picture = self.display.settled_picture_of(&window)?;
        Ok(Shown { id: id.to_owned(), running, window, picture, took })
    }

    /// Runs a shell's `script` in an app's sandbox, in an empty directory of its own.
    pub fn run_script(&self, id: &str, script: &str, input: &str) -> Result<Outcome> {
        let script = format!("cd \"$(mktemp -d)\" && {{ {script}\n}}");
        self.home.run_with_input(["aril", "run", "--command=sh", id, "-c", &script], input)
    }
}

impl Shown {
    /// Ends the app as a person does who has lost patience, and waits until nothing of it is left.
    pub fn close(mut self, session: &Session) -> Result<()> {
        session.home.run(["aril", "kill", &self.id])?.success()?;
        let begun = Instant::now();
        while self.running.child().try_wait()?.is_none() {
            ensure!(begun.elapsed() < Duration::from_secs(10), "'{}' goes on after `aril kill`", self.id);
            std::thread::sleep(Duration::from_millis(5));
        }
        session.display.wait_until_gone(&self.window.title)?;
        let left = session.home.run(["aril", "ps", "--columns=application"])?;
        if left.success()?.lines().any(|line| line == self.id) {
            bail!("'{}' was killed and is still listed by `aril ps`", self.id);
        }
        Ok(())
    }
}

/// What `aril install --json` prints.
#[derive(Debug, Deserialize)]
struct Answer {
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    #[serde(rename = "ref")]
    reference: String,
    installed_size: u64,
    packages: Vec<serde::de::IgnoredAny>,
}
