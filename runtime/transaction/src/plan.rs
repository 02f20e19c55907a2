//! What a change would do, found out before anything is done: to be shown, printed as JSON, or refused.

mod install; // what is asked for, and what it needs
mod update; // what is newer

use aril_model::{CommitId, Grant, Kind, Ref, RemoteName, compare_evr};
use aril_store::Commit;

pub use install::{InstallOptions, Wanted};
pub use update::UpdateOptions;

use crate::builder::Order;
use crate::deploy::Candidate;
use crate::host::Host;
use crate::{LockedInstallation, PlannedPackage, Result, TransactionError};

/// What happens with a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not there yet.
    Install,
    /// It gets another commit.
    Update,
}

impl Action {
    /// The word for people and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Update => "update",
        }
    }
}

/// Why something is part of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was asked for.
    Requested,
    /// The app needs it, by its id or its package's name.
    NeededBy(String),
}

/// Where the commit comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// From an ostree remote, or it is in the repository already.
    Store(Box<Candidate>),
    /// It is made of RPMs.
    Build(Order),
}

/// One ref of a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// The ref; `None` as long as only a package that is still to be fetched can tell.
    pub reference: Option<Ref>,
    /// What it is called as long as there is no ref: a package's name.
    pub title: String,
    /// The remote.
    pub origin: RemoteName,
    /// Why.
    pub why: Why,
    /// The commit that is there.
    pub old: Option<CommitId>,
    /// The commit that comes; `None` as long as it is not made.
    pub new: Option<CommitId>,
    /// The version that comes, if it is known.
    pub version: Option<String>,
    /// Bytes to download at most.
    pub download_size: u64,
    /// Bytes when installed.
    pub installed_size: u64,
    /// What it may do, in words; empty as long as it is not made.
    pub effects: Vec<String>,
    /// What it asks for beyond what was accepted, in words: it starts without.
    pub pending: Vec<String>,
    /// The packages that it is made of, as far as they come or go.
    pub packages: Vec<PlannedPackage>,
    pub(crate) source: Source,
}

/// What a change would do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The refs, those that others need first.
    pub steps: Vec<Step>,
    /// What is odd about it.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes to download at most.
    pub fn download_size(&self) -> u64 {
        self.steps.iter().map(|step| step.download_size).sum()
    }

    /// Whether something is made of RPMs, so that only afterwards it is known what it may do.
    pub fn builds_apps(&self) -> bool {
        let is_app =
            |step: &Step| step.reference.as_ref().is_none_or(|reference| reference.kind == Kind::App);
        self.steps.iter().any(|step| matches!(step.source, Source::Build(_)) && is_app(step))
    }
}

/// Finds out what a change would do. Reads remotes, and keeps what their commits say; changes nothing else.
#[derive(Debug)]
pub struct Planner<'a> {
    pub(crate) at: &'a LockedInstallation,
    pub(crate) host: &'a Host,
}

impl<'a> Planner<'a> {
    /// For one installation.
    pub fn new(at: &'a LockedInstallation, host: &'a Host) -> Self {
        Self { at, host }
    }

    /// The installation that would be changed.
    pub fn installation(&self) -> &'a LockedInstallation {
        self.at
    }

    /// A step for a commit whose metadata are at hand.
    pub(crate) fn step_for(&self, candidate: Candidate, origin: &RemoteName, why: Why) -> Result<Step> {
        let old = self.at.installation().active(&candidate.reference)?;
        let mut step = Step {
            action: if old.is_some() { Action::Update } else { Action::Install },
            reference: Some(candidate.reference.clone()),
            title: candidate.reference.id.to_string(),
            origin: origin.clone(),
            why,
            old: old.map(|deploy| deploy.commit().clone()),
            new: Some(candidate.id().clone()),
            version: candidate.commit.text("aril.evr").map(str::to_owned),
            download_size: candidate.commit.size("xa.download-size").unwrap_or(0),
            installed_size: candidate.commit.size("xa.installed-size").unwrap_or(0),
            effects: Vec::new(),
            pending: Vec::new(),
            packages: Vec::new(),
            source: Source::Build(Order::Again(candidate.reference.clone())),
        };
        if self.at.repo().has_commit(candidate.id())? {
            step.download_size = 0;
        }
        add_rights(self.at, &candidate, &mut step)?;
        step.source = Source::Store(Box::new(candidate));
        Ok(step)
    }

    /// What a remote's commit is, after its signature was checked.
    pub(crate) fn candidate(
        &self,
        remote: &RemoteName,
        reference: &Ref,
        commit: &CommitId,
    ) -> Result<Candidate> {
        let commit = self.at.repo().fetch_commit(remote, reference, commit)?;
        Candidate::new(reference, commit, remote.as_str())
    }

    /// Refuses what is installed from elsewhere: a remote must not take over another's app by its name.
    pub(crate) fn check_origin(&self, reference: &Ref, remote: &RemoteName) -> Result<()> {
        match self.at.origin(reference)? {
            Some(origin) if origin != remote.as_str() => Err(TransactionError::OtherOrigin {
                reference: Box::new(reference.clone()),
                origin,
                wanted: remote.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// A step that makes again what is installed.
pub(crate) fn build_again(reference: &Ref, remote: &RemoteName, why: Why) -> Step {
    let order = Order::Again(reference.clone());
    let mut step = install::build_step(order, remote, reference.id.as_str(), why);
    step.action = Action::Update;
    step.reference = Some(reference.clone());
    step
}

/// Notes what an app may do, and what it asks for beyond what the user accepted.
pub(crate) fn add_rights(at: &LockedInstallation, candidate: &Candidate, step: &mut Step) -> Result<()> {
    if candidate.reference.kind != Kind::App {
        return Ok(());
    }
    let asked = &candidate.metadata.context;
    match at.installation().grant(&candidate.reference.id)? {
        Some(grant) => {
            let given = grant.limit(asked);
            step.effects = given.effects();
            step.pending = beyond(&grant, asked, &step.effects);
        }
        None => step.effects = asked.effects(),
    }
    Ok(())
}

/// The effects of what is asked for beyond a grant; the permissions themselves where words do not tell the difference.
fn beyond(grant: &Grant, asked: &aril_model::Context, given: &[String]) -> Vec<String> {
    let widening = grant.widening(asked);
    if widening.is_empty() {
        return Vec::new();
    }
    let more: Vec<String> = asked.effects().into_iter().filter(|effect| !given.contains(effect)).collect();
    if more.is_empty() { widening.0 } else { more }
}

/// Refuses a commit that is older than the installed one: what signs an old version does not sign that it is the newest.
///
/// What was built from RPMs is compared by the version of its package, everything else by the commits' times.
pub(crate) fn check_not_older(
    at: &LockedInstallation,
    remote: &RemoteName,
    reference: &Ref,
    new: &Commit,
) -> Result<()> {
    let Some(active) = at.installation().active(reference)? else { return Ok(()) };
    let refused = |problem: String| {
        Err(TransactionError::Downgrade {
            reference: Box::new(reference.clone()),
            remote: remote.clone(),
            problem,
        })
    };
    // The deployed commit counts, not the ref, which others may have removed; without the commit its record still has the time.
    let old = at.repo().commit(active.commit()).ok();
    let versions = (old.as_ref().and_then(|old| old.text("aril.evr")), new.text("aril.evr"));
    if let (Some(old), Some(new)) = versions {
        return match compare_evr(new, old) {
            std::cmp::Ordering::Less => refused(format!("{new} is older than {old}")),
            _ => Ok(()),
        };
    }
    let old_time = match &old {
        Some(old) => old.details.timestamp,
        None => active.record()?.timestamp.unwrap_or(0),
    };
    if new.details.timestamp >= old_time {
        return Ok(());
    }
    let shown = |time: u64| aril_terminal::time(i64::try_from(time).unwrap_or(i64::MAX));
    refused(format!("{} is before {}", shown(new.details.timestamp), shown(old_time)))
}
