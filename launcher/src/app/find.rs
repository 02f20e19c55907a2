//! The app that a person means, and the runtime that it runs on.

use aril_installation::{Deploy, Installation, Installations, Scope};
use aril_model::{AppId, Arch, Hint, Kind, Metadata, PartialRef, Ref, nearest};

use crate::LaunchError;
use crate::arguments::{InstallationChoice, RunRequest};

/// A deploy, and the installation that has it.
pub(crate) struct Found<'a> {
    pub(crate) installation: &'a Installation,
    pub(crate) deploy: Deploy,
}

/// The deploy that a command line names.
pub(crate) fn app<'a>(
    installations: &'a Installations,
    request: &RunRequest,
) -> Result<Found<'a>, LaunchError> {
    let (installation, reference) = reference(installations, request)?;
    let deploy = match &request.commit {
        Some(commit) => installation.deploy(&reference, commit)?.ok_or_else(|| LaunchError::NoCommit {
            reference: Box::new(reference.clone()),
            commit: commit.clone(),
        })?,
        None => installation.active(&reference)?.ok_or_else(|| not_installed(installations, request))?,
    };
    Ok(Found { installation, deploy })
}

fn reference<'a>(
    installations: &'a Installations,
    request: &RunRequest,
) -> Result<(&'a Installation, Ref), LaunchError> {
    let wanted = &request.name;
    let chosen: Vec<&Installation> = installations.iter().filter(|i| is_chosen(request, i)).collect();
    // The usual case looks at two links: no listing of all that is installed.
    let only_id = wanted.arch.is_none() && wanted.branch.is_none() && wanted.kind != Some(Kind::Runtime);
    if only_id && let Ok(id) = wanted.name.parse::<AppId>() {
        for installation in &chosen {
            if let Some(reference) = installation.current(&id)? {
                return Ok((installation, reference));
            }
        }
    }
    let mut matching = installations.matching(wanted)?;
    matching.retain(|(installation, _)| is_chosen(request, installation));
    one_of(matching, wanted).unwrap_or_else(|| Err(not_installed(installations, request)))
}

/// Apps before runtimes, the machine's own architecture before others; `None` if there is none.
fn one_of<'a>(
    mut matching: Vec<(&'a Installation, Ref)>,
    wanted: &PartialRef,
) -> Option<Result<(&'a Installation, Ref), LaunchError>> {
    if matching.iter().any(|(_, reference)| reference.kind == Kind::App) {
        matching.retain(|(_, reference)| reference.kind == Kind::App);
    }
    if wanted.arch.is_none() && matching.iter().any(|(_, reference)| reference.arch == Arch::native()) {
        matching.retain(|(_, reference)| reference.arch == Arch::native());
    }
    let first = matching.first()?.1.id.clone();
    let mut others: Vec<String> = matching.iter().map(|(_, reference)| reference.id.to_string()).collect();
    others.sort();
    others.dedup();
    if others.iter().any(|other| other != first.as_str()) {
        return Some(Err(LaunchError::Ambiguous { name: wanted.to_string(), ids: others }));
    }
    matching.into_iter().next().map(Ok)
}

fn is_chosen(request: &RunRequest, installation: &Installation) -> bool {
    match (&request.installation, installation.scope()) {
        (None, _) => true,
        (Some(InstallationChoice::User), scope) => *scope == Scope::User,
        (Some(InstallationChoice::System), scope) => *scope == Scope::System,
        (Some(InstallationChoice::Named(name)), scope) => *scope == Scope::Extra(name.clone()),
    }
}

fn not_installed(installations: &Installations, request: &RunRequest) -> LaunchError {
    let ids = installations.app_ids().unwrap_or_default();
    let near = nearest(&request.name.name, ids.iter().map(AppId::as_str)).map(str::to_owned);
    LaunchError::NotInstalled { name: request.name.to_string(), near }
}

/// The runtime of an app, by its metadata and the command line; `None` when what was found is a runtime itself.
pub(crate) fn runtime<'a>(
    installations: &'a Installations,
    app: &Found<'a>,
    metadata: &Metadata,
    request: &RunRequest,
) -> Result<Option<Found<'a>>, LaunchError> {
    if app.deploy.reference().kind == Kind::Runtime {
        return Ok(None);
    }
    let own = if request.runtime.devel.is_on() { metadata.sdk.as_ref() } else { metadata.runtime.as_ref() };
    let own = own.ok_or_else(|| LaunchError::NoRuntimeNamed { id: metadata.id.clone() })?;
    let wanted = replaced(own, request);
    let found = match &request.runtime.commit {
        Some(commit) => with_commit(installations, &wanted, commit)?,
        None => installations.runtime_of(app.installation, &app.deploy, &wanted)?,
    };
    let (installation, deploy) = found.ok_or_else(|| LaunchError::NoRuntime {
        id: metadata.id.clone(),
        runtime: Box::new(wanted.clone()),
    })?;
    Ok(Some(Found { installation, deploy }))
}

fn replaced(own: &Ref, request: &RunRequest) -> Ref {
    let mut wanted = own.clone();
    if let Some(name) = &request.runtime.name {
        if let Ok(id) = name.name.parse() {
            wanted.id = id;
        }
        wanted.arch = name.arch.clone().unwrap_or(wanted.arch);
        wanted.branch = name.branch.clone().unwrap_or(wanted.branch);
    }
    wanted.branch = request.runtime.branch.clone().unwrap_or(wanted.branch);
    wanted
}

fn with_commit<'a>(
    installations: &'a Installations,
    wanted: &Ref,
    commit: &aril_model::CommitId,
) -> Result<Option<(&'a Installation, Deploy)>, LaunchError> {
    for installation in installations.iter() {
        if let Some(deploy) = installation.deploy(wanted, commit)? {
            return Ok(Some((installation, deploy)));
        }
    }
    Ok(None)
}

impl LaunchError {
    /// What would help when something is not there.
    pub(crate) fn absence_hint(&self) -> Option<String> {
        match self {
            Self::NotInstalled { near: Some(near), .. } | Self::NotRunning { near: Some(near), .. } => {
                Some(format!("did you mean `{near}`?"))
            }
            Self::NotInstalled { near: None, .. } => Some("`aril list` shows what is installed".into()),
            Self::NotRunning { near: None, .. } => Some("`aril ps` shows what runs".into()),
            Self::Ambiguous { ids, .. } => Some(format!("it is one of {}", ids.join(", "))),
            Self::NoRuntime { runtime, .. } => Some(format!("`aril install {}`", runtime.without_kind())),
            Self::Installation(error) => error.hint(),
            _ => None,
        }
    }
}
