//! One home with a remote of real RPMs: what is in it can be kept and made again at the same place.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use aril_tests::home::TestHome;
use aril_tests::outcome::Outcome;
use aril_tests::test_repo::{ChangingRepo, State, TestRepo};
use aril_tests::tracer::{self, Traced};

/// An app whose versions can be told by what it does.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) package: &'static str,
    id: &'static str,
    /// The manifest of the runtime.
    runtime: &'static str,
    /// What is run in its sandbox.
    command: &'static [&'static str],
    /// What it prints in the first and in the second version.
    says: [&'static str; 2],
}

/// Converts units; a mile is a foot longer in the second version.
pub(crate) const UNITS: App = App {
    package: "units",
    id: "local.rpm.units",
    runtime: "min",
    command: &["units", "--terse", "mile", "ft"],
    says: ["5280\n", "5281\n"],
};

/// A calculator with a window, icons and a desktop file; its menu has another word in the second version.
pub(crate) const GALCULATOR: App = App {
    package: "galculator",
    id: "local.rpm.galculator",
    runtime: "x11",
    command: &["grep", "-oE", ">_(Help|Assistance)<", "/usr/share/galculator/ui/main_frame.ui"],
    says: [">_Help<\n", ">_Assistance<\n"],
};

/// A home in which an app lives.
pub(crate) struct Life {
    pub(crate) app: &'static App,
    home: TestHome,
    changing: ChangingRepo<'static>,
}

impl Life {
    /// With the remote added.
    pub(crate) fn new(app: &'static App) -> Result<Self> {
        let life = Self::bare(app)?;
        life.add_remote(&life.changing.url())?;
        Ok(life)
    }

    /// With nothing in it.
    pub(crate) fn bare(app: &'static App) -> Result<Self> {
        let (home, repo) = (TestHome::new()?, TestRepo::shared()?);
        home.set("ARIL_MANIFEST_DIR", home.manifests(&repo.manifest(app.runtime))?);
        let changing = ChangingRepo::new(repo, &home.beside(""))?;
        Ok(Self { app, home, changing })
    }

    /// Adds the remote, at an address.
    pub(crate) fn add_remote(&self, url: &str) -> Result<()> {
        let key = format!("--gpg-import={}", TestRepo::shared()?.key().display());
        self.run(&["aril", "remote-add", &key, "test", &format!("rpm+{url}")])
    }

    /// What `HOME` names.
    pub(crate) fn home(&self) -> PathBuf {
        self.home.path()
    }

    /// Runs a command to its end.
    pub(crate) fn outcome(&self, line: &[&str]) -> Result<Outcome> {
        self.home.run(line)
    }

    /// Runs a command, which must fail; what it says.
    pub(crate) fn fails(&self, line: &[&str]) -> Result<String> {
        Ok(self.home.run(line)?.failure(1)?.to_owned())
    }

    /// The command that installs the app.
    pub(crate) fn install(&self) -> [&'static str; 5] {
        ["aril", "install", "-y", "test", self.app.package]
    }

    /// Builds the runtime.
    pub(crate) fn add_runtime(&self) -> Result<()> {
        let manifest = self.home.beside("manifests/f42/platform.toml").display().to_string();
        self.run(&["aril", "build", "runtime", &manifest, "--from", "test", "-y"])
    }

    /// From now on the remote has the second version.
    pub(crate) fn become_second(&self) -> Result<()> {
        self.changing.become_state(State::Second)
    }

    /// Runs a command, which must succeed.
    pub(crate) fn run(&self, line: &[&str]) -> Result<()> {
        self.home.run(line)?.success().map(drop)
    }

    /// Runs a command under trace.
    pub(crate) fn trace(&self, line: &[&str], until: Option<usize>) -> Result<Traced> {
        let mut command = self.home.command(line[0])?;
        command.args(&line[1..]);
        tracer::run(&command, self.home.user(), until)
    }

    /// Does again what was killed.
    pub(crate) fn finish(&self, line: &[&str]) -> Result<()> {
        let more: &[&str] = if line[1] == "install" { &["--or-update"] } else { &[] };
        self.run(&[line, more].concat())
    }

    /// Which version of the app runs; `None` if there is none.
    pub(crate) fn version(&self) -> Result<Option<u32>> {
        let listed = self.home.run(["aril", "list", "--app", "--columns=application"])?;
        if !listed.success()?.lines().any(|line| line.trim() == self.app.id) {
            return Ok(None);
        }
        let command = format!("--command={}", self.app.command[0]);
        let line = [&["aril", "run", &command, self.app.id], &self.app.command[1..]].concat();
        let said = self.home.run(line)?;
        match said.success()? {
            one if one == self.app.says[0] => Ok(Some(1)),
            two if two == self.app.says[1] => Ok(Some(2)),
            other => bail!("the app says {other:?}"),
        }
    }

    /// The store is whole, and nothing that a change leaves is there.
    pub(crate) fn assert_sound(&self) -> Result<()> {
        let place = self.home.path().join(".local/share/aril");
        let said = Outcome::of(
            {
                let mut command = self.home.command("ostree")?;
                command.args(["fsck", "--quiet"]).arg(format!("--repo={}", place.join("repo").display()));
                command
            },
            std::time::Duration::from_secs(300),
        )?;
        said.success()?;
        for name in [".staging", ".unfinished"] {
            ensure!(!place.join(name).exists(), "{name} is left");
        }
        let left: Vec<_> = fs::read_dir(place.join("repo/tmp"))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        ensure!(left.iter().all(|name| name == "cache"), "repo/tmp has {left:?}");
        crate::state::assert_no_dangling(&self.home.path().join(".local/share"))
    }

    /// What lies in the home, but for what differs between any two runs.
    pub(crate) fn state(&self) -> Result<Vec<String>> {
        crate::state::of(&self.home.path())
    }

    fn kept(&self) -> PathBuf {
        self.home.beside("kept")
    }

    /// Keeps the home as it is now.
    pub(crate) fn keep(&self) -> Result<()> {
        copy(&self.home.path(), &self.kept())
    }

    /// Makes it what it was when it was kept.
    pub(crate) fn restore(&self) -> Result<()> {
        let home = self.home.path();
        // An overlay leaves directories that even their owner cannot enter.
        let status = Command::new("chmod").args(["-R", "u+rwX"]).arg(&home).status()?;
        ensure!(status.success(), "the home cannot be opened");
        fs::remove_dir_all(&home)?;
        copy(&self.kept(), &home)
    }
}

/// Copies a home with its owners, times and hard links.
fn copy(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    let status = Command::new("cp").args(["--archive", "--reflink=auto"]).arg(from).arg(to).status()?;
    ensure!(status.success(), "{} cannot be copied", from.display());
    fs::metadata(to).context("nothing was copied").map(drop)
}
