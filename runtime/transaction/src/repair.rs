//! Finding damage in an installation, and mending it.

use aril_model::{Ref, RemoteName};
use aril_store::{Damage, Extent, RefName};

use crate::deploy::{Candidate, STAGING, prepare_anew};
use crate::host::Host;
use crate::{LockedInstallation, Result, kept};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Objects and refs that are damaged.
    pub objects: Vec<Damage>,
    /// Installed refs whose deploys are not whole, and why.
    pub deploys: Vec<(Ref, String)>,
}

/// What was mended, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mended {
    /// A line for each.
    pub done: Vec<String>,
    /// A line for each, with the reason.
    pub failed: Vec<String>,
}

impl Findings {
    /// Whether nothing is damaged.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.deploys.is_empty()
    }
}

/// Reads everything and checks it.
///
/// # Errors
/// When something cannot even be read.
pub fn look(at: &LockedInstallation) -> Result<Findings> {
    let mut findings = Findings { objects: at.repo().verify()?, deploys: Vec::new() };
    for reference in at.installation().refs()? {
        if let Some(problem) = problem_of(at, &reference, &findings.objects) {
            findings.deploys.push((reference, problem));
        }
    }
    Ok(findings)
}

/// What is wrong with the active deploy of a ref. Its files are names of objects: those that are damaged there are damaged here, too.
fn problem_of(at: &LockedInstallation, reference: &Ref, damaged: &[Damage]) -> Option<String> {
    let deploy = match at.installation().active(reference) {
        Ok(deploy) => deploy?,
        Err(error) => return Some(error.to_string()),
    };
    let check = || -> Result<()> {
        deploy.record()?;
        deploy.metadata()?;
        deploy.files()?;
        at.repo().verify_reachable(deploy.commit())?;
        Ok(())
    };
    if let Err(error) = check() {
        return Some(error.to_string());
    }
    let name = format!("ref {}", RefName::deployed(reference));
    let object = damaged.iter().find(|damage| damage.path == name);
    if let Some(object) = object {
        return Some(object.problem.clone());
    }
    let tree = at.repo().tree(deploy.commit()).ok()?;
    let mut lost = None;
    let dir = deploy.dir();
    let _ = tree.walk::<()>(&mut |path, node| {
        // What is exported is written anew, and the lock is ours.
        if path.starts_with("export") || path == "files/.ref" || lost.is_some() {
            return Ok(());
        }
        let damaged = node
            .as_file()
            .is_some_and(|file| damaged.iter().any(|d| d.path.contains(&file.checksum.to_string()[2..])));
        let there =
            dir.stat(path).ok().filter(|there| node.as_file().is_none_or(|file| file.size == there.size));
        let wanted = path.starts_with("files") || path == "metadata";
        if wanted && (damaged || there.is_none()) {
            lost = Some(format!("'{}' is missing or damaged", aril_model::printable(path)));
        }
        Ok(())
    });
    lost
}

/// Mends what can be mended: damaged objects are removed and fetched again, deploys are made anew, leftovers go.
///
/// # Errors
/// When nothing can be written.
pub fn mend(at: &LockedInstallation, host: &Host, findings: &Findings) -> Result<Mended> {
    let mut mended = Mended::default();
    for damage in &findings.objects {
        if damage.path.starts_with("objects/") {
            at.repo().remove_damaged(damage)?;
            mended.done.push(format!("removed '{}'", damage.path));
        }
    }
    for (reference, problem) in &findings.deploys {
        match mend_one(at, host, reference) {
            Ok(()) => mended.done.push(format!("installed '{reference}' anew: {problem}")),
            Err(error) => mended.failed.push(format!("'{reference}' is damaged ({problem}): {error}")),
        }
    }
    at.dir().remove_tree(STAGING)?;
    mended.failed.extend(at.look_through(host)?);
    remove_broken_refs(at, &mut mended)?;
    kept::reap(at)?;
    crate::prune::prune(at)?;
    Ok(mended)
}

/// Brings a ref's objects again, from its remote, and makes its deploy anew.
fn mend_one(at: &LockedInstallation, host: &Host, reference: &Ref) -> Result<()> {
    let target = at.dir().read_link(std::path::Path::new(&reference.to_string()).join("active"))?;
    let commit = target.to_string_lossy().parse().map_err(|_| {
        crate::TransactionError::unfit(reference, "nobody knows which commit of it was active")
    })?;
    let origin = match at.origin(reference) {
        Ok(origin) => origin,
        Err(_) => origin_by_refs(at, reference)?,
    };
    let origin = origin.unwrap_or_default();
    if at.repo().verify_reachable(&commit).is_err() {
        let remote: RemoteName = origin
            .parse()
            .map_err(|_| crate::TransactionError::NoRemote { name: origin.clone(), nearest: None })?;
        at.repo().forget_that_whole(&commit)?;
        at.repo().fetch_commit(&remote, reference, &commit)?;
        at.repo().pull(&remote, &commit, &Extent::Whole, None)?;
    }
    let candidate = Candidate::new(reference, at.repo().commit(&commit)?, &origin)?;
    // The one that is there is put aside only when the new one is whole.
    let prepared = prepare_anew(at, candidate, &host.starter)?;
    kept::put_aside(at, reference, &commit.to_string())?;
    prepared.put(at)
}

/// The remote under whose name a ref is in the repository.
fn origin_by_refs(at: &LockedInstallation, reference: &Ref) -> Result<Option<String>> {
    let names = at.repo().refs("")?;
    let of_remote =
        names.keys().find(|name| name.remote().is_some() && name.reference().as_ref() == Some(reference));
    Ok(of_remote.and_then(|name| name.remote()).map(ToString::to_string))
}

/// Removes refs to commits that are not there any more and that nothing installed needs.
fn remove_broken_refs(at: &LockedInstallation, mended: &mut Mended) -> Result<()> {
    for (name, commit) in at.repo().refs("")? {
        if at.repo().commit(&commit).is_err()
            || at.repo().has_commit(&commit)? && at.repo().verify_reachable(&commit).is_err()
        {
            at.repo().remove_ref(&name)?;
            mended.done.push(format!("removed the ref '{name}', whose objects are not there"));
        }
    }
    Ok(())
}
