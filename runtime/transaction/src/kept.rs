//! Which deploys stay on disk beside the active one, and where the others go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aril_beneath::EntryKind;
use aril_installation::Deploy;
use aril_model::{CommitId, Kind, Ref};

use crate::deploy::deploy_path;
use crate::derive::is_in_use;
use crate::{LockedInstallation, Result, history};

/// How many deploys of a ref stay, with the active one.
const KEPT: usize = 3;
/// Where deploys wait until nobody uses them any more.
const REMOVED: &str = ".removed";

/// The deploys of a ref, the active one first, then the others, the one that was in use last before.
///
/// # Errors
/// When a deploy cannot be opened.
pub(crate) fn by_age(at: &LockedInstallation, reference: &Ref) -> Result<Vec<Deploy>> {
    let active = at.installation().active(reference)?.map(|deploy| deploy.commit().clone());
    let known = history::commits_of(&history::read(at.dir())?, reference);
    let mut deploys = at.installation().deploys(reference)?;
    let time = |deploy: &Deploy| deploy.record().ok().and_then(|record| record.timestamp).unwrap_or(0);
    deploys.sort_by_cached_key(|deploy| {
        let place = known.iter().position(|commit| commit == deploy.commit()).unwrap_or(usize::MAX);
        (Some(deploy.commit()) != active.as_ref(), place, u64::MAX - time(deploy))
    });
    Ok(deploys)
}

/// Puts away the deploys of a ref beyond those that are kept; returns the commits that stay.
///
/// # Errors
/// When one cannot be moved.
pub(crate) fn put_away_old(at: &LockedInstallation, reference: &Ref) -> Result<Vec<CommitId>> {
    let held = held_commits(at, reference)?;
    let mut kept = Vec::new();
    for (index, deploy) in by_age(at, reference)?.into_iter().enumerate() {
        let path = deploy_path(reference, deploy.commit());
        if index < KEPT || held.contains(deploy.commit()) || is_in_use(at.dir(), &path.join("files"))? {
            kept.push(deploy.commit().clone());
        } else {
            put_away(at, reference, &deploy)?;
        }
    }
    Ok(kept)
}

/// Moves a deploy out of its place. It stays on disk as long as something runs from it.
///
/// # Errors
/// When it cannot be moved.
pub(crate) fn put_away(at: &LockedInstallation, reference: &Ref, deploy: &Deploy) -> Result<()> {
    // Flatpak's sessions look for this file to learn that their app is gone.
    if let Err(error) = deploy.dir().write_atomic("files/.removed", b"", 0o644) {
        tracing::debug!("cannot mark {}: {error}, ignoring", deploy.path().display());
    }
    put_aside(at, reference, &deploy.name().to_string())
}

/// Moves what lies in the place of a deploy away, whatever it is; nothing there is no error.
///
/// # Errors
/// When it cannot be moved.
pub(crate) fn put_aside(at: &LockedInstallation, reference: &Ref, name: &str) -> Result<()> {
    let place = Path::new(&reference.to_string()).join(name);
    if !at.dir().exists(&place)? {
        return Ok(());
    }
    at.dir().create_dir(REMOVED, 0o755)?;
    let mut target = PathBuf::from(REMOVED).join(format!("{}-{name}", reference.id));
    let mut number = 0;
    while at.dir().exists(&target)? {
        number += 1;
        target = PathBuf::from(REMOVED).join(format!("{}-{name}-{number}", reference.id));
    }
    Ok(at.dir().rename(place, at.dir(), target)?)
}

/// Deletes what was put away and is not in use any more.
///
/// # Errors
/// When it cannot be deleted.
pub(crate) fn reap(at: &LockedInstallation) -> Result<()> {
    let entries = match at.dir().entries(REMOVED) {
        Err(error) if error.is_not_found() => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = Path::new(REMOVED).join(&entry.name);
        let in_use = entry.kind == EntryKind::Dir
            && (at.dir().exists(path.join("files"))? && is_in_use(at.dir(), &path.join("files"))?
                || is_in_use(at.dir(), &path)?);
        if !in_use {
            at.dir().remove_tree(&path)?;
        }
    }
    // It stays as long as something in it is in use.
    let _ = at.dir().remove_dir(REMOVED);
    Ok(())
}

/// The commits of a runtime on which kept commits of apps are held.
fn held_commits(at: &LockedInstallation, runtime: &Ref) -> Result<BTreeSet<CommitId>> {
    let mut held = BTreeSet::new();
    if runtime.kind != Kind::Runtime {
        return Ok(held);
    }
    for reference in at.installation().refs()?.into_iter().filter(|reference| reference.kind == Kind::App) {
        for deploy in at.installation().deploys(&reference)? {
            if deploy.metadata().is_ok_and(|metadata| metadata.runtime.as_ref() == Some(runtime)) {
                held.extend(at.installation().held_runtime(&reference, deploy.commit())?);
            }
        }
    }
    Ok(held)
}
