//! What is asked for, and what it needs.

use std::path::PathBuf;

use aril_installation::{Remote, RemoteKind};
use aril_model::{CommitId, Kind, PartialRef, Ref, RemoteName, nearest};

use super::{Action, Plan, Planner, Source, Step, Why};
use crate::builder::{Builder, Order, PlannedRuntime};
use crate::deploy::Candidate;
use crate::resolve::{self, Narrowing};
use crate::{Result, TransactionError};

/// Something that a person wants to have installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A ref of a remote.
    Ref(RemoteName, PartialRef),
    /// A ref of whichever remote has it, or a package.
    Name(String),
    /// Packages of a remote of RPMs, as one app.
    Packages(RemoteName, Vec<String>),
    /// An RPM file, and where what it needs comes from.
    File(PathBuf, Option<RemoteName>),
    /// A runtime that is built of a manifest.
    Runtime(RemoteName, PathBuf),
}

/// How what is wanted is installed.
#[derive(Debug, Clone, Default)]
pub struct InstallOptions {
    /// Which refs are looked at.
    pub narrowing: Narrowing,
    /// Not what it needs.
    pub no_deps: bool,
    /// Update what is installed already.
    pub or_update: bool,
    /// Install anew what is installed already.
    pub reinstall: bool,
    /// Bring own copies of packages that are too old in the runtime.
    pub shadow: bool,
}

impl Planner<'_> {
    /// What an installation would do.
    ///
    /// # Errors
    /// When something is not there, is installed already, or needs what nobody has.
    pub fn install(&self, wanted: &[Wanted], options: &InstallOptions) -> Result<Plan> {
        let mut plan = Plan::default();
        for wanted in wanted {
            for step in self.steps_of(wanted, options, &mut plan.notes)? {
                let is_new = |other: &Step| other.reference.is_none() || other.reference != step.reference;
                if plan.steps.iter().all(is_new) {
                    plan.steps.push(step);
                }
            }
        }
        Ok(plan)
    }

    fn steps_of(
        &self,
        wanted: &Wanted,
        options: &InstallOptions,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Step>> {
        match wanted {
            Wanted::Ref(remote, name) => self.steps_of_ref(remote, name, options),
            Wanted::Name(name) => {
                let found = self.search(name, options)?;
                self.steps_of(&found, options, notes)
            }
            Wanted::Packages(remote, packages) => {
                let order =
                    Order::App { packages: packages.clone(), files: Vec::new(), shadow: options.shadow };
                self.steps_of_packages(remote, order, packages.first().map_or("", String::as_str), notes)
            }
            Wanted::File(path, remote) => {
                let remote = match remote {
                    Some(remote) => remote.clone(),
                    None => self.only_rpm_remote()?,
                };
                let title = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let order =
                    Order::App { packages: Vec::new(), files: vec![path.clone()], shadow: options.shadow };
                self.steps_of_packages(&remote, order, &title, notes)
            }
            Wanted::Runtime(remote, manifest) => {
                let title = manifest.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let order = Order::Runtime { manifest: manifest.clone() };
                Ok(vec![build_step(order, remote, &title, Why::Requested)])
            }
        }
    }

    fn steps_of_ref(
        &self,
        remote: &RemoteName,
        name: &PartialRef,
        options: &InstallOptions,
    ) -> Result<Vec<Step>> {
        let known = resolve::remote(self.at, remote)?;
        let summary = self.at.repo().fetch_summary(remote)?;
        let default = known.default_branch.as_deref().or(summary.default_branch.as_deref());
        let found = resolve::in_summary(&summary, name, &options.narrowing, default);
        if found.is_empty() {
            let ids: Vec<Ref> = summary.refs.keys().filter_map(|name| name.parse().ok()).collect();
            let near =
                nearest(&name.name, ids.iter().map(|reference| reference.id.as_str())).map(str::to_owned);
            let place = format!("remote '{remote}'");
            return Err(TransactionError::NotFound { name: name.name.clone(), place, nearest: near });
        }
        let reference = resolve::one(&name.name, found)?;
        self.check_origin(&reference, remote)?;
        let commit = &summary.refs[&reference.to_string()].commit;
        let candidate = self.candidate(remote, &reference, commit)?;
        if let Some(active) = self.at.installation().active(&reference)? {
            match (options.or_update, options.reinstall) {
                (true, _) if active.commit() == commit => return Ok(Vec::new()),
                (false, false) => return Err(TransactionError::Installed(Box::new(reference))),
                _ => super::check_not_older(self.at, remote, &reference, &candidate.commit)?,
            }
        }
        let mut steps = Vec::new();
        if !options.no_deps {
            steps.extend(self.runtime_for(&candidate, Some(remote))?);
        }
        steps.push(self.step_for(candidate, remote, Why::Requested)?);
        Ok(steps)
    }

    /// The steps that bring the runtime of an app, if it is not there in this installation or another one.
    fn runtime_for(&self, app: &Candidate, first: Option<&RemoteName>) -> Result<Vec<Step>> {
        let Some(runtime) = app.metadata.runtime.as_ref().filter(|_| app.reference.kind == Kind::App) else {
            return Ok(Vec::new());
        };
        if self.is_installed_anywhere(runtime)? {
            return Ok(Vec::new());
        }
        let why = Why::NeededBy(app.reference.id.to_string());
        for remote in self.remotes_for_needs(first)? {
            let summary = match self.at.repo().fetch_summary(&remote.name) {
                Ok(summary) => summary,
                Err(error) => {
                    tracing::debug!("{error}, ignoring");
                    continue;
                }
            };
            if let Some(found) = summary.refs.get(&runtime.to_string()) {
                let candidate = self.candidate(&remote.name, runtime, &found.commit)?;
                return Ok(vec![self.step_for(candidate, &remote.name, why)?]);
            }
        }
        Err(TransactionError::NoRuntime {
            app: Box::new(app.reference.clone()),
            runtime: Box::new(runtime.clone()),
        })
    }

    fn is_installed_anywhere(&self, reference: &Ref) -> Result<bool> {
        if self.at.installation().active(reference)?.is_some() {
            return Ok(true);
        }
        for other in resolve::other_installations(self.host)? {
            if other.active(reference)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The ostree remotes in which a runtime may be looked for: the app's own first, then the others by their priority.
    fn remotes_for_needs(&self, first: Option<&RemoteName>) -> Result<Vec<Remote>> {
        let (mut remotes, _) = self.at.installation().remotes()?;
        remotes.retain(|remote| {
            let is_first = Some(&remote.name) == first;
            remote.kind == RemoteKind::Ostree
                && (is_first || !remote.is_disabled && !remote.is_not_for_dependencies)
        });
        remotes.sort_by_key(|remote| Some(&remote.name) != first);
        Ok(remotes)
    }

    fn steps_of_packages(
        &self,
        remote: &RemoteName,
        order: Order,
        title: &str,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Step>> {
        let planned = Builder::new(self.at, self.host).plan(remote, &order, None)?;
        notes.extend(planned.notes.iter().cloned());
        let reference: Option<Ref> = planned.reference.as_deref().and_then(|text| text.parse().ok());
        if let Some(reference) = &reference {
            self.check_origin(reference, remote)?;
        }
        let mut steps = Vec::new();
        if let Some(runtime) = &planned.runtime {
            steps.extend(self.step_of_runtime(runtime, remote, title)?);
        }
        let mut step = build_step(order, remote, title, Why::Requested);
        step.old = match &reference {
            Some(reference) => {
                self.at.installation().active(reference)?.map(|deploy| deploy.commit().clone())
            }
            None => None,
        };
        step.action = if step.old.is_some() { Action::Update } else { Action::Install };
        step.reference = reference;
        step.version = planned
            .packages
            .iter()
            .find(|package| package.why == "requested")
            .map(|package| package.evr.clone());
        step.download_size = planned.download_size;
        step.installed_size = planned.installed_size;
        step.packages = planned.packages;
        steps.push(step);
        Ok(steps)
    }

    /// What has to come for the runtime of an app that is built; nothing if it is installed.
    fn step_of_runtime(
        &self,
        runtime: &PlannedRuntime,
        remote: &RemoteName,
        title: &str,
    ) -> Result<Option<Step>> {
        let why = Why::NeededBy(title.to_owned());
        let reference: Option<Ref> = runtime.reference.as_deref().and_then(|text| text.parse().ok());
        let commit: Option<CommitId> = runtime.commit.as_deref().and_then(|text| text.parse().ok());
        if let (Some(reference), Some(commit)) = (&reference, &commit) {
            if self.at.installation().active(reference)?.is_some() {
                return Ok(None);
            }
            // Built before and never made active: the change was cut or refused then.
            let refs = self.at.repo().refs("")?;
            let mut published = refs
                .iter()
                .filter(|(name, own)| name.reference().as_ref() == Some(reference) && *own == commit);
            let origin =
                published.find_map(|(name, _)| name.remote().cloned()).unwrap_or_else(|| remote.clone());
            let candidate = Candidate::new(reference, self.at.repo().commit(commit)?, origin.as_str())?;
            return self.step_for(candidate, &origin, why).map(Some);
        }
        let name = runtime.reference.clone().unwrap_or_else(|| "a runtime".into());
        let Some(manifest) = runtime.manifest.clone() else {
            return Err(TransactionError::Program {
                what: format!("install '{}'", aril_model::printable(title)),
                problem: format!(
                    "it needs {}, which is not installed, and no manifest fits",
                    aril_model::printable(&name)
                ),
            });
        };
        let mut step = build_step(Order::Runtime { manifest }, remote, &name, why);
        step.reference = reference;
        Ok(Some(step))
    }

    fn only_rpm_remote(&self) -> Result<RemoteName> {
        let mut rpm = self.rpm_remotes()?;
        match rpm.len() {
            1 => Ok(rpm.remove(0)),
            0 => Err(TransactionError::NoRemote { name: "for RPMs".into(), nearest: None }),
            _ => {
                let candidates: Vec<String> = rpm.iter().map(|name| format!("--remote={name}")).collect();
                let name = "the remote for what the package needs".to_owned();
                Err(TransactionError::Ambiguous { name, candidates: candidates.join(", ") })
            }
        }
    }

    fn rpm_remotes(&self) -> Result<Vec<RemoteName>> {
        let (remotes, _) = self.at.installation().remotes()?;
        let rpm = remotes.into_iter().filter(|remote| remote.kind == RemoteKind::Rpm && !remote.is_disabled);
        Ok(rpm.map(|remote| remote.name).collect())
    }

    /// Which remote is meant by a name alone: one that has a ref of this id; for a name without dots first one that has such a package.
    fn search(&self, name: &str, options: &InstallOptions) -> Result<Wanted> {
        let is_id = name.matches('.').count() >= 2 || name.contains('/');
        let rpm = if is_id { Vec::new() } else { self.rpm_remotes()? };
        let mut failure = None;
        for remote in &rpm {
            let order =
                Order::App { packages: vec![name.to_owned()], files: Vec::new(), shadow: options.shadow };
            match Builder::new(self.at, self.host).plan(remote, &order, None) {
                Ok(_) => return Ok(Wanted::Packages(remote.clone(), vec![name.to_owned()])),
                Err(error) => failure = Some(error),
            }
        }
        let (remotes, _) = self.at.installation().remotes()?;
        let wanted: Option<PartialRef> = name.parse().ok();
        let mut looked_in = Vec::new();
        let mut ids = Vec::new();
        for remote in remotes.iter().filter(|remote| remote.kind == RemoteKind::Ostree && !remote.is_disabled)
        {
            let Some(partial) = &wanted else { break };
            looked_in.push(format!("'{}'", remote.name));
            let summary = self.at.repo().fetch_summary(&remote.name)?;
            if !resolve::in_summary(&summary, partial, &options.narrowing, None).is_empty() {
                return Ok(Wanted::Ref(remote.name.clone(), partial.clone()));
            }
            ids.extend(summary.refs.keys().filter_map(|name| Some(name.parse::<Ref>().ok()?.id.to_string())));
        }
        if let Some(error) = failure.filter(|_| looked_in.is_empty()) {
            return Err(error);
        }
        let place = match looked_in.len() {
            0 => "any remote: there is none".to_owned(),
            1 => format!("remote {}", looked_in[0]),
            _ => format!("the remotes {}", looked_in.join(", ")),
        };
        let near = nearest(name, ids.iter().map(String::as_str)).map(str::to_owned);
        Err(TransactionError::NotFound {
            name: aril_model::printable(name).into_owned(),
            place,
            nearest: near,
        })
    }
}

/// A step of which only what is to be made is known.
pub(super) fn build_step(order: Order, remote: &RemoteName, title: &str, why: Why) -> Step {
    Step {
        action: Action::Install,
        reference: None,
        title: aril_model::printable(title).into_owned(),
        origin: remote.clone(),
        why,
        old: None,
        new: None,
        version: None,
        download_size: 0,
        installed_size: 0,
        effects: Vec::new(),
        pending: Vec::new(),
        packages: Vec::new(),
        source: Source::Build(order),
    }
}
