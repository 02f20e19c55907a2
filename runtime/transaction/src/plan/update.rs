//! What is newer than what is installed.

use std::collections::BTreeMap;

use aril_installation::RemoteKind;
use aril_model::{CommitId, Kind, Ref, RemoteName};
use aril_store::{RefName, Summary};

use super::{Plan, Planner, Step, Why, check_not_older};
use crate::builder::{Builder, Order};
use crate::deploy::Candidate;
use crate::{Result, TransactionError, resolve};

/// How far an update goes.
#[derive(Debug, Clone, Default)]
pub struct UpdateOptions {
    /// To this commit, be it older, or its beginning; for one ref only.
    pub commit: Option<String>,
    /// Whether one remote that does not answer is in the way of the others.
    pub is_tolerant: bool,
}

impl Planner<'_> {
    /// What an update of these refs would do.
    ///
    /// # Errors
    /// When a remote cannot be reached or offers something older; in a tolerant update that is a note.
    pub fn update(&self, refs: &[Ref], options: &UpdateOptions) -> Result<Plan> {
        let mut plan = Plan::default();
        let mut summaries: BTreeMap<RemoteName, Summary> = BTreeMap::new();
        // Runtimes first, since apps are planned against them.
        let mut refs: Vec<&Ref> = refs.iter().collect();
        refs.sort_by_key(|reference| reference.kind == Kind::App);
        for reference in refs {
            match self.update_one(reference, options, &mut summaries) {
                Ok(step) => plan.steps.extend(step),
                Err(error) if options.is_tolerant => {
                    plan.notes.push(format!("'{reference}' was passed over: {error}"))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(plan)
    }

    fn update_one(
        &self,
        reference: &Ref,
        options: &UpdateOptions,
        summaries: &mut BTreeMap<RemoteName, Summary>,
    ) -> Result<Option<Step>> {
        let origin = self.at.origin(reference)?.unwrap_or_default();
        let Some((remote, kind)) = resolve::kind_of_origin(self.at, &origin)? else {
            return Err(TransactionError::NoRemote { name: origin, nearest: None });
        };
        match kind {
            RemoteKind::Rpm => self.update_built(reference, &remote, options),
            RemoteKind::Ostree => self.update_pulled(reference, &remote, options, summaries),
            RemoteKind::Oci => Err(TransactionError::NotARemote {
                what: origin,
                problem: "registries of OCI images are not supported yet".into(),
            }),
        }
    }

    fn update_pulled(
        &self,
        reference: &Ref,
        remote: &RemoteName,
        options: &UpdateOptions,
        summaries: &mut BTreeMap<RemoteName, Summary>,
    ) -> Result<Option<Step>> {
        let active = self.at.installation().active(reference)?.map(|deploy| deploy.commit().clone());
        let candidate = if let Some(wanted) = &options.commit {
            self.candidate(remote, reference, &self.commit_meant(reference, wanted)?)?
        } else {
            if !summaries.contains_key(remote) {
                summaries.insert(remote.clone(), self.at.repo().fetch_summary(remote)?);
            }
            let Some(offered) = summaries[remote].refs.get(&reference.to_string()) else {
                return Err(TransactionError::NotFound {
                    name: reference.to_string(),
                    place: format!("remote '{remote}' any more"),
                    nearest: None,
                });
            };
            if active.as_ref() == Some(&offered.commit) {
                return Ok(None);
            }
            let candidate = self.candidate(remote, reference, &offered.commit)?;
            check_not_older(self.at, remote, reference, &candidate.commit)?;
            candidate
        };
        if active.as_ref() == Some(candidate.id()) {
            return Ok(None);
        }
        self.step_for(candidate, remote, Why::Requested).map(Some)
    }

    fn update_built(
        &self,
        reference: &Ref,
        remote: &RemoteName,
        options: &UpdateOptions,
    ) -> Result<Option<Step>> {
        if let Some(wanted) = &options.commit {
            let commit = self.at.repo().commit(&self.commit_meant(reference, wanted)?)?;
            let candidate = Candidate::new(reference, commit, remote.as_str())?;
            return self.step_for(candidate, remote, Why::Requested).map(Some);
        }
        let planned =
            Builder::new(self.at, self.host).plan(remote, &Order::Again(reference.clone()), None)?;
        if planned.changed {
            let mut step = super::build_again(reference, remote, Why::Requested);
            step.old = self.at.installation().active(reference)?.map(|deploy| deploy.commit().clone());
            step.version = planned
                .packages
                .iter()
                .find(|package| package.why == "requested")
                .map(|package| package.evr.clone());
            step.download_size = planned.download_size;
            step.installed_size = planned.installed_size;
            step.packages = planned.packages.into_iter().filter(|package| package.change != "keep").collect();
            return Ok(Some(step));
        }
        // Built before and never made active: the change was cut or refused then.
        let Some(built) = self.at.repo().resolve(&RefName::of_remote(remote, reference))? else {
            return Ok(None);
        };
        let is_active =
            self.at.installation().active(reference)?.is_some_and(|deploy| *deploy.commit() == built);
        if is_active || !self.at.repo().has_commit(&built)? {
            return Ok(None);
        }
        let candidate = Candidate::new(reference, self.at.repo().commit(&built)?, remote.as_str())?;
        check_not_older(self.at, remote, reference, &candidate.commit)?;
        self.step_for(candidate, remote, Why::Requested).map(Some)
    }

    /// The commit that a person means: whole, or the beginning of one that is kept.
    fn commit_meant(&self, reference: &Ref, wanted: &str) -> Result<CommitId> {
        if let Ok(commit) = wanted.parse() {
            return Ok(commit);
        }
        crate::rollback::kept_commit(self.at, reference, wanted)
    }
}
