//! Removing apps and runtimes.

use std::collections::BTreeSet;

use aril_beneath::Dir;
use aril_model::{AppId, Kind, Ref};

use crate::deploy::deploy_path;
use crate::derive::is_in_use;
use crate::host::Host;
use crate::switch::{Switch, apps_on};
use crate::{LockedInstallation, Report, Result, TransactionError, resolve};

/// What a removal would remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// The refs.
    pub refs: Vec<Ref>,
}

/// Which removals are made all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// None that others need or that run.
    No,
    /// All.
    Yes,
}

/// Checks that refs can be removed.
///
/// # Errors
/// When an app that stays needs one of them, or one of them runs.
pub fn plan(at: &LockedInstallation, refs: Vec<Ref>, force: Force) -> Result<Removal> {
    for reference in refs.iter().filter(|_| force == Force::No) {
        let staying: Vec<String> = apps_on(at.installation(), reference)?
            .into_iter()
            .filter(|app| reference.kind == Kind::Runtime && !refs.contains(app))
            .map(|app| app.id.to_string())
            .collect();
        if !staying.is_empty() {
            return Err(TransactionError::InUse {
                runtime: Box::new(reference.clone()),
                apps: staying.join(", "),
            });
        }
        for deploy in at.installation().deploys(reference)? {
            if is_in_use(at.dir(), &deploy_path(reference, deploy.commit()).join("files"))? {
                return Err(TransactionError::Running(Box::new(reference.clone())));
            }
        }
    }
    Ok(Removal { refs })
}

/// The runtimes and extensions that no app of this installation or of the user's others needs.
///
/// # Errors
/// When an installation cannot be read.
pub fn unused(at: &LockedInstallation, host: &Host) -> Result<Vec<Ref>> {
    let mut needed: BTreeSet<Ref> = BTreeSet::new();
    let others = resolve::other_installations(host)?;
    for installation in std::iter::once(at.installation()).chain(&others) {
        for reference in installation.refs()? {
            let Some(deploy) = installation.active(&reference)? else { continue };
            let Ok(metadata) = deploy.metadata() else { continue };
            match reference.kind {
                // What an app says it is built with is needed by those who build it, who ask for it by name.
                Kind::App => needed.extend(metadata.runtime),
                Kind::Runtime => {}
            }
        }
    }
    let refs = at.installation().refs()?;
    let extends_needed = |reference: &Ref| -> Result<bool> {
        let Some(deploy) = at.installation().active(reference)? else { return Ok(false) };
        let extended = deploy.metadata().ok().and_then(|metadata| metadata.extension_of?.reference);
        let extended: Option<Ref> = extended.and_then(|text| text.parse().ok());
        Ok(extended.is_some_and(|extended| {
            extended.kind == Kind::App && refs.contains(&extended) || needed.contains(&extended)
        }))
    };
    let mut found = Vec::new();
    for reference in &refs {
        if reference.kind == Kind::Runtime && !needed.contains(reference) && !extends_needed(reference)? {
            found.push(reference.clone());
        }
    }
    Ok(found)
}

impl Removal {
    /// Removes them. What apps kept in the user's home stays.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn apply(self, at: &LockedInstallation, host: &Host) -> Result<Report> {
        let switch = Switch { removals: self.refs.clone(), ..Switch::default() };
        let notes = switch.make(at, host)?;
        Ok(Report { removed: self.refs, notes, ..Report::default() })
    }
}

/// Removes what an app kept in the user's home: `~/.var/app/ID`.
///
/// # Errors
/// When it cannot be removed.
pub fn delete_data(host: &Host, id: &AppId) -> Result<()> {
    let Some(path) = &host.app_data else { return Ok(()) };
    match Dir::open(path) {
        Err(error) if error.is_not_found() => Ok(()),
        // A link in place of the directory is removed itself; where it leads is none of ours.
        dir => Ok(dir?.remove_tree(id.as_str())?),
    }
}
