//! What would be built, without building it; and whether apps fit a new runtime.
mod change;
mod check;

use serde::Serialize;

use aril_model::{CommitId, Ref};

pub use check::{Check, check};

use crate::build::{AppRequest, Solved, solve_app, solve_runtime};
use crate::gather::{Source, file_digest};
use crate::import;
use crate::session::Session;
use crate::solve::Reason;
use crate::{BuildError, gather};

/// A plan, as `docs/format/build.md` says.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// What it will be called, if that can be known yet.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Whether building it would give another commit than what is installed.
    pub changed: bool,
    /// What it would run on; nothing for a runtime.
    pub runtime: PlannedRuntime,
    /// Its packages.
    pub packages: Vec<PlannedPackage>,
    /// Bytes to fetch.
    pub download_size: u64,
    /// Bytes of its files.
    pub installed_size: u64,
    /// What is odd about this plan.
    pub notes: Vec<String>,
}

/// The runtime of a plan.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PlannedRuntime {
    /// What it is called.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The commit that was planned against.
    pub commit: Option<String>,
    /// The file to build it from.
    pub manifest: Option<String>,
}

/// A package of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub evr: String,
    /// Its architecture.
    pub arch: String,
    /// The beginning of the digest of its header, if it is here already.
    pub digest: Option<String>,
    /// `add`, `update`, `remove` or `keep`.
    pub change: &'static str,
    /// The version that is installed.
    pub old_evr: Option<String>,
    /// `requested`, or the name of the package that needs it.
    pub why: String,
    /// Bytes to fetch.
    pub download_size: u64,
    /// Bytes of its files.
    pub installed_size: u64,
    /// Whether it was imported before.
    pub is_here: bool,
}

/// Plans an app or, with the ref of a runtime, a runtime.
///
/// # Errors
/// When there is no solution, or something that is needed for an answer cannot be had.
pub fn plan(session: &Session, mut request: AppRequest, again: Option<&Ref>) -> Result<Plan, BuildError> {
    let solved = match again {
        Some(reference) if reference.kind == aril_model::Kind::Runtime => {
            solve_runtime(session, &session.recorded_manifest(reference)?)?
        }
        Some(reference) => {
            request.wanted = session.recorded_request(reference)?;
            request.runtime.reference = session.recorded_runtime(reference)?;
            solve_app(session, &request)?
        }
        None => solve_app(session, &request)?,
    };
    let mut packages = planned_packages(session, &solved, &request)?;
    let mut changed = true;
    if let Some(reference) = again {
        changed = change::compare(session, reference, &solved, &mut packages)?;
    }
    let missing = packages.iter().filter(|package| !package.is_here && package.change != "remove");
    Ok(Plan {
        reference: again.map(ToString::to_string),
        changed,
        runtime: solved.runtime.clone(),
        download_size: missing.map(|package| package.download_size).sum(),
        installed_size: packages
            .iter()
            .filter(|package| package.change != "remove")
            .map(|package| package.installed_size)
            .sum(),
        packages,
        notes: solved.notes.clone(),
    })
}

fn planned_packages(
    session: &Session,
    solved: &Solved,
    request: &AppRequest,
) -> Result<Vec<PlannedPackage>, BuildError> {
    let mut planned = Vec::with_capacity(solved.sources.len());
    for (source, (_, reason)) in solved.sources.iter().zip(&solved.solution.packages) {
        let why = match reason {
            Reason::Requested => "requested".to_owned(),
            Reason::RequiredBy { package, .. } => {
                solved.universe.nevra(*package).map_or_else(|| "requested".into(), |nevra| nevra.name)
            }
        };
        planned.push(match source {
            Source::File(index) => of_file(&request.files[*index], why),
            Source::Repository(description) => {
                let here = match file_digest(description) {
                    Some(digest) => {
                        import::find(&session.repo, &description.nevra, &digest, session.policy())?
                    }
                    None => None,
                };
                PlannedPackage {
                    name: description.nevra.name.clone(),
                    evr: description.nevra.evr(),
                    arch: description.nevra.arch.clone(),
                    digest: here.as_ref().map(|found| found.header_digest[..16].to_owned()),
                    change: "add",
                    old_evr: None,
                    why,
                    download_size: description.download_size,
                    installed_size: description.installed_size,
                    is_here: here.is_some(),
                }
            }
        });
    }
    for &index in &solved.requested {
        planned[index].why = "requested".into();
    }
    Ok(planned)
}

fn of_file(file: &gather::LocalPackage, why: String) -> PlannedPackage {
    let facts = file.package.facts();
    PlannedPackage {
        name: facts.nevra.name.clone(),
        evr: facts.nevra.evr(),
        arch: facts.nevra.arch.clone(),
        digest: Some(file.package.header_digest()[..16].to_owned()),
        change: "add",
        old_evr: None,
        why,
        download_size: 0,
        installed_size: facts.installed_size(),
        is_here: false,
    }
}

/// The commit of what is installed under a ref, as the store has it.
pub(crate) fn installed_commit(session: &Session, reference: &Ref) -> Result<CommitId, BuildError> {
    session.find_commit(reference)?.ok_or_else(|| BuildError::NothingRecorded(reference.clone()))
}
