//! The moment in which a change counts: deploys are put in their places, `active` is switched by one rename each, the host is told.
//!
//! Everything that takes long or can fail was done before. A kill in between leaves each ref at its old or its new commit, with a mark
//! (`.unfinished`) by which the next change brings links and notes in order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aril_installation::{CalledAs, Deploy, Installation};
use aril_model::{AppId, CommitId, Keyfile, Kind, Ref, RemoteName};
use aril_store::RefName;

use crate::deploy::{Prepared, STAGING, deploy_path};
use crate::history::{Done, HistoryEntry};
use crate::host::Host;
use crate::locked::kept_ref;
use crate::{LockedInstallation, Result, TransactionError, derive, history, kept, links, trigger};

/// The mark of a change that has begun to count.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// What becomes of the refs of a change.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    /// Deploys that become active.
    pub(crate) deploys: Vec<(Prepared, Done)>,
    /// Refs that are removed.
    pub(crate) removals: Vec<Ref>,
    /// Apps that stay on a commit of their runtime: the app, its commit, the runtime's.
    pub(crate) holds: Vec<(Ref, CommitId, CommitId)>,
    /// Apps that do so no more: the app, its commit.
    pub(crate) releases: Vec<(Ref, CommitId)>,
}

impl Switch {
    /// Makes the change; returns what went wrong beside it.
    ///
    /// # Errors
    /// When a ref cannot be switched; those that were are switched back.
    pub(crate) fn make(self, at: &LockedInstallation, host: &Host) -> Result<Vec<String>> {
        let lines = self.history(at)?;
        self.publish_refs(at)?;
        at.dir().create_file(UNFINISHED, 0o644)?;
        for (prepared, _) in &self.deploys {
            prepared.put(at)?;
            self.write_grant(at, prepared)?;
        }
        for (app, commit, runtime) in &self.holds {
            let path = Installation::hold_path(app, commit);
            at.dir().create_dir_all(path.parent().unwrap_or(Path::new("")), 0o755)?;
            at.dir().replace_symlink(runtime.as_str(), path)?;
        }
        let mut notes = self.derive(at, host)?;
        self.activate(at)?;
        for (app, commit) in &self.releases {
            at.dir().remove_file(Installation::hold_path(app, commit))?;
        }
        for reference in &self.removals {
            remove(at, reference)?;
        }
        history::append(at.dir(), &lines)?;
        notes.extend(self.finish(at, host)?);
        Ok(notes)
    }

    fn history(&self, at: &LockedInstallation) -> Result<Vec<HistoryEntry>> {
        let mut lines = Vec::new();
        for (prepared, done) in &self.deploys {
            let old = at.installation().active(&prepared.candidate.reference)?;
            let commit = &prepared.candidate.commit;
            lines.push(HistoryEntry {
                time: history::now(),
                change: *done,
                reference: prepared.candidate.reference.to_string(),
                origin: prepared.candidate.origin.clone(),
                old: old.map(|deploy| deploy.commit().to_string()),
                new: Some(commit.id.to_string()),
                version: commit.text("aril.evr").map(str::to_owned),
            });
        }
        for reference in &self.removals {
            let Some(old) = at.installation().active(reference)? else { continue };
            lines.push(HistoryEntry {
                time: history::now(),
                change: Done::Uninstall,
                reference: reference.to_string(),
                origin: old.record().map(|record| record.origin).unwrap_or_default(),
                old: Some(old.commit().to_string()),
                new: None,
                version: None,
            });
        }
        Ok(lines)
    }

    /// Points refs to what will be active, and keeps what was: nothing that is needed can be pruned from here on. This flushes the deploys.
    fn publish_refs(&self, at: &LockedInstallation) -> Result<()> {
        let mut refs: Vec<(RefName, CommitId)> = Vec::new();
        for (prepared, done) in &self.deploys {
            let (reference, commit) = (&prepared.candidate.reference, prepared.candidate.id());
            // A rollback is no news about what the remote has.
            if *done != Done::Rollback
                && let Ok(remote) = prepared.candidate.origin.parse::<RemoteName>()
            {
                refs.push((RefName::of_remote(&remote, reference), commit.clone()));
            }
            refs.push((RefName::deployed(reference), commit.clone()));
            if let Some(old) = at.installation().active(reference)?
                && old.commit() != commit
                && at.repo().has_commit(old.commit())?
            {
                refs.push((kept_ref(reference, old.commit()), old.commit().clone()));
            }
        }
        Ok(at.repo().writer()?.publish(&refs)?)
    }

    /// Notes what the user accepted, before the app can be started. An update changes nothing about it.
    fn write_grant(&self, at: &LockedInstallation, prepared: &Prepared) -> Result<()> {
        let reference = &prepared.candidate.reference;
        let path = Path::new("grants").join(reference.id.as_str());
        // Flatpak's apps may do what they say they may.
        let asks = reference.kind == Kind::App && at.called_as() == CalledAs::Aril;
        if !asks || at.dir().exists(&path)? || at.installation().active(reference)?.is_some() {
            return Ok(());
        }
        let mut file = Keyfile::new();
        prepared.candidate.metadata.context.write(&mut file);
        at.dir().create_dir("grants", 0o755)?;
        Ok(at.dir().write_atomic(path, file.to_string().as_bytes(), 0o644)?)
    }

    /// Makes the caches that will be needed: for new apps, and for all apps on a new runtime.
    fn derive(&self, at: &LockedInstallation, host: &Host) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        let mut apps: BTreeSet<Ref> = BTreeSet::new();
        for (prepared, _) in &self.deploys {
            let reference = &prepared.candidate.reference;
            match reference.kind {
                Kind::App => drop(apps.insert(reference.clone())),
                Kind::Runtime => apps.extend(apps_on(at.installation(), reference)?),
            }
        }
        for app in apps {
            if self.removals.contains(&app) {
                continue;
            }
            let made = match self.pair(at, host, &app) {
                Ok(Some((app, runtime))) => derive::derive(at, host, &app, &runtime),
                Ok(None) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
            match made {
                Ok(made) => notes.extend(made.into_iter().map(|note| format!("{}: {note}", app.id))),
                // The launcher has it made at the first start.
                Err(error) => notes.push(format!("{}: {error}", app.id)),
            }
        }
        Ok(notes)
    }

    /// The deploys of an app and of its runtime as they will be after the change.
    fn pair(&self, at: &LockedInstallation, host: &Host, app: &Ref) -> Result<Option<(Deploy, Deploy)>> {
        let Some(app) = self.future(at.installation(), app)? else { return Ok(None) };
        let Some(runtime) = app.metadata()?.runtime else { return Ok(None) };
        let held =
            self.holds.iter().find(|(held, commit, _)| held == app.reference() && commit == app.commit());
        let is_released =
            self.releases.iter().any(|(free, commit)| free == app.reference() && commit == app.commit());
        let held = match held {
            Some((.., commit)) => Some(commit.clone()),
            None if is_released => None,
            None => at.installation().held_runtime(app.reference(), app.commit())?,
        };
        if let Some(held) = held
            && let Some(deploy) = at.installation().deploy(&runtime, &held)?
        {
            return Ok(Some((app, deploy)));
        }
        if let Some(deploy) = self.future(at.installation(), &runtime)? {
            return Ok(Some((app, deploy)));
        }
        for other in crate::resolve::other_installations(host)? {
            if let Some(deploy) = other.active(&runtime)? {
                return Ok(Some((app, deploy)));
            }
        }
        Ok(None)
    }

    fn future(&self, installation: &Installation, reference: &Ref) -> Result<Option<Deploy>> {
        let new = self.deploys.iter().find(|(prepared, _)| prepared.candidate.reference == *reference);
        Ok(match new {
            Some((prepared, _)) => installation.deploy(reference, prepared.candidate.id())?,
            None => installation.active(reference)?,
        })
    }

    /// Switches the refs, runtimes first, and back again if one of them cannot be.
    fn activate(&self, at: &LockedInstallation) -> Result<()> {
        let mut order: Vec<&Prepared> = self.deploys.iter().map(|(prepared, _)| prepared).collect();
        order.sort_by_key(|prepared| prepared.candidate.reference.kind == Kind::App);
        let mut switched: Vec<(PathBuf, Option<PathBuf>)> = Vec::new();
        for prepared in order {
            let reference = &prepared.candidate.reference;
            let active = Path::new(&reference.to_string()).join("active");
            let before = at.dir().read_link(&active).ok();
            let made = at.dir().replace_symlink(prepared.candidate.id().as_str(), &active);
            switched.push((active, before));
            if let Err(error) =
                made.map_err(TransactionError::from).and_then(|()| make_current(at, reference))
            {
                for (active, before) in switched.into_iter().rev() {
                    let undone = match before {
                        Some(before) => at.dir().replace_symlink(before, &active),
                        None => at.dir().remove_file(&active),
                    };
                    if let Err(error) = undone {
                        tracing::debug!("cannot switch back: {error}, ignoring");
                    }
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// What follows from the change: links, caches of the host, deploys and objects that nobody needs any more.
    fn finish(&self, at: &LockedInstallation, host: &Host) -> Result<Vec<String>> {
        let changed: BTreeSet<Ref> = self
            .deploys
            .iter()
            .map(|(prepared, _)| prepared.candidate.reference.clone())
            .chain(self.removals.iter().cloned())
            .collect();
        let apps: BTreeSet<AppId> = changed
            .iter()
            .filter(|reference| reference.kind == Kind::App)
            .map(|reference| reference.id.clone())
            .collect();
        let mut touched = links::renew(at, host, &apps)?;
        let mut notes = std::mem::take(&mut touched.notes);
        notes.extend(trigger::run(at, host, &touched));
        for reference in &changed {
            settle(at, reference)?;
        }
        tell(at)?;
        at.dir().sync_file_system()?;
        derive::remove_orphans(at, host)?;
        at.dir().remove_tree(STAGING)?;
        at.dir().remove_file(UNFINISHED)?;
        kept::reap(at)?;
        crate::prune::prune(at)?;
        Ok(notes)
    }
}

/// Puts away what is not kept of a ref, and makes refs and notes agree with what is left.
pub(crate) fn settle(at: &LockedInstallation, reference: &Ref) -> Result<()> {
    let active = at.installation().active(reference)?.map(|deploy| deploy.commit().clone());
    let kept = match &active {
        Some(_) => kept::put_away_old(at, reference)?,
        None => Vec::new(),
    };
    for (name, commit) in at.repo().refs(&format!("kept/{reference}/"))? {
        if !kept.contains(&commit) || active.as_ref() == Some(&commit) {
            at.repo().remove_ref(&name)?;
        }
    }
    if active.is_none() {
        at.repo().remove_ref(&RefName::deployed(reference))?;
    }
    let notes = Path::new(&reference.to_string()).join(".runtime");
    for entry in at.dir().entries(&notes).unwrap_or_default() {
        let is_kept =
            entry.name.to_str().is_some_and(|name| kept.iter().any(|commit| commit.as_str() == name));
        if !is_kept {
            at.dir().remove_file(notes.join(&entry.name))?;
        }
    }
    if active.is_none() {
        remove_empty_dirs(at, reference);
    }
    Ok(())
}

/// Takes a ref out of use; its deploys are put away.
pub(crate) fn remove(at: &LockedInstallation, reference: &Ref) -> Result<()> {
    let base = PathBuf::from(reference.to_string());
    let origin = at.origin(reference)?;
    let current = Path::new("app").join(reference.id.as_str()).join("current");
    let is_current = reference.kind == Kind::App
        && at
            .dir()
            .read_link(&current)
            .is_ok_and(|target| base.ends_with(&target) && !target.as_os_str().is_empty());
    at.dir().remove_file(base.join("active"))?;
    if is_current {
        at.dir().remove_file(&current)?;
    }
    for deploy in at.installation().deploys(reference)? {
        kept::put_away(at, reference, &deploy)?;
    }
    if let Some(remote) = origin.and_then(|origin| origin.parse::<RemoteName>().ok()) {
        at.repo().remove_ref(&RefName::of_remote(&remote, reference))?;
    }
    settle(at, reference)?;
    if reference.kind == Kind::App {
        // Another branch of the app is what is meant from now on.
        match at.installation().current(&reference.id)? {
            Some(other) => make_current(at, &other)?,
            None => forget_grant(at, &reference.id)?,
        }
    }
    Ok(())
}

fn forget_grant(at: &LockedInstallation, id: &AppId) -> Result<()> {
    match at.dir().remove_file(Path::new("grants").join(id.as_str())) {
        Err(error) if error.is_not_found() => Ok(()),
        removed => Ok(removed?),
    }
}

/// Makes a ref the one that its id stands for, if nothing else is.
pub(crate) fn make_current(at: &LockedInstallation, reference: &Ref) -> Result<()> {
    if reference.kind != Kind::App {
        return Ok(());
    }
    let current = Path::new("app").join(reference.id.as_str()).join("current");
    let stands = at.dir().read_link(&current).ok().and_then(|target| {
        let other: Ref = format!("app/{}/{}", reference.id, target.to_str()?).parse().ok()?;
        at.installation().active(&other).ok().flatten()
    });
    if stands.is_some() {
        return Ok(());
    }
    Ok(at.dir().replace_symlink(format!("{}/{}", reference.arch, reference.branch), current)?)
}

fn remove_empty_dirs(at: &LockedInstallation, reference: &Ref) {
    let base = PathBuf::from(reference.to_string());
    let _ = at.dir().remove_dir(base.join(".runtime"));
    for dir in base.ancestors().take(3) {
        if at.dir().remove_dir(dir).is_err() {
            break;
        }
    }
}

/// The installed apps that run on a runtime.
pub(crate) fn apps_on(installation: &Installation, runtime: &Ref) -> Result<Vec<Ref>> {
    let mut apps = Vec::new();
    for reference in installation.refs()?.into_iter().filter(|reference| reference.kind == Kind::App) {
        if let Some(deploy) = installation.active(&reference)?
            && deploy.metadata().is_ok_and(|metadata| metadata.runtime.as_ref() == Some(runtime))
        {
            apps.push(reference);
        }
    }
    Ok(apps)
}

/// Touches the file that programs watch which show what is installed.
pub(crate) fn tell(at: &LockedInstallation) -> Result<()> {
    if !at.dir().exists(".changed")? {
        at.dir().create_file(".changed", 0o644)?;
    }
    Ok(at.dir().set_modified(".changed", history::seconds_now())?)
}

/// Where the record of a deploy lies; a deploy without it is not whole.
pub(crate) fn record_path(reference: &Ref, commit: &CommitId) -> PathBuf {
    deploy_path(reference, commit).join("deploy")
}
