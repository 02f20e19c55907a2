//! Whether apps fit a new runtime: all that their packages require must be there, and nothing must be in conflict. Offline.

use aril_model::{CommitId, Ref};
use aril_store::Repo;
use serde::Serialize;

use crate::BuildError;
use crate::packages::PackageList;
use crate::solve::{SolverPackage, Universe};

/// What was found, as `docs/format/build.md` says.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Each app that was asked about.
    pub apps: Vec<CheckedApp>,
}

/// One app.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedApp {
    /// What it is called.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Whether it would run.
    pub fits: bool,
    /// What stands in the way, a line each.
    pub missing: Vec<String>,
}

/// Checks the installed commits of apps against a commit of a runtime.
///
/// # Errors
/// When a commit is not there. An app that was not made of RPMs fits: nothing is known of what it needs.
pub fn check(repo: &Repo, runtime: &CommitId, apps: &[Ref]) -> Result<Check, BuildError> {
    let Some(runtime) = PackageList::of_commit(repo, runtime)? else {
        return Ok(Check { apps: apps.iter().map(|app| checked(app, Vec::new())).collect() });
    };
    let checked = apps.iter().map(|app| {
        let missing = match find(repo, app)? {
            Some(list) => missing(&runtime, &list, app),
            None => Vec::new(),
        };
        Ok(checked(app, missing))
    });
    Ok(Check { apps: checked.collect::<Result<_, BuildError>>()? })
}

fn checked(app: &Ref, missing: Vec<String>) -> CheckedApp {
    CheckedApp { reference: app.to_string(), fits: missing.is_empty(), missing }
}

/// The list of an app that is deployed, or of the one that any remote gave.
fn find(repo: &Repo, app: &Ref) -> Result<Option<PackageList>, BuildError> {
    let deployed = repo.resolve(&aril_store::RefName::deployed(app))?;
    let wanted = app.to_string();
    let commit = match deployed {
        Some(commit) => Some(commit),
        None => repo.refs("")?.into_iter().find(|(name, _)| name.name() == wanted).map(|(_, commit)| commit),
    };
    match commit {
        Some(commit) => Ok(PackageList::of_commit(repo, &commit)?),
        None => Err(BuildError::NothingRecorded(app.clone())),
    }
}

fn missing(runtime: &PackageList, app: &PackageList, reference: &Ref) -> Vec<String> {
    let mut universe = Universe::new(reference.arch.as_str());
    // Where the app brings its own copy of a package, the runtime's is hidden.
    let own: std::collections::BTreeSet<(&str, &str)> =
        app.solver_packages().map(|package| (package.name.as_str(), package.arch.as_str())).collect();
    let beneath = runtime
        .solver_packages()
        .filter(|package| !own.contains(&(package.name.as_str(), package.arch.as_str())));
    let together: Vec<SolverPackage> = beneath.chain(app.solver_packages()).cloned().collect();
    let unread = universe.set_runtime(&together);
    let mut lines: Vec<String> = unread
        .iter()
        .map(|package| format!("the dependencies of {} cannot be understood", package.name))
        .collect();
    universe.prepare();
    let is_own = |id| {
        universe.nevra(id).is_some_and(|nevra| own.contains(&(nevra.name.as_str(), nevra.arch.as_str())))
    };
    for problem in universe.verify().err().unwrap_or_default() {
        // What the runtime lacks for itself is no fault of the app's.
        let own_needs = problem.missing.iter().filter(|(package, _)| is_own(*package));
        lines.extend(own_needs.map(|(_, dependency)| dependency.clone()));
        if problem.missing.is_empty() {
            lines.extend(problem.lines);
        }
    }
    lines.sort();
    lines.dedup();
    lines
}
