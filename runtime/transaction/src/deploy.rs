//! A commit checked out for use: made aside, checked, and only then put in its place.
//!
//! ```text
//! .staging/N/                                what is being made
//!   files/  metadata  export/  deploy        as the deploy will be
//! {app,runtime}/ID/ARCH/BRANCH/COMMIT/       its place, by one rename
//! ```

use std::io::Write;
use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind};
use aril_installation::DeployRecord;
use aril_model::{CommitId, Kind, Layout, Metadata, Ref};
use aril_store::{Checkout, Commit, FileNode, Node, Tree};

use crate::export::{self, Exported};
use crate::{LockedInstallation, Result, TransactionError, appdata};

/// Where changes are made before they count.
pub(crate) const STAGING: &str = ".staging";
/// The version of Flatpak whose apps can be run.
const COMPATIBLE_WITH: [u32; 3] = [1, 16, 0];
/// Largest metadata file.
const METADATA_LIMIT: u64 = 1 << 20;

/// A commit that may be installed: it was looked at, and its files are in the store.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) reference: Ref,
    pub(crate) commit: Commit,
    pub(crate) metadata: Metadata,
    /// The remote that it comes from.
    pub(crate) origin: String,
}

/// A deploy that is ready to be put in its place.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) candidate: Candidate,
    /// Where it was made; `None` for one that is in its place already.
    staged: Option<PathBuf>,
    /// What was left out of its exports.
    pub(crate) notes: Vec<String>,
}

impl Candidate {
    /// Takes a commit for a ref if what it says of itself is in order; its files may still be missing.
    ///
    /// # Errors
    /// When its metadata is missing, wrong, for another kind or id, or asks for what we cannot do.
    pub(crate) fn new(reference: &Ref, commit: Commit, origin: &str) -> Result<Self> {
        let unfit = |problem: &str| TransactionError::unfit(reference, problem);
        let text =
            commit.text("xa.metadata").ok_or_else(|| unfit("its commit does not say what it may do"))?;
        let metadata = Metadata::parse(text).map_err(|source| TransactionError::Metadata {
            reference: Box::new(reference.clone()),
            source,
        })?;
        if metadata.kind != reference.kind || metadata.id != reference.id {
            return Err(unfit("its metadata are those of another"));
        }
        if commit.details.metadata.contains_key("xa.extra-data-sources")
            || metadata.keyfile.has_group("Extra Data")
        {
            return Err(unfit(
                "parts of it would have to be fetched from elsewhere, which is not supported yet",
            ));
        }
        if metadata.layout == Layout::App && !fits(&metadata.required_flatpak) {
            let wanted = metadata.required_flatpak.join(", ");
            return Err(unfit(&format!("it needs what flatpak {} can do", aril_model::printable(&wanted))));
        }
        Ok(Self { reference: reference.clone(), commit, metadata, origin: origin.to_owned() })
    }

    pub(crate) fn id(&self) -> &CommitId {
        &self.commit.id
    }

    /// Where its deploy lies, relative to the installation.
    pub(crate) fn place(&self) -> PathBuf {
        deploy_path(&self.reference, self.id())
    }
}

/// Where the deploy of a commit lies, relative to the installation.
pub(crate) fn deploy_path(reference: &Ref, commit: &CommitId) -> PathBuf {
    Path::new(&reference.to_string()).join(commit.as_str())
}

/// Makes the deploy of a commit whose files are in the store, unless it is there already.
///
/// # Errors
/// When its tree is not what it must be, or the disk is full; nothing is left in its place then.
pub(crate) fn prepare(at: &LockedInstallation, candidate: Candidate, starter: &[String]) -> Result<Prepared> {
    if at.dir().exists(candidate.place().join("deploy"))? {
        return Ok(Prepared { candidate, staged: None, notes: Vec::new() });
    }
    prepare_anew(at, candidate, starter)
}

/// The same for one that may be there and damaged.
///
/// # Errors
/// Like [`prepare`].
pub(crate) fn prepare_anew(
    at: &LockedInstallation,
    candidate: Candidate,
    starter: &[String],
) -> Result<Prepared> {
    let mut tree = at.repo().tree(candidate.id())?;
    check_metadata(at, &tree, &candidate)?;
    let staging = at.dir().create_dir_all(STAGING, 0o700)?;
    let name = free_name(&staging)?;
    let dir = staging.open_dir(&name)?;
    let record = record(at, &tree, &candidate)?;
    let notes = fill(at, &mut tree, &candidate, starter, &dir)?;
    write_new(&dir, "deploy", &record.serialise(), 0o644)?;
    Ok(Prepared { candidate, staged: Some(Path::new(STAGING).join(name)), notes })
}

impl Prepared {
    /// Puts the deploy in its place, where it does nothing until it is made active.
    pub(crate) fn put(&self, at: &LockedInstallation) -> Result<()> {
        let Some(staged) = &self.staged else { return Ok(()) };
        let place = self.candidate.place();
        at.dir().create_dir_all(place.parent().unwrap_or(Path::new("")), 0o755)?;
        // What a broken change left there was not whole, or it would have been taken as it is.
        at.dir().remove_tree(&place)?;
        Ok(at.dir().rename_new(staged, at.dir(), &place)?)
    }
}

fn free_name(staging: &Dir) -> Result<String> {
    for number in 0_u32.. {
        let name = number.to_string();
        if staging.create_dir(&name, 0o755)? {
            return Ok(name);
        }
    }
    unreachable!("there are fewer deploys than numbers")
}

/// Fills the directory of a deploy with all but its record.
fn fill(
    at: &LockedInstallation,
    tree: &mut Tree,
    candidate: &Candidate,
    starter: &[String],
    dir: &Dir,
) -> Result<Vec<String>> {
    let exported = tree.remove("export");
    let unfit = |problem: &str| TransactionError::unfit(&candidate.reference, problem);
    let Some(Node::Dir(mut files)) = tree.remove("files") else {
        return Err(unfit("its tree has no directory 'files'"));
    };
    // Others lock this file while it runs, so it must be a file of this deploy alone.
    if files.get(".ref").is_some_and(Node::is_dir) {
        return Err(unfit("its tree has a directory where the lock must be"));
    }
    let _ = files.remove(".ref");
    let mut top = Tree::new();
    // The names are ours and the tree is new: they fit.
    for (name, node) in [("metadata", tree.remove("metadata")), ("files", Some(Node::Dir(files)))] {
        if let Some(node) = node {
            let _ = top.insert(name, node);
        }
    }
    at.repo().link_into(&top, dir, Checkout::Linked)?;
    let files = dir.open_dir("files")?;
    write_new(&files, ".ref", b"", 0o644)?;
    if candidate.reference.kind == Kind::Runtime && candidate.metadata.extension_of.is_none() {
        add_placeholders(&files, &candidate.reference)?;
    }
    files.set_modified("", 0)?;
    if candidate.reference.kind == Kind::Runtime {
        return Ok(Vec::new());
    }
    let app = Exported { reference: &candidate.reference, metadata: &candidate.metadata, starter };
    dir.create_dir("export", 0o755)?;
    let exported = match &exported {
        None => None,
        Some(Node::Dir(tree)) => Some(tree),
        Some(_) => return Err(unfit("its tree has no directory 'export'")),
    };
    export::write(at.repo(), exported, &app, &dir.open_dir("export")?)
}

/// What was shown is what is installed: the metadata in the tree are byte for byte those of the commit.
fn check_metadata(at: &LockedInstallation, tree: &Tree, candidate: &Candidate) -> Result<()> {
    let unfit = |problem: &str| TransactionError::unfit(&candidate.reference, problem);
    let file: &FileNode = tree.file("metadata").ok_or_else(|| unfit("its tree has no file 'metadata'"))?;
    let bytes = export::read(at.repo(), file, METADATA_LIMIT)?;
    if bytes.as_deref() != candidate.commit.text("xa.metadata").map(str::as_bytes) {
        return Err(unfit("what its commit says it may do is not what its tree says"));
    }
    Ok(())
}

/// Files that Flatpak covers by the host's, where a runtime lacks them.
///
/// Source: `flatpak_dir_deploy`. Ours are laid over by the launcher, and need none of it.
fn add_placeholders(files: &Dir, reference: &Ref) -> Result<()> {
    match files.stat("etc") {
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(etc) if etc.kind != EntryKind::Dir => {
            return Err(TransactionError::unfit(reference, "its 'etc' is not a directory"));
        }
        Ok(_) => {}
    }
    let etc = files.open_dir("etc")?;
    for name in ["passwd", "group", "machine-id"] {
        if !etc.exists(name)? {
            write_new(&etc, name, b"", 0o644)?;
        }
    }
    if !etc.exists("resolv.conf")? {
        etc.symlink("/run/host/monitor/resolv.conf", "resolv.conf")?;
    }
    Ok(etc.set_modified("", 0)?)
}

fn record(at: &LockedInstallation, tree: &Tree, candidate: &Candidate) -> Result<DeployRecord> {
    let commit = &candidate.commit;
    let mut record = DeployRecord {
        origin: candidate.origin.clone(),
        commit: commit.id.to_string(),
        installed_size: commit.size("xa.installed-size").unwrap_or_else(|| tree.installed_size()),
        timestamp: Some(commit.details.timestamp),
        ..DeployRecord::default()
    };
    let mut note = |key: &str, text: Option<String>| {
        record.texts.extend(text.filter(|text| !text.is_empty()).map(|text| (key.to_owned(), text)));
    };
    note("eol", commit.text("ostree.endoflife").map(str::to_owned));
    note("eolr", commit.text("ostree.endoflife-rebase").map(str::to_owned));
    note("runtime", candidate.metadata.runtime.as_ref().map(Ref::without_kind));
    let extends = candidate.metadata.extension_of.as_ref().and_then(|extension| extension.reference.clone());
    note("extension-of", extends);
    if candidate.reference.kind == Kind::App {
        appdata::describe(at.repo(), tree, &candidate.reference.id, &mut record)?;
    }
    Ok(record)
}

/// Whether one of the versions is not newer than what we are compatible with; an app that names none fits.
fn fits(required: &[String]) -> bool {
    let version = |text: &String| {
        let mut parts = text.trim().split('.').map(|part| part.parse::<u32>().ok());
        let mut next = || parts.next().unwrap_or(Some(0));
        Some([next()?, next()?, next()?])
    };
    // Of several, one is enough: the same series, or any later one.
    required.is_empty() || required.iter().filter_map(version).any(|wanted| wanted <= COMPATIBLE_WITH)
}

/// Makes a file in a directory that does not count yet. Nothing is flushed: that is done for all at once.
pub(crate) fn write_new(dir: &Dir, name: &str, contents: &[u8], mode: u32) -> Result<()> {
    let mut file = dir.create_file(name, mode)?;
    file.write_all(contents)
        .map_err(|source| aril_store::StoreError::Stream { action: "write a file of a deploy", source })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn required_versions() {
        let fits = |texts: &[&str]| fits(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        for good in [&[][..], &["1.0.0"], &["1.16.0"], &["99.0.0", "1.12.5"], &["1.8"]] {
            assert!(fits(good), "{good:?}");
        }
        for bad in [&["99.0.0"][..], &["1.16.1"], &["1.17.0", "2.0"], &["x"]] {
            assert!(!fits(bad), "{bad:?}");
        }
    }
}
