//! What is known of an app, for a program.

use aril_installation::PackageRecord;
use aril_model::{CommitId, Kind, Layout};
use aril_terminal::{Failure, Terminal, rfc3339};
use serde::Serialize;

use super::{RuntimeCommit, Subject};
use crate::permissions::ContextJson;

/// Fields are added, never changed.
#[derive(Serialize)]
struct Document {
    id: String,
    #[serde(rename = "ref")]
    reference: String,
    kind: &'static str,
    arch: String,
    branch: String,
    name: String,
    summary: Option<String>,
    version: Option<String>,
    license: Option<String>,
    origin: String,
    installation: String,
    layout: Option<&'static str>,
    runtime: Option<String>,
    runtime_commit: Option<String>,
    is_held_on_runtime: bool,
    sdk: Option<String>,
    installed_size: u64,
    commit: String,
    commit_time: Option<String>,
    kept: Vec<Kept>,
    packages: Vec<Package>,
    location: String,
    is_current: bool,
    permissions: ContextJson,
    requested: ContextJson,
    effects: Vec<String>,
    not_granted: Vec<String>,
    overrides: ContextJson,
}

/// An older version that `rollback` can go to.
#[derive(Serialize)]
struct Kept {
    commit: String,
    version: Option<String>,
}

/// An RPM that it was made of.
#[derive(Serialize)]
struct Package {
    name: String,
    evr: String,
    arch: String,
    digest: String,
}

fn kept((commit, version): &(CommitId, Option<String>)) -> Kept {
    Kept { commit: commit.to_string(), version: version.clone() }
}

fn package(record: &PackageRecord) -> Package {
    let record = record.clone();
    Package { name: record.name, evr: record.evr, arch: record.arch, digest: record.digest }
}

pub(super) fn print(subject: &Subject, terminal: &Terminal) -> Result<(), Failure> {
    let installed = &subject.installed;
    let reference = installed.reference();
    let record = installed.record();
    let is_app = reference.kind == Kind::App;
    let layout = match subject.metadata.layout {
        Layout::Merged => "merged",
        Layout::App => "app",
    };
    terminal.print_json(&Document {
        id: reference.id.to_string(),
        reference: reference.to_string(),
        kind: reference.kind.as_str(),
        arch: reference.arch.to_string(),
        branch: reference.branch.to_string(),
        name: installed.name(),
        summary: installed.text("summary"),
        version: subject.version.clone(),
        license: installed.text("license"),
        origin: record.origin.clone(),
        installation: installed.scope.to_string(),
        layout: is_app.then_some(layout),
        runtime: installed.runtime().filter(|_| is_app),
        runtime_commit: subject.runtime_commit.as_ref().map(|commit| match commit {
            RuntimeCommit::Active(commit) | RuntimeCommit::Held(commit) => commit.to_string(),
        }),
        is_held_on_runtime: matches!(subject.runtime_commit, Some(RuntimeCommit::Held(_))),
        sdk: subject.metadata.sdk.as_ref().map(|sdk| sdk.without_kind()),
        installed_size: record.installed_size,
        commit: installed.deploy.commit().to_string(),
        commit_time: record.timestamp.and_then(|seconds| i64::try_from(seconds).ok()).map(rfc3339),
        kept: subject.kept.iter().map(kept).collect(),
        packages: subject.packages.iter().map(package).collect(),
        location: installed.deploy.path().display().to_string(),
        is_current: installed.is_current,
        permissions: ContextJson::from(&subject.permissions.effective),
        requested: ContextJson::from(&subject.metadata.context),
        effects: if is_app { subject.permissions.effective.effects() } else { Vec::new() },
        not_granted: subject.permissions.pending.0.clone(),
        overrides: ContextJson::from(&subject.permissions.overrides),
    })
}
