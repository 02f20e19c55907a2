//! Asking `aril-build`: what would be made of RPMs, making it, and whether apps fit a runtime.
//!
//! It is a child: its progress goes to our standard error, its answer is one JSON document.
//! Source: `docs/format/build.md`.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aril_model::{CommitId, Ref, RemoteName};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::host::Host;
use crate::{LockedInstallation, Result, TransactionError};

/// Largest answer, in bytes.
const LIMIT: u64 = 64 << 20;

/// What is to be made of RPMs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// An app of packages and files.
    App { packages: Vec<String>, files: Vec<PathBuf>, shadow: bool },
    /// A runtime of a manifest.
    Runtime { manifest: PathBuf },
    /// What is installed, again.
    Again(Ref),
}

/// What would be made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BuildPlan {
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    pub(crate) changed: bool,
    pub(crate) runtime: Option<PlannedRuntime>,
    pub(crate) packages: Vec<PlannedPackage>,
    pub(crate) download_size: u64,
    pub(crate) installed_size: u64,
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PlannedRuntime {
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) manifest: Option<PathBuf>,
}

/// One package of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub struct PlannedPackage {
    /// Its name.
    pub name: String,
    /// Epoch, version and release.
    pub evr: String,
    /// Its architecture.
    pub arch: String,
    /// `add`, `update`, `remove` or `keep`.
    pub change: String,
    /// What is there now, for an update.
    pub old_evr: Option<String>,
    /// `requested`, or the package that needs it.
    pub why: String,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes when installed.
    pub installed_size: u64,
}

/// What was made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Built {
    #[serde(rename = "ref")]
    pub(crate) reference: String,
    pub(crate) commit: String,
    pub(crate) report: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Check {
    apps: Vec<CheckedApp>,
}

/// What a repository says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Probe {
    pub(crate) release: Option<String>,
    pub(crate) is_signed: bool,
}

/// Whether an app fits a runtime.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckedApp {
    #[serde(rename = "ref")]
    pub(crate) reference: String,
    pub(crate) fits: bool,
    pub(crate) missing: Vec<String>,
}

/// `aril-build` for one installation.
pub(crate) struct Builder<'a> {
    at: &'a LockedInstallation,
    host: &'a Host,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(at: &'a LockedInstallation, host: &'a Host) -> Self {
        Self { at, host }
    }

    /// Asks what would be made; changes nothing but caches.
    pub(crate) fn plan(
        &self,
        remote: &RemoteName,
        order: &Order,
        runtime: Option<&CommitId>,
    ) -> Result<BuildPlan> {
        let mut line = self.line("plan", order);
        line.option("--remote", remote.as_str());
        runtime.into_iter().for_each(|commit| line.option("--runtime", commit.as_str()));
        self.ask(&format!("find out what '{remote}' has"), line)
    }

    /// Makes it. The commit is in the repository afterwards.
    pub(crate) fn build(
        &self,
        remote: &RemoteName,
        order: &Order,
        runtime: Option<&CommitId>,
    ) -> Result<(Ref, CommitId, Vec<String>)> {
        let is_runtime = match order {
            Order::App { .. } => false,
            Order::Runtime { .. } => true,
            Order::Again(reference) => reference.kind == aril_model::Kind::Runtime,
        };
        let mut line = self.line(if is_runtime { "runtime" } else { "app" }, order);
        line.option("--from", remote.as_str());
        line.options.extend(["--json".into(), "--noninteractive".into()]);
        runtime.into_iter().for_each(|commit| line.option("--runtime", commit.as_str()));
        let what = format!("build from the packages of '{remote}'");
        let built: Built = self.ask(&what, line)?;
        let nonsense = |problem: String| TransactionError::Program { what: what.clone(), problem };
        let reference =
            built.reference.parse().map_err(|error| nonsense(format!("aril-build says {error}")))?;
        let commit = built.commit.parse().map_err(|error| nonsense(format!("aril-build says {error}")))?;
        Ok((reference, commit, built.report))
    }

    /// Asks whether apps fit another commit of their runtime.
    pub(crate) fn check(&self, runtime: &CommitId, apps: &[Ref]) -> Result<Vec<CheckedApp>> {
        let mut line = self.start("check");
        line.option("--runtime", runtime.as_str());
        line.names.extend(apps.iter().map(|app| app.to_string().into()));
        Ok(self.ask::<Check>("check whether apps fit a runtime", line)?.apps)
    }

    /// Asks what the repository of a remote says of itself, whose files are in `remotes`.
    pub(crate) fn probe(&self, name: &RemoteName, remotes: &Path, look: bool) -> Result<Probe> {
        let mut line = Line::new("probe");
        line.option("--remotes", remotes);
        line.option("--remote", name.as_str());
        line.options.extend((!look).then(|| "--unsigned".into()));
        self.ask(&format!("ask the repository '{name}'"), line)
    }

    fn start(&self, command: &str) -> Line {
        let mut line = Line::new(command);
        line.option("--installation", self.at.dir().path());
        line
    }

    fn line(&self, command: &str, order: &Order) -> Line {
        let mut line = self.start(command);
        match order {
            Order::App { packages, files, shadow } => {
                files.iter().for_each(|file| line.option("--file", file));
                line.options.extend(shadow.then(|| "--shadow".into()));
                line.names.extend(packages.iter().map(OsString::from));
            }
            Order::Runtime { manifest } => line.names.push(manifest.into()),
            Order::Again(reference) => line.option("--ref", reference.to_string()),
        }
        line
    }

    fn ask<T: DeserializeOwned>(&self, what: &str, line: Line) -> Result<T> {
        let failed = |problem: String| TransactionError::Program { what: what.to_owned(), problem };
        let program = self.host.builder.as_deref().unwrap_or(Path::new("aril-build"));
        tracing::debug!("{} {:?} {:?}", program.display(), line.options, line.names);
        let mut command = Command::new(program);
        command.args(line.options).arg("--").args(line.names).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| failed(format!("'{}' cannot be started: {error}", program.display())))?;
        let mut answer = Vec::new();
        let read = child.stdout.take().map(|output| output.take(LIMIT).read_to_end(&mut answer));
        let status = child.wait().map_err(|error| failed(error.to_string()))?;
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Err(failed(format!("aril-build was ended by signal {signal}")));
        }
        if !status.success() {
            return Err(TransactionError::Child { what: what.to_owned() });
        }
        read.transpose().map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&answer)
            .map_err(|error| failed(format!("aril-build answers nonsense: {error}")))
    }
}

/// A command line: a package's name, which a repository may choose, is never an option.
struct Line {
    options: Vec<OsString>,
    names: Vec<OsString>,
}

impl Line {
    fn new(command: &str) -> Self {
        Self { options: vec![command.into()], names: Vec::new() }
    }

    fn option(&mut self, name: &str, value: impl Into<OsString>) {
        self.options.extend([name.into(), value.into()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_may_have_more_or_less_fields() {
        let plan: BuildPlan =
            serde_json::from_str("{\"version\":1,\"ref\":null,\"changed\":true,\"new\":[]}").unwrap();
        assert!(plan.changed && plan.reference.is_none() && plan.packages.is_empty());
    }
}
