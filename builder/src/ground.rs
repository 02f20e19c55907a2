//! Which runtime an app is built for.
//!
//! The one that it runs on already; else the one that goes with the remote's release, if it is there; else what was built from the remote
//! before; else the one that goes with the release, to be built.

use std::path::PathBuf;

use aril_model::{CommitId, Kind, Ref};

use crate::BuildError;
use crate::manifest::Manifest;
use crate::packages::PackageList;
use crate::session::{Session, read_manifest};

/// A runtime that is in a store.
#[derive(Debug)]
pub struct FoundRuntime {
    /// What it is called.
    pub reference: Ref,
    /// Its commit.
    pub commit: CommitId,
    /// Its packages.
    pub packages: PackageList,
}

/// What an app is built for: a runtime that is there, or that can be built.
#[derive(Debug)]
pub struct Ground {
    /// What the runtime is called.
    pub reference: Ref,
    /// The runtime, if it is there.
    pub found: Option<FoundRuntime>,
    /// Where the manifest lies that it can be built from, if one fits.
    pub manifest: Option<(PathBuf, Manifest)>,
}

/// What is known of the runtime before anything was looked for.
#[derive(Debug, Clone, Default)]
pub struct RuntimeWish {
    /// The runtime of an app that is built again.
    pub reference: Option<Ref>,
    /// The commit of the runtime, if it is not to be the one in use.
    pub commit: Option<CommitId>,
}

impl Ground {
    /// Finds what an app of the session's remote is built for.
    ///
    /// # Errors
    /// When nothing says which runtime it is, or it was not made of packages.
    pub fn find(session: &Session, wish: &RuntimeWish) -> Result<Self, BuildError> {
        let manifest = manifest(session)?;
        let of_manifest = manifest.as_ref().map(|(_, manifest)| manifest.reference(&session.remote.arch));
        let commit = wish.commit.as_ref();
        let mut found = match wish.reference.as_ref().or(of_manifest.as_ref()) {
            Some(reference) => find_runtime(session, reference, commit)?,
            None => None,
        };
        if found.is_none() && wish.reference.is_none() {
            found = match largest(session)? {
                Some(reference) => find_runtime(session, &reference, commit)?,
                None => None,
            };
        }
        let reference = found.as_ref().map(|found| found.reference.clone());
        let reference = reference.or_else(|| wish.reference.clone()).or_else(|| of_manifest.clone());
        let reference = reference.ok_or_else(|| BuildError::NoManifest {
            remote: session.remote.name.to_string(),
            release: session.remote.release.clone(),
        })?;
        let manifest = manifest.filter(|_| of_manifest.as_ref() == Some(&reference));
        Ok(Self { reference, found, manifest })
    }
}

/// The manifest of the runtime that goes with the remote's release, and where it lies.
fn manifest(session: &Session) -> Result<Option<(PathBuf, Manifest)>, BuildError> {
    let branch = session.branch();
    for dir in &session.settings.manifests {
        let path = dir.join(branch.as_str()).join("platform.toml");
        match read_manifest(&path) {
            Err(BuildError::Beneath(error)) if error.is_not_found() => {}
            read => return read.map(|manifest| Some((path, manifest))),
        }
    }
    Ok(None)
}

/// Of the runtimes that were built from the remote, the one with the most packages: what has more in it fits more apps.
fn largest(session: &Session) -> Result<Option<Ref>, BuildError> {
    let mut largest: Option<(usize, Ref)> = None;
    for name in session.repo.refs("")?.into_keys() {
        let Some(reference) = name.reference().filter(|reference| reference.kind == Kind::Runtime) else {
            continue;
        };
        if name.remote() != Some(&session.remote.name) {
            continue;
        }
        // A runtime of another's making says nothing about its packages, and an sdk is not for apps.
        let Ok(Some(found)) = find_runtime(session, &reference, None) else { continue };
        if session.recorded_runtime(&reference)?.is_some_and(|own| own != reference) {
            continue;
        }
        let count = found.packages.packages.len();
        if largest.as_ref().is_none_or(|(most, _)| count > *most) {
            largest = Some((count, reference));
        }
    }
    Ok(largest.map(|(_, reference)| reference))
}

fn find_runtime(
    session: &Session,
    reference: &Ref,
    commit: Option<&CommitId>,
) -> Result<Option<FoundRuntime>, BuildError> {
    let commit = match commit {
        Some(commit) => commit.clone(),
        None => match session.find_commit(reference)? {
            Some(commit) => commit,
            None => return Ok(None),
        },
    };
    let packages = PackageList::of_commit(&session.repo, &commit)?
        .ok_or_else(|| BuildError::ForeignRuntime(reference.clone()))?;
    Ok(Some(FoundRuntime { reference: reference.clone(), commit, packages }))
}
