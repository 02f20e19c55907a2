//! Going back to a version that is kept, and forward again.

use aril_installation::Deploy;
use aril_model::{CommitId, Kind, Ref, compare_evr};

use crate::deploy::{Candidate, prepare};
use crate::history::Done;
use crate::host::Host;
use crate::plan::{Action, Planner, Step, Why};
use crate::switch::Switch;
use crate::{LockedInstallation, Report, Result, TransactionError, kept};

/// A way back that was found.
#[derive(Debug)]
pub struct Rollback {
    /// What happens.
    pub step: Step,
    candidate: Candidate,
}

/// Finds the version to go back to: the one that was active before, or the one that is named by its commit's beginning or its version.
///
/// # Errors
/// When nothing else is kept, or nothing of that name.
pub fn plan(at: &LockedInstallation, host: &Host, reference: &Ref, wanted: Option<&str>) -> Result<Rollback> {
    let active = at.installation().active(reference)?;
    let current = active.as_ref().map(|deploy| deploy.commit().clone());
    let commit = match wanted {
        Some(wanted) => kept_commit(at, reference, wanted)?,
        None => {
            let others = kept::by_age(at, reference)?;
            let other = others.iter().find(|deploy| Some(deploy.commit()) != current.as_ref());
            other.ok_or_else(|| TransactionError::NothingKept(Box::new(reference.clone())))?.commit().clone()
        }
    };
    if Some(&commit) == current.as_ref() {
        return Err(TransactionError::NotKept {
            reference: Box::new(reference.clone()),
            wanted: format!("another than {}", commit.short()),
            kept: versions(at, reference)?,
        });
    }
    let deploy = at.installation().deploy(reference, &commit)?;
    let origin = match deploy.map(|deploy| deploy.record()).transpose()? {
        Some(record) => record.origin,
        None => at.origin(reference)?.unwrap_or_default(),
    };
    let candidate = Candidate::new(reference, at.repo().commit(&commit)?, &origin)?;
    let origin = origin.parse().map_err(|_| TransactionError::NoRemote { name: origin, nearest: None })?;
    let mut step = Planner::new(at, host).step_for(candidate.clone(), &origin, Why::Requested)?;
    step.action = Action::Update;
    Ok(Rollback { step, candidate })
}

impl Rollback {
    /// Goes there.
    ///
    /// # Errors
    /// When the version cannot be made active; the other one stays then.
    pub fn apply(self, at: &LockedInstallation, host: &Host) -> Result<Report> {
        let mut switch = Switch::default();
        if self.candidate.reference.kind == Kind::Runtime {
            hold_newer_apps(at, &self.candidate, &mut switch)?;
        }
        switch.deploys.push((prepare(at, self.candidate, &host.starter)?, Done::Rollback));
        let notes = switch.make(at, host)?;
        Ok(Report { steps: vec![self.step], removed: Vec::new(), notes, ..Report::default() })
    }
}

/// Apps that were built for the runtime that is left stay on it: going back with a runtime is for those that came before.
fn hold_newer_apps(at: &LockedInstallation, runtime: &Candidate, switch: &mut Switch) -> Result<()> {
    let Some(left) = at.installation().active(&runtime.reference)? else { return Ok(()) };
    for app in crate::switch::apps_on(at.installation(), &runtime.reference)? {
        let Some(active) = at.installation().active(&app)? else { continue };
        let built_for = at.repo().commit(active.commit()).ok();
        let is_newer = built_for
            .is_some_and(|commit| commit.text("aril.runtime-commit") == Some(left.commit().as_str()));
        if is_newer {
            switch.holds.push((app, active.commit().clone(), left.commit().clone()));
        }
    }
    Ok(())
}

/// The kept commit of a ref that a person means: by its beginning, or by its version.
pub(crate) fn kept_commit(at: &LockedInstallation, reference: &Ref, wanted: &str) -> Result<CommitId> {
    let deploys = kept::by_age(at, reference)?;
    let by_version = |deploy: &&Deploy| {
        version_of(at, deploy).is_some_and(|version| {
            compare_evr(&version, wanted).is_eq() || version.starts_with(&format!("{wanted}-"))
        })
    };
    let is_start = wanted.len() >= 4 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = deploys
        .iter()
        .find(|deploy| is_start && deploy.commit().as_str().starts_with(&wanted.to_lowercase()))
        .or_else(|| deploys.iter().find(by_version));
    match found {
        Some(deploy) => Ok(deploy.commit().clone()),
        None => Err(TransactionError::NotKept {
            reference: Box::new(reference.clone()),
            wanted: aril_model::printable(wanted).into_owned(),
            kept: versions(at, reference)?,
        }),
    }
}

fn versions(at: &LockedInstallation, reference: &Ref) -> Result<Vec<String>> {
    let shown = |deploy: &Deploy| match version_of(at, deploy) {
        Some(version) => format!("{version} ({})", deploy.commit().short()),
        None => deploy.commit().short().to_owned(),
    };
    Ok(kept::by_age(at, reference)?.iter().map(shown).collect())
}

/// The version of a deploy: its package's, else what the app says itself.
fn version_of(at: &LockedInstallation, deploy: &Deploy) -> Option<String> {
    let of_package =
        at.repo().commit(deploy.commit()).ok().and_then(|commit| commit.text("aril.evr").map(str::to_owned));
    of_package.or_else(|| deploy.record().ok()?.texts.get("appdata-version").cloned())
}
