//! Fetching commits from a remote, with their signatures checked.
//!
//! A commit is fetched by its id and no ref moves: refs are set when the commit is deployed. libostree checks each object against its
//! checksum and the commit against the remote's keys; that the commit is the wanted ref is checked here.

use std::collections::BTreeMap;
use std::rc::Rc;

use aril_model::{CommitId, Ref, RemoteName};
use ostree::glib::prelude::ToVariant;
use ostree::{AsyncProgress, RepoPullFlags, gio, glib};

use crate::error::Doing;
use crate::{Commit, Remote, Repo, Result, StoreError};

/// How far a pull is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// Bytes that came so far.
    pub bytes: u64,
    /// Objects that came so far.
    pub objects: u64,
    /// Objects that are known to be needed; grows while directories are read.
    pub wanted_objects: u64,
}

/// Called during a pull, some times a second.
pub type OnProgress = Rc<dyn Fn(PullProgress)>;

/// How much of a commit is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Some directories of it: `/files/de`, and always `/metadata`.
    Subpaths(Vec<String>),
}

/// Which objects of a commit libostree is to fetch.
enum Objects<'a> {
    Commit,
    Below(&'a [String]),
    All,
}

impl Repo {
    /// Fetches only what a commit says, without its files, and checks that it is signed as the remote must sign, and that it is the wanted
    /// ref.
    ///
    /// # Errors
    /// When the remote cannot be reached, a signature is missing or wrong, or the commit was made for another ref.
    pub fn fetch_commit(&self, remote: &RemoteName, reference: &Ref, id: &CommitId) -> Result<Commit> {
        let known = self.remote(remote)?;
        // One that came from elsewhere before is believed no more than one that comes now.
        let is_here = self.has_commit(id)? && (!known.verifies_commits() || self.is_signed(remote, id)?);
        if !is_here {
            self.pull_objects(remote, id, Objects::Commit, None)?;
        }
        let commit = self.commit(id)?;
        check_binding(&known, reference, &commit)?;
        Ok(commit)
    }

    /// Whether a commit that is here is signed by a key of a remote.
    fn is_signed(&self, remote: &RemoteName, id: &CommitId) -> Result<bool> {
        let library = self.library()?;
        let verdict = library.verify_commit_for_remote(id.as_str(), remote.as_str(), gio::Cancellable::NONE);
        Ok(verdict.and_then(|verdict| verdict.require_valid_signature()).is_ok())
    }

    /// Fetches the files of a commit that [`Self::fetch_commit`] has brought and checked; what is there already is not fetched again, so a
    /// pull that was cut goes on where it stopped.
    ///
    /// # Errors
    /// Like [`Self::fetch_commit`]; and when the disk is full.
    pub fn pull(
        &self,
        remote: &RemoteName,
        id: &CommitId,
        extent: &Extent,
        progress: Option<OnProgress>,
    ) -> Result<()> {
        if *extent == Extent::Whole && self.has_commit(id)? {
            return Ok(());
        }
        let path = local_path(self.remote(remote)?.url());
        match (path, extent) {
            // Copying knows no part of a commit; from a disk the whole costs little.
            // Each object is checked against its name, as libostree does; the commit names them all.
            (Some(path), _) => self.copy_commit(&Self::open(path)?, id, progress),
            (None, Extent::Whole) => self.pull_objects(remote, id, Objects::All, progress),
            (None, Extent::Subpaths(paths)) => self.pull_objects(remote, id, Objects::Below(paths), progress),
        }
    }

    fn pull_objects(
        &self,
        remote: &RemoteName,
        id: &CommitId,
        objects: Objects<'_>,
        progress: Option<OnProgress>,
    ) -> Result<()> {
        let mut flags = RepoPullFlags::UNTRUSTED | RepoPullFlags::BAREUSERONLY_FILES;
        let mut options: BTreeMap<String, glib::Variant> = BTreeMap::new();
        options.insert("refs".into(), vec![id.as_str()].to_variant());
        match objects {
            Objects::Commit => flags |= RepoPullFlags::COMMIT_ONLY,
            Objects::Below(paths) => drop(options.insert("subdirs".into(), paths.to_variant())),
            Objects::All => {}
        }
        options.insert("flags".into(), i32::try_from(flags.bits()).unwrap_or(0).to_variant());
        options.insert("depth".into(), 0_i32.to_variant());
        let reports = progress.map(reporter);
        let pulled = self
            .library()?
            .pull_with_options(
                remote.as_str(),
                &options.to_variant(),
                reports.as_ref(),
                gio::Cancellable::NONE,
            )
            .doing(format!("fetch the commit {} from the remote '{remote}'", id.short()));
        if let Some(reports) = reports {
            reports.finish();
        }
        pulled
    }
}

fn reporter(progress: OnProgress) -> AsyncProgress {
    let reports = AsyncProgress::new();
    reports.connect_changed(move |reports| {
        let count = |key| u64::from(reports.uint(key));
        progress(PullProgress {
            bytes: reports.uint64("bytes-transferred"),
            objects: count("fetched") + count("metadata-fetched"),
            wanted_objects: count("requested") + count("metadata-requested"),
        });
    });
    reports
}

/// Whether a commit was made for a ref: somebody who serves or signs several must not pass one off as another.
fn check_binding(remote: &Remote, reference: &Ref, commit: &Commit) -> Result<()> {
    let refused = |problem: String| {
        let action = format!("take the commit {} for '{reference}'", commit.id.short());
        Err(StoreError::Signature { action, problem })
    };
    let wanted = reference.to_string();
    let bound = commit.list("ostree.ref-binding");
    if !bound.is_empty() && !bound.contains(&wanted)
        || bound.is_empty() && commit.text("xa.ref") != Some(&wanted)
    {
        let names: Vec<_> = bound.iter().map(|name| aril_model::printable(name)).collect();
        let names = if names.is_empty() { "nothing".into() } else { names.join(", ") };
        return refused(format!("it was made for {names}"));
    }
    if commit.text("xa.ref").is_some_and(|name| name != wanted) {
        return refused("it names itself otherwise".into());
    }
    match (remote.option("collection-id"), commit.text("ostree.collection-binding")) {
        (Some(wanted), bound) if bound != Some(wanted) => {
            refused(format!("it does not belong to the collection '{wanted}'"))
        }
        _ => Ok(()),
    }
}

/// The path behind a `file://` url; `None` for other urls, and for one whose escapes are wrong.
fn local_path(url: &str) -> Option<String> {
    let path = url.strip_prefix("file://").filter(|path| path.starts_with('/'))?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn urls_of_this_machine() {
        assert_eq!(local_path("file:///srv/a%20b").as_deref(), Some("/srv/a b"));
        for url in ["https://x/", "file://host/x", "file:///%", "file:///%zz", "file:///%ff", "/srv"] {
            assert_eq!(local_path(url), None, "{url}");
        }
    }
}
