//! A commit as a tree.

use std::collections::HashMap;
use std::rc::Rc;

use aril_model::CommitId;

use crate::object::{ObjectKind, Objects};
use crate::tree::check_name;
use crate::variant::DirTree;
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
        Reader::new(self.objects()).tree(root)
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
        Reader::new(self.objects()).tree(dir).map(Some)
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

/// Reads each directory object once, however often it is named.
struct Reader<'a> {
    objects: &'a Objects,
    dirs: HashMap<Checksum, Loaded>,
}

struct Loaded {
    contents: Rc<DirTree>,
    entries: usize,
    height: usize,
}

impl<'a> Reader<'a> {
    fn new(objects: &'a Objects) -> Self {
        Self { objects, dirs: HashMap::new() }
    }

    fn tree(&mut self, root: Checksum) -> Result<Tree> {
        self.load(root, 0)?;
        self.build(root)
    }

    /// Reads a directory and all below it, and returns how many entries they are together, and how deep: known before the tree is made,
    /// whose size a few objects that name each other can make any number.
    fn load(&mut self, dir: Checksum, depth: usize) -> Result<(usize, usize)> {
        if let Some(loaded) = self.dirs.get(&dir) {
            return Ok((loaded.entries, loaded.height));
        }
        // No recursion below the limit, even if the rest of the way down was read before.
        let too_deep =
            || StoreError::TooLarge { what: "the depth of a tree", limit: DEPTH_LIMIT.to_string() };
        if depth > DEPTH_LIMIT {
            return Err(too_deep());
        }
        let bytes = self.objects.read_metadata(dir, ObjectKind::DirTree)?;
        let contents = variant::parse_directory(&bytes, dir)?;
        let (mut entries, mut height) = (contents.0.len() + contents.1.len(), 0);
        for (_, inner, _) in &contents.1 {
            let (more, below) = self.load(checksum(self.objects, dir, inner)?, depth + 1)?;
            entries = entries.saturating_add(more);
            height = height.max(below + 1);
        }
        if height > DEPTH_LIMIT {
            return Err(too_deep());
        }
        if entries > ENTRY_LIMIT {
            let limit = format!("{ENTRY_LIMIT} entries");
            return Err(StoreError::TooLarge { what: "a tree", limit });
        }
        self.dirs.insert(dir, Loaded { contents: Rc::new(contents), entries, height });
        Ok((entries, height))
    }

    fn build(&self, dir: Checksum) -> Result<Tree> {
        let contents = self.dirs.get(&dir).map(|loaded| Rc::clone(&loaded.contents)).unwrap_or_default();
        let mut tree = Tree::new();
        for (name, file) in &contents.0 {
            let node = self.objects.describe(checksum(self.objects, dir, file)?)?;
            self.put(&mut tree, dir, name, node)?;
        }
        for (name, inner, _) in &contents.1 {
            let node = Node::Dir(self.build(checksum(self.objects, dir, inner)?)?);
            self.put(&mut tree, dir, name, node)?;
        }
        Ok(tree)
    }

    fn put(&self, tree: &mut Tree, dir: Checksum, name: &str, node: Node) -> Result<()> {
        let wrong = |problem| Err(self.objects.damaged(dir, ObjectKind::DirTree, problem));
        if check_name(name).is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommitDetails, RepoMode, Writer};

    /// A commit whose root holds this directory object.
    fn commit(writer: &Writer, root: &DirTree) -> CommitId {
        let root = writer.metadata(ObjectKind::DirTree, &variant::directory(root)).unwrap();
        let properties = writer.metadata(ObjectKind::DirMeta, &variant::directory_properties()).unwrap();
        let bytes = CommitDetails::default().serialise(root, properties);
        writer.metadata(ObjectKind::Commit, &bytes).unwrap().to_commit()
    }

    fn read(make: impl Fn(&Writer) -> DirTree) -> String {
        let base = tempfile::tempdir().unwrap();
        let repo = Repo::create(base.path(), RepoMode::BareUserOnly).unwrap();
        let writer = repo.writer().unwrap();
        let commit = commit(&writer, &make(&writer));
        writer.publish(&[]).unwrap();
        repo.tree(&commit).map_or_else(|error| error.to_string(), |tree| format!("{:?}", tree.paths()))
    }

    fn inner(writer: &Writer, contents: &DirTree) -> Vec<u8> {
        writer.metadata(ObjectKind::DirTree, &variant::directory(contents)).unwrap().as_bytes().to_vec()
    }

    #[test]
    fn hostile_directories_are_refused() {
        for name in ["..", ".", "", "a/b", "../../etc/passwd", &"x".repeat(300)] {
            let with_file = read(|writer| {
                let file = writer.link("x").unwrap().checksum.as_bytes().to_vec();
                (vec![(name.to_owned(), file)], Vec::new())
            });
            assert!(with_file.ends_with("a name in it leads elsewhere"), "{name:?}: {with_file}");
            let with_dir = read(|writer| {
                let dir = inner(writer, &DirTree::default());
                (Vec::new(), vec![(name.to_owned(), dir, vec![0; 32])])
            });
            assert!(with_dir.ends_with("a name in it leads elsewhere"), "{name:?}: {with_dir}");
        }
        let twice = read(|writer| {
            let file = writer.link("x").unwrap().checksum.as_bytes().to_vec();
            let dir = inner(writer, &DirTree::default());
            (vec![("a".into(), file)], vec![("a".into(), dir, vec![0; 32])])
        });
        assert!(twice.ends_with("a name is in it twice"), "{twice}");
        let short = read(|_| (vec![("a".into(), vec![1, 2, 3])], Vec::new()));
        assert!(short.ends_with("a checksum in it is not one"), "{short}");
    }

    #[test]
    fn directories_that_multiply_are_refused() {
        let bomb = read(|writer| {
            let mut dir = DirTree::default();
            for _ in 0..40 {
                let below = inner(writer, &dir);
                let named = |name: &str| (name.to_owned(), below.clone(), vec![0; 32]);
                dir = (Vec::new(), vec![named("a"), named("b"), named("c"), named("d")]);
            }
            dir
        });
        assert_eq!(bomb, "a tree is too large: more than 4000000 entries");
        let deep = read(|writer| {
            let mut dir = DirTree::default();
            for _ in 0..300 {
                dir = (Vec::new(), vec![("a".into(), inner(writer, &dir), vec![0; 32])]);
            }
            dir
        });
        assert_eq!(deep, "the depth of a tree is too large: more than 256");
    }
}
