//! A plan whose commits are brought: pulled or built, checked, and checked out beside what is installed. Nothing counts yet.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use aril_installation::RemoteKind;
use aril_model::{CommitId, Kind, Layout, Ref, RemoteName};
use aril_store::{Extent, OnProgress, PullProgress, RefName};
use aril_terminal::{Progress, Unit};

use crate::builder::{Builder, Order};
use crate::deploy::{Candidate, Prepared, prepare};
use crate::history::Done;
use crate::host::Host;
use crate::plan::{Action, Plan, Source, Step, Why, add_rights, check_not_older};
use crate::switch::{Switch, apps_on};
use crate::{LockedInstallation, Result, TransactionError, resolve};

/// Largest report that is read, in bytes.
const REPORT_LIMIT: u64 = 16 << 20;

/// A plan of which everything is there: it may be made true at once.
#[derive(Debug)]
pub struct Fetched {
    /// The steps as they are now: each with its ref, its commit, and what it may do.
    pub steps: Vec<Step>,
    /// What was odd on the way.
    pub notes: Vec<String>,
    /// What was left out or changed of packages: no more than people want to know.
    pub remarks: Vec<String>,
    switch: Switch,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Report {
    /// The steps.
    pub steps: Vec<Step>,
    /// The refs that were removed.
    pub removed: Vec<Ref>,
    /// What went wrong without being in the way.
    pub notes: Vec<String>,
    /// What was left out or changed of packages.
    pub remarks: Vec<String>,
}

impl Plan {
    /// Brings everything that the plan needs.
    ///
    /// # Errors
    /// When something cannot be had. What was fetched so far is kept for the next try; what is installed is as it was.
    pub fn fetch(self, at: &LockedInstallation, host: &Host, progress: &Progress) -> Result<Fetched> {
        let mut fetch = Fetch {
            at,
            host,
            progress,
            result: Fetched {
                steps: Vec::new(),
                notes: self.notes,
                remarks: Vec::new(),
                switch: Switch::default(),
            },
            broken: BTreeMap::new(),
        };
        let is_runtime = |step: &Step| match (&step.reference, &step.source) {
            (Some(reference), _) => reference.kind == Kind::Runtime,
            (None, Source::Build(order)) => matches!(order, Order::Runtime { .. }),
            (None, Source::Store(_)) => false,
        };
        let (runtimes, mut apps): (Vec<Step>, Vec<Step>) = self.steps.into_iter().partition(is_runtime);
        for step in runtimes {
            let runtime = fetch.one(step)?;
            fetch.add_apps_that_break(&runtime, &mut apps)?;
        }
        for step in apps {
            fetch.app(step)?;
        }
        Ok(fetch.result)
    }
}

impl Fetched {
    /// Whether there is nothing to make true.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Makes it true.
    ///
    /// # Errors
    /// When a ref cannot be switched; then all are as they were.
    pub fn apply(self, at: &LockedInstallation, host: &Host) -> Result<Report> {
        let mut notes = self.notes;
        notes.extend(self.switch.make(at, host)?);
        Ok(Report { steps: self.steps, removed: Vec::new(), notes, remarks: self.remarks })
    }
}

/// The lines of the report on an installed commit: people have read them. None for a commit that has no report.
///
/// Source: `aril_builder::report`, which writes it.
fn known_lines(at: &LockedInstallation, commit: &CommitId) -> Result<BTreeSet<String>> {
    #[derive(serde::Deserialize)]
    struct Report {
        notes: Vec<Note>,
    }
    #[derive(serde::Deserialize)]
    struct Note {
        text: String,
    }
    let tree = at.repo().tree(commit)?;
    let bytes = match tree.file("report.json") {
        Some(file) => crate::export::read(at.repo(), file, REPORT_LIMIT)?.unwrap_or_default(),
        None => Vec::new(),
    };
    let report = serde_json::from_slice::<Report>(&bytes).map(|report| report.notes).unwrap_or_default();
    Ok(report.into_iter().map(|note| note.text).collect())
}

struct Fetch<'a> {
    at: &'a LockedInstallation,
    host: &'a Host,
    progress: &'a Progress,
    result: Fetched,
    /// Apps that are built again because a new runtime lacks something, and what that is.
    broken: BTreeMap<Ref, String>,
}

impl Fetch<'_> {
    /// Brings a step and makes its deploy; returns what became of it.
    fn one(&mut self, step: Step) -> Result<Candidate> {
        let (mut step, candidate) = match step.source.clone() {
            Source::Store(candidate) => (step, *candidate),
            Source::Build(order) => self.build(step, &order, None)?,
        };
        let prepared = self.prepare(&step.origin.clone(), candidate.clone())?;
        step.new = Some(candidate.id().clone());
        self.add(step, prepared);
        Ok(candidate)
    }

    /// Brings an app. One that is built again because its runtime changes, and cannot be, stays as it is on the runtime that it has.
    fn app(&mut self, step: Step) -> Result<()> {
        let held = self.hold_for(&step)?;
        match (self.one_app(step), held) {
            (Ok(()), Some((app, ..))) => {
                let why = self
                    .broken
                    .get(&app)
                    .map(|missing| format!("'{app}' was built again: the new runtime lacks {missing}"));
                self.result.notes.extend(why);
                Ok(())
            }
            (Ok(()), None) => Ok(()),
            (Err(error), Some((app, commit, runtime))) => {
                let why = match self.broken.get(&app) {
                    Some(missing) => format!("the new one lacks {missing} ({error})"),
                    None => error.to_string(),
                };
                self.result.notes.push(format!("'{app}' stays on the runtime that it has: {why}"));
                self.result.switch.holds.push((app, commit, runtime));
                Ok(())
            }
            (Err(error), None) => Err(error),
        }
    }

    fn one_app(&mut self, step: Step) -> Result<()> {
        let Source::Build(order) = step.source.clone() else { return self.one(step).map(drop) };
        let runtime = self.new_runtime_for(&step)?;
        let (step, candidate) = self.build(step, &order, runtime.as_ref())?;
        if step.old.as_ref() == Some(candidate.id()) {
            // Built again, and the same: it is not affected after all.
            return Ok(());
        }
        let prepared = self.prepare(&step.origin.clone(), candidate)?;
        self.add(step, prepared);
        Ok(())
    }

    /// The note that would keep a merged app on its present runtime, if that is about to change.
    fn hold_for(&self, step: &Step) -> Result<Option<(Ref, CommitId, CommitId)>> {
        let Some(reference) = step.reference.as_ref().filter(|_| matches!(step.source, Source::Build(_)))
        else {
            return Ok(None);
        };
        let Some(active) = self.at.installation().active(reference)? else { return Ok(None) };
        let Some(runtime) = active.metadata()?.runtime else { return Ok(None) };
        if !self.changes(&runtime) {
            return Ok(None);
        }
        let old = self.runs_on(reference, active.commit(), &runtime)?;
        Ok(old.map(|old| (reference.clone(), active.commit().clone(), old)))
    }

    /// The runtime's commit that a commit of an app runs on now.
    fn runs_on(&self, app: &Ref, commit: &CommitId, runtime: &Ref) -> Result<Option<CommitId>> {
        if let Some(held) = self.at.installation().held_runtime(app, commit)?
            && self.at.installation().deploy(runtime, &held)?.is_some()
        {
            return Ok(Some(held));
        }
        Ok(self.at.installation().active(runtime)?.map(|deploy| deploy.commit().clone()))
    }

    /// The commit of this change's runtime that an app will run on.
    fn new_runtime_for(&self, step: &Step) -> Result<Option<CommitId>> {
        let Some(reference) = &step.reference else { return Ok(None) };
        let Some(active) = self.at.installation().active(reference)? else { return Ok(None) };
        let runtime = active.metadata()?.runtime;
        let new = self
            .result
            .switch
            .deploys
            .iter()
            .find(|(new, _)| Some(&new.candidate.reference) == runtime.as_ref());
        Ok(new.map(|(new, _)| new.candidate.id().clone()))
    }

    fn changes(&self, reference: &Ref) -> bool {
        self.result.switch.deploys.iter().any(|(new, _)| new.candidate.reference == *reference)
    }

    fn build(
        &mut self,
        mut step: Step,
        order: &Order,
        runtime: Option<&CommitId>,
    ) -> Result<(Step, Candidate)> {
        let builder = Builder::new(self.at, self.host);
        let (reference, commit, report) = builder.build(&step.origin, order, runtime)?;
        let known = match self.at.installation().active(&reference)? {
            Some(old) => known_lines(self.at, old.commit())?,
            None => BTreeSet::new(),
        };
        self.result.remarks.extend(report.into_iter().filter(|line| !known.contains(line)));
        if step.reference.as_ref().is_some_and(|planned| *planned != reference) {
            let planned = step.reference.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(TransactionError::Program {
                what: format!("install '{planned}'"),
                problem: format!("it became '{reference}'"),
            });
        }
        let origin = self.at.origin(&reference)?;
        if let Some(origin) = origin.filter(|origin| origin != step.origin.as_str()) {
            return Err(TransactionError::OtherOrigin {
                reference: Box::new(reference),
                origin,
                wanted: step.origin.to_string(),
            });
        }
        let candidate = Candidate::new(&reference, self.at.repo().commit(&commit)?, step.origin.as_str())?;
        check_not_older(self.at, &step.origin, &reference, &candidate.commit)?;
        step.old = self.at.installation().active(&reference)?.map(|deploy| deploy.commit().clone());
        step.action = if step.old.is_some() { Action::Update } else { Action::Install };
        step.title = reference.id.to_string();
        step.reference = Some(reference);
        step.new = Some(commit);
        step.version = candidate.commit.text("aril.evr").map(str::to_owned);
        step.installed_size = candidate.commit.size("xa.installed-size").unwrap_or(step.installed_size);
        add_rights(self.at, &candidate, &mut step)?;
        Ok((step, candidate))
    }

    /// Fetches a commit's files, unless they are there, and makes its deploy.
    fn prepare(&self, remote: &RemoteName, candidate: Candidate) -> Result<Prepared> {
        if !self.at.repo().has_commit(candidate.id())? {
            let title = format!("fetching {}", candidate.reference.id);
            let total = candidate.commit.size("xa.download-size").filter(|size| *size > 0);
            let bar = self.progress.bar(&title, Unit::Bytes, total);
            let last = Rc::new(RefCell::new(0));
            let report: OnProgress = Rc::new(move |now: PullProgress| {
                if *last.borrow() != now.bytes {
                    *last.borrow_mut() = now.bytes;
                    bar.set_position(now.bytes);
                }
            });
            self.at.repo().pull(remote, candidate.id(), &Extent::Whole, Some(report))?;
        }
        let _bar = self.progress.bar(&format!("installing {}", candidate.reference.id), Unit::Things, None);
        prepare(self.at, candidate, &self.host.starter)
    }

    fn add(&mut self, step: Step, prepared: Prepared) {
        self.result.notes.extend(prepared.notes.iter().cloned());
        let done = match step.action {
            Action::Install => Done::Install,
            Action::Update => Done::Update,
        };
        self.result.steps.push(step);
        self.result.switch.deploys.push((prepared, done));
    }

    /// Finds the merged apps that do not fit a new commit of their runtime: they are built again, or stay on the old one.
    fn add_apps_that_break(&mut self, runtime: &Candidate, apps: &mut Vec<Step>) -> Result<()> {
        let mut merged = Vec::new();
        for app in apps_on(self.at.installation(), &runtime.reference)? {
            let active = self.at.installation().active(&app)?;
            let is_merged =
                active.is_some_and(|deploy| deploy.metadata().is_ok_and(|m| m.layout == Layout::Merged));
            let is_planned = apps.iter().any(|step| step.reference.as_ref() == Some(&app));
            if is_merged && !is_planned {
                merged.push(app);
            }
        }
        if merged.is_empty() {
            return Ok(());
        }
        let answer = Builder::new(self.at, self.host).check(runtime.id(), &merged);
        let (checked, problem) = match answer {
            Ok(checked) => (checked, String::new()),
            // What cannot be checked is not tried on people: it stays on what is known to work.
            Err(error) => (Vec::new(), format!(" ({error})")),
        };
        for app in merged {
            let verdict = checked.iter().find(|checked| checked.reference == app.to_string());
            if verdict.is_some_and(|verdict| verdict.fits) {
                self.release(&app)?;
                continue;
            }
            let missing = verdict.map(|verdict| verdict.missing.join(", ")).unwrap_or_default();
            let step = self.rebuild_step(&app)?;
            if let Some(step) = step.filter(|_| verdict.is_some()) {
                self.broken.insert(app, missing);
                apps.push(step);
                continue;
            }
            let Some(active) = self.at.installation().active(&app)? else { continue };
            let Some(old) = self.runs_on(&app, active.commit(), &runtime.reference)? else { continue };
            let note = if missing.is_empty() { problem.clone() } else { format!(", which lacks {missing}") };
            self.result
                .notes
                .push(format!("'{app}' stays on the old runtime: it may not fit the new one{note}"));
            self.result.switch.holds.push((app, active.commit().clone(), old));
        }
        Ok(())
    }

    /// An app that was held on an old runtime fits the new one: it goes with it from now on.
    fn release(&mut self, app: &Ref) -> Result<()> {
        let Some(active) = self.at.installation().active(app)? else { return Ok(()) };
        if self.at.installation().held_runtime(app, active.commit())?.is_some() {
            self.result.switch.releases.push((app.clone(), active.commit().clone()));
        }
        Ok(())
    }

    /// The step that builds an app again, if its remote is still there.
    fn rebuild_step(&self, app: &Ref) -> Result<Option<Step>> {
        let origin = self.at.origin(app)?.unwrap_or_default();
        let Some((remote, RemoteKind::Rpm)) = resolve::kind_of_origin(self.at, &origin)? else {
            return Ok(None);
        };
        // Without what was asked for then, it cannot be asked for again.
        let commit = self.at.repo().resolve(&RefName::deployed(app))?;
        let Some(commit) = commit else { return Ok(None) };
        if self.at.repo().commit(&commit)?.list("aril.request").is_empty() {
            return Ok(None);
        }
        let why = Why::NeededBy(app.id.to_string());
        let mut step = crate::plan::build_again(app, &remote, why);
        step.old = self.at.installation().active(app)?.map(|deploy| deploy.commit().clone());
        Ok(Some(step))
    }
}
