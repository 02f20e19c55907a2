//! What is known of an app, for a program.

use aril_model::{Kind, Layout};
use aril_terminal::{Failure, Terminal, rfc3339};
use serde::Serialize;

use super::Subject;
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
    sdk: Option<String>,
    installed_size: u64,
    commit: String,
    commit_time: Option<String>,
    kept_commits: Vec<String>,
    location: String,
    is_current: bool,
    permissions: ContextJson,
    requested: ContextJson,
    effects: Vec<String>,
    not_granted: Vec<String>,
    overrides: ContextJson,
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
        version: installed.text("version"),
        license: installed.text("license"),
        origin: record.origin.clone(),
        installation: installed.scope.to_string(),
        layout: is_app.then_some(layout),
        runtime: installed.runtime().filter(|_| is_app),
        sdk: subject.metadata.sdk.as_ref().map(|sdk| sdk.without_kind()),
        installed_size: record.installed_size,
        commit: installed.deploy.commit().to_string(),
        commit_time: record.timestamp.and_then(|seconds| i64::try_from(seconds).ok()).map(rfc3339),
        kept_commits: subject.kept.clone(),
        location: installed.deploy.path().display().to_string(),
        is_current: installed.is_current,
        permissions: ContextJson::from(&subject.permissions.effective),
        requested: ContextJson::from(&subject.metadata.context),
        effects: if is_app { subject.permissions.effective.effects() } else { Vec::new() },
        not_granted: subject.permissions.pending.0.clone(),
        overrides: ContextJson::from(&subject.permissions.overrides),
    })
}
