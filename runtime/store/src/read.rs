//! A commit as a tree.

use aril_model::CommitId;

use crate::object::{ObjectKind, Objects};
use crate::tree::check_name;
use crate::{Checksum, Node, Repo, Result, StoreError, Tree, variant};

/// More entries than any sound tree has. A directory object may be named many times, so a few of them can stand for any number of entries.
const ENTRY_LIMIT: usize = 4_000_000;
/// Deeper than any sound tree.
const DEPTH_LIMIT: usize = 256;

impl Repo {
    /// The whole tree of a commit.
    ///
    /// # Errors
    /// When the commit or an object of it is missing or damaged.
    pub fn tree(&self, commit: &CommitId) -> Result<Tree> {
        let root = self.commit(commit)?.root;
        Reader { objects: self.objects(), entries: 0 }.directory(root, 0)
    }

    /// The directory at a path in a commit, with all beneath it; `None` if there is none. The rest of the commit is not read.
    ///
    /// # Errors
    /// When the commit or an object is missing or damaged.
    pub fn subtree(&self, commit: &CommitId, path: &str) -> Result<Option<Tree>> {
        let mut dir = self.commit(commit)?.root;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let bytes = self.objects().read_metadata(dir, ObjectKind::DirTree)?;
            let (_, dirs) = variant::parse_directory(&bytes, dir)?;
            let Some((_, inner, _)) = dirs.into_iter().find(|(name, ..)| name == part) else {
                return Ok(None);
            };
            dir = checksum(self.objects(), dir, &inner)?;
        }
        Reader { objects: self.objects(), entries: 0 }.directory(dir, 0).map(Some)
    }

    /// What is at a path in a commit, which must not be a directory; `None` if there is nothing. Only the directories on the way are read.
    ///
    /// # Errors
    /// When the commit or an object is missing or damaged.
    pub fn node(&self, commit: &CommitId, path: &str) -> Result<Option<Node>> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut dir = self.commit(commit)?.root;
        for part in parent.split('/').filter(|part| !part.is_empty()) {
            let bytes = self.objects().read_metadata(dir, ObjectKind::DirTree)?;
            let (_, dirs) = variant::parse_directory(&bytes, dir)?;
            let Some((_, inner, _)) = dirs.into_iter().find(|(name, ..)| name == part) else {
                return Ok(None);
            };
            dir = checksum(self.objects(), dir, &inner)?;
        }
        let bytes = self.objects().read_metadata(dir, ObjectKind::DirTree)?;
        let (files, _) = variant::parse_directory(&bytes, dir)?;
        let Some((_, file)) = files.into_iter().find(|(found, _)| found == name) else { return Ok(None) };
        self.objects().describe(checksum(self.objects(), dir, &file)?).map(Some)
    }
}

struct Reader<'a> {
    objects: &'a Objects,
    entries: usize,
}

impl Reader<'_> {
    fn directory(&mut self, dir: Checksum, depth: usize) -> Result<Tree> {
        if depth > DEPTH_LIMIT {
            return Err(StoreError::TooLarge { what: "the depth of a tree", limit: DEPTH_LIMIT.to_string() });
        }
        let bytes = self.objects.read_metadata(dir, ObjectKind::DirTree)?;
        let (files, dirs) = variant::parse_directory(&bytes, dir)?;
        self.entries += files.len() + dirs.len();
        if self.entries > ENTRY_LIMIT {
            let limit = format!("{ENTRY_LIMIT} entries");
            return Err(StoreError::TooLarge { what: "a tree", limit });
        }
        let mut tree = Tree::new();
        for (name, file) in files {
            let node = self.objects.describe(checksum(self.objects, dir, &file)?)?;
            self.put(&mut tree, dir, name, node)?;
        }
        for (name, inner, _) in dirs {
            let node = Node::Dir(self.directory(checksum(self.objects, dir, &inner)?, depth + 1)?);
            self.put(&mut tree, dir, name, node)?;
        }
        Ok(tree)
    }

    fn put(&self, tree: &mut Tree, dir: Checksum, name: String, node: Node) -> Result<()> {
        let wrong = |problem| Err(self.objects.damaged(dir, ObjectKind::DirTree, problem));
        if check_name(&name).is_err() {
            return wrong("a name in it leads elsewhere");
        }
        match tree.entries.insert(name.into(), node) {
            None => Ok(()),
            Some(_) => wrong("a name is in it twice"),
        }
    }
}

fn checksum(objects: &Objects, dir: Checksum, bytes: &[u8]) -> Result<Checksum> {
    Checksum::from_bytes(bytes)
        .ok_or_else(|| objects.damaged(dir, ObjectKind::DirTree, "a checksum in it is not one"))
}
