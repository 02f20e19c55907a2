//! Packages joined into one tree, with conflicts of files judged as rpm judges them.
//!
//! Works on what headers and the store say, in memory; no byte of contents is touched.
//! Source: rpm's `lib/transaction.cc` (`handleInstInstFile`) and `lib/rpmfi.cc` (`rpmfilesCompare`).

use std::collections::BTreeMap;

use aril_store::{Node, Tree, TreeError};

use crate::import::Imported;
use crate::place::{Circle, Places};
use crate::report::{Note, Topic};
use crate::rpm::{FileKind, PackageFile};

/// What is beneath an app: its runtime.
#[derive(Debug)]
pub struct Base {
    /// As a root: `usr`, `etc`.
    pub tree: Tree,
    /// Paths of packages that the app brings own copies of; over these its files win.
    pub shadowed: std::collections::BTreeSet<String>,
}

/// Packages as one tree.
#[derive(Debug, Default)]
pub struct Merged {
    /// As a root: `usr`, `etc`, `opt`, `var` and what else packages have.
    pub tree: Tree,
    /// Which package each file comes from, by its place among those that were merged.
    pub owners: BTreeMap<String, usize>,
    /// What was decided where packages or the runtime have something at the same path.
    pub notes: Vec<Note>,
}

/// Packages that cannot be together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Different files at one path.
    #[error("{} of the packages, the first is '{}', which {} and {} have with different contents", count(.0.len()), aril_model::printable(&.0[0].path), .0[0].ours, .0[0].theirs)]
    Conflicts(Vec<FileConflict>),
    /// Links in a circle.
    #[error(transparent)]
    Circle(#[from] Circle),
}

fn count(conflicts: usize) -> String {
    format!("{conflicts} conflict{} between files", if conflicts == 1 { "" } else { "s" })
}

/// Two different things at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConflict {
    /// Where.
    pub path: String,
    /// A package.
    pub ours: String,
    /// Another, or the runtime.
    pub theirs: String,
}

impl aril_model::Hint for MergeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Conflicts(_) => {
                Some("rpm would refuse to install these packages together, too: leave one of them out".into())
            }
            Self::Circle(_) => None,
        }
    }
}

/// Joins packages, over a runtime if there is one.
///
/// # Errors
/// [`MergeError::Conflicts`] with all of them, when files differ.
pub fn merge(packages: &[&Imported], base: Option<&Base>) -> Result<Merged, MergeError> {
    let links =
        packages.iter().flat_map(|package| &package.facts.files).filter_map(|file| match &file.kind {
            FileKind::Link(target) if file.is_in_payload() => Some((file.path.as_path(), target.as_path())),
            _ => None,
        });
    let places = Places::new(base.map(|base| &base.tree), links)?;
    let mut merge =
        Merge { packages, base, merged: Merged::default(), chosen: BTreeMap::new(), conflicts: Vec::new() };
    for (index, package) in packages.iter().enumerate() {
        for file in package.facts.files.iter().filter(|file| file.is_in_payload()) {
            let Some(path) = file.path.to_str() else { continue };
            let Some(node) = package.tree.get(path.trim_start_matches('/')) else { continue };
            match node {
                Node::Dir(_) => merge.directory(index, &places.resolve(path)?),
                node => merge.file(index, file, places.place(path)?, node),
            }
        }
    }
    merge.finish()
}

struct Merge<'a> {
    packages: &'a [&'a Imported],
    base: Option<&'a Base>,
    merged: Merged,
    /// What is at each path by now.
    chosen: BTreeMap<String, &'a PackageFile>,
    conflicts: Vec<FileConflict>,
}

impl<'a> Merge<'a> {
    fn directory(&mut self, index: usize, place: &str) {
        if let Err(error) = self.merged.tree.make_dir(place).map(drop) {
            self.conflict(index, place, &error);
        }
        if matches!(self.base.and_then(|base| base.tree.get(place)), Some(Node::File(_))) {
            self.conflict_with(index, place, "the runtime".into());
        }
    }

    fn file(&mut self, index: usize, file: &'a PackageFile, place: String, node: &Node) {
        if let Some(there) = self.chosen.get(place.as_str()).copied() {
            match judge(there, file) {
                Judgement::Same | Judgement::KeepFirst => return,
                Judgement::TakeSecond => {}
                Judgement::Conflict => {
                    let owner = self.merged.owners.get(&place).copied().unwrap_or(index);
                    let theirs = self.packages[owner].facts.nevra.to_string();
                    return self.conflict_with(index, &place, theirs);
                }
            }
        }
        self.compare_with_base(index, file, &place, node);
        match self.merged.tree.insert(&place, node.clone()) {
            Ok(_) => {
                self.chosen.insert(place.clone(), file);
                self.merged.owners.insert(place, index);
            }
            Err(error) => self.conflict(index, &place, &error),
        }
    }

    /// The runtime's packages are installed as far as rpm would be concerned.
    fn compare_with_base(&mut self, index: usize, file: &PackageFile, place: &str, node: &Node) {
        let Some(base) = self.base else { return };
        let Some(beneath) = base.tree.get(place) else { return };
        if beneath == node || base.shadowed.contains(place) {
            return;
        }
        if file.flags.is_config() && !beneath.is_dir() {
            let package = &self.packages[index].facts.nevra.name;
            let text = format!("/{place} of {package} is laid over the runtime's, which differs");
            self.merged.notes.push(Note::new(Topic::Conflict, text));
            return;
        }
        self.conflict_with(index, place, "the runtime".into());
    }

    fn conflict(&mut self, index: usize, place: &str, error: &TreeError) {
        let theirs = match error {
            TreeError::NotADirectory { obstacle, .. } => format!("another with a file at '{obstacle}'"),
            _ => "another with a directory there".into(),
        };
        self.conflict_with(index, place, theirs);
    }

    fn conflict_with(&mut self, index: usize, place: &str, theirs: String) {
        let ours = self.packages[index].facts.nevra.to_string();
        self.conflicts.push(FileConflict { path: format!("/{place}"), ours, theirs });
    }

    fn finish(self) -> Result<Merged, MergeError> {
        if self.conflicts.is_empty() { Ok(self.merged) } else { Err(MergeError::Conflicts(self.conflicts)) }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Same,
    KeepFirst,
    TakeSecond,
    Conflict,
}

/// What rpm does with two packages' files at one path.
fn judge(first: &PackageFile, second: &PackageFile) -> Judgement {
    let same = match (&first.kind, &second.kind) {
        (FileKind::Regular, FileKind::Regular) => first.digest == second.digest && first.size == second.size,
        (one, other) => one == other,
    };
    if same {
        return Judgement::Same;
    }
    // A 32-bit and a 64-bit build of one program: the wider one is installed.
    match (first.color, second.color) {
        (0, _) | (_, 0) => Judgement::Conflict,
        (one, other) if one == other => Judgement::Conflict,
        (one, other) if one < other => Judgement::TakeSecond,
        _ => Judgement::KeepFirst,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::{DigestAlgorithm, FileDigest};

    fn file(content: u8, color: u32) -> PackageFile {
        PackageFile {
            path: "/usr/bin/x".into(),
            kind: FileKind::Regular,
            mode: 0o755,
            size: 1,
            digest: Some(FileDigest { algorithm: DigestAlgorithm::Sha2(256), value: vec![content; 32] }),
            flags: crate::rpm::FileFlags::default(),
            user: "root".into(),
            group: "root".into(),
            modified: 0,
            capabilities: String::new(),
            color,
            inode: (0, 0),
        }
    }

    #[test]
    fn judgements() {
        let table = [
            ((1, 0), (1, 0), Judgement::Same),
            ((1, 0), (2, 0), Judgement::Conflict),
            ((1, 1), (2, 2), Judgement::TakeSecond),
            ((1, 2), (2, 1), Judgement::KeepFirst),
            ((1, 2), (2, 2), Judgement::Conflict),
            ((1, 0), (2, 2), Judgement::Conflict),
        ];
        for ((content, color), (other, other_color), judgement) in table {
            assert_eq!(judge(&file(content, color), &file(other, other_color)), judgement);
        }
        let link = |target: &str| PackageFile { kind: FileKind::Link(target.into()), ..file(0, 0) };
        assert_eq!(judge(&link("a"), &link("a")), Judgement::Same);
        assert_eq!(judge(&link("a"), &link("b")), Judgement::Conflict);
        assert_eq!(judge(&link("a"), &file(0, 0)), Judgement::Conflict);
    }
}
