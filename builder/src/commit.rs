//! The tree of an app or runtime as a commit that depends on its packages alone: no parent, no clock, no machine.
//!
//! Source: `app/flatpak-builtins-build-export.c` for the keys that Flatpak reads; `docs/format/build.md` for ours.

use std::collections::{BTreeMap, BTreeSet};

use aril_model::{CommitId, Keyfile, Ref};
use aril_store::{CommitDetails, Mode, Node, StoreError, Tree, Value, Writer};

use crate::import::Imported;
use crate::packages::{self, PackageList};
use crate::report::{self, Note};

/// What becomes a commit.
#[derive(Debug)]
pub struct NewCommit<'a> {
    /// What it is called.
    pub reference: &'a Ref,
    /// Its `files`.
    pub files: Tree,
    /// Its `export`; empty for none.
    pub export: Tree,
    /// Its `metadata`.
    pub metadata: &'a Keyfile,
    /// What it is made of.
    pub packages: &'a [&'a Imported],
    /// What was done to them.
    pub notes: &'a [Note],
    /// What was asked for, so that it can be built again.
    pub request: Vec<String>,
    /// The version of the first package that was asked for.
    pub evr: Option<String>,
    /// For an app: the runtime's commit that it was solved against.
    pub runtime_commit: Option<CommitId>,
}

/// Writes a commit. No ref is moved.
///
/// # Errors
/// When an object cannot be written.
pub fn commit(new: NewCommit<'_>, writer: &Writer) -> Result<CommitId, StoreError> {
    let list = PackageList::new(new.packages);
    let metadata = new.metadata.to_string();
    let size = installed_size(&new.files);
    let mut tree = Tree::new();
    tree.insert("metadata", Node::File(writer.file(metadata.as_bytes(), Mode::Plain)?))?;
    tree.insert(packages::FILE, Node::File(writer.file(&list.to_json(), Mode::Plain)?))?;
    tree.insert(report::FILE, Node::File(writer.file(&report::to_json(new.notes), Mode::Plain)?))?;
    tree.insert("files", Node::Dir(new.files))?;
    if !new.export.is_empty() {
        tree.insert("export", Node::Dir(new.export))?;
    }
    let text = |text: String| Value::Text(text);
    let mut values = BTreeMap::from([
        ("ostree.collection-binding".to_owned(), text(String::new())),
        ("ostree.ref-binding".to_owned(), Value::List(vec![new.reference.to_string()])),
        ("xa.ref".to_owned(), text(new.reference.to_string())),
        ("xa.metadata".to_owned(), text(metadata)),
        ("xa.installed-size".to_owned(), Value::Size(size)),
        ("xa.download-size".to_owned(), Value::Size(size)),
        ("aril.request".to_owned(), Value::List(new.request)),
        ("aril.packages".to_owned(), Value::List(list.lines())),
    ]);
    values.extend(new.evr.map(|evr| ("aril.evr".to_owned(), text(evr))));
    values.extend(new.runtime_commit.map(|id| ("aril.runtime-commit".to_owned(), text(id.to_string()))));
    let details = CommitDetails {
        subject: format!("{} made of RPMs", new.reference.id),
        body: format!(
            "Name: {}\nArch: {}\nBranch: {}\n",
            new.reference.id, new.reference.arch, new.reference.branch
        ),
        timestamp: new.packages.iter().map(|package| package.facts.build_time).max().unwrap_or(0),
        metadata: values,
        parent: None,
    };
    writer.commit(&tree, &details)
}

/// The bytes of all files, those with equal contents counted once, as a deploy has them.
fn installed_size(tree: &Tree) -> u64 {
    let mut seen = BTreeSet::new();
    let files = tree.paths().into_iter().filter_map(|(_, node)| node.as_file());
    files.filter(|file| seen.insert(file.checksum)).map(|file| file.size).sum()
}
