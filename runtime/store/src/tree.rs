//! Directories, files and links as a value: made in memory, moved and joined without touching a byte of contents.

use std::collections::BTreeMap;

use crate::Checksum;

/// Whether a file can be executed: all that the store keeps of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// 0644.
    Plain,
    /// 0755.
    Program,
}

impl Mode {
    /// The mode that stands for these permission bits: a program's if the owner may execute it.
    pub fn from_bits(bits: u32) -> Self {
        if bits & 0o100 == 0 { Self::Plain } else { Self::Program }
    }

    /// The mode with the file type of a regular file.
    pub fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o100_644,
            Self::Program => 0o100_755,
        }
    }
}

/// A file in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileNode {
    /// The object.
    pub checksum: Checksum,
    /// Bytes.
    pub size: u64,
    /// Program or not.
    pub mode: Mode,
}

/// A symbolic link in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkNode {
    /// The object.
    pub checksum: Checksum,
    /// Where it leads, as written.
    pub target: Box<str>,
}

/// What a name in a directory stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File(FileNode),
    /// A symbolic link.
    Link(LinkNode),
    /// A directory.
    Dir(Tree),
}

impl Node {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self, Self::Dir(_))
    }

    /// The file, if it is one.
    pub fn as_file(&self) -> Option<&FileNode> {
        if let Self::File(file) = self { Some(file) } else { None }
    }

    /// The directory, if it is one.
    pub fn as_dir(&self) -> Option<&Tree> {
        if let Self::Dir(dir) = self { Some(dir) } else { None }
    }
}

/// A directory with all that lies beneath it. Paths are relative to it, their parts separated by `/`; links are never followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub(crate) entries: BTreeMap<Box<str>, Node>,
}

/// A path that a tree cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A part is empty, `.`, `..`, longer than 255 bytes or holds a NUL.
    #[error("'{0}' cannot be a path in a tree")]
    Path(String),
    /// Something else than a directory stands on the way.
    #[error("'{path}' cannot be put into the tree: '{obstacle}' is not a directory")]
    NotADirectory {
        /// What was to be put.
        path: String,
        /// What stands in the way.
        obstacle: String,
    },
    /// A directory would be put over something, or something over a directory.
    #[error("'{0}' cannot be put into the tree: there is something already")]
    Taken(String),
}

impl Tree {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries of this directory, sorted by the bytes of their names.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(name, node)| (&**name, node))
    }

    /// What is at a path; the empty path is nothing.
    pub fn get(&self, path: &str) -> Option<&Node> {
        let mut parts = parts(path);
        let mut node = self.entries.get(parts.next()?)?;
        for part in parts {
            node = node.as_dir()?.entries.get(part)?;
        }
        Some(node)
    }

    /// The directory at a path; the empty path is this one.
    pub fn dir(&self, path: &str) -> Option<&Self> {
        parts(path).try_fold(self, |dir, part| dir.entries.get(part)?.as_dir())
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&FileNode> {
        self.get(path)?.as_file()
    }

    /// Makes the directory at a path with all above it that are missing, and returns it; the empty path is this one.
    ///
    /// # Errors
    /// When something else than a directory is there or on the way.
    pub fn make_dir(&mut self, path: &str) -> Result<&mut Self, TreeError> {
        let mut dir = self;
        for part in parts(path) {
            check_name(part).map_err(|()| wrong_path(path))?;
            let node = dir.entries.entry(part.into()).or_insert_with(|| Node::Dir(Self::new()));
            let Node::Dir(inner) = node else {
                return Err(TreeError::NotADirectory { path: shown(path), obstacle: shown(part) });
            };
            dir = inner;
        }
        Ok(dir)
    }

    /// Puts a node at a path, making directories above it, and returns what it replaces. A file or link replaces a file or link.
    ///
    /// # Errors
    /// When the path is wrong, leads over something that is no directory, or a directory would replace something or be replaced.
    pub fn insert(&mut self, path: &str, node: Node) -> Result<Option<Node>, TreeError> {
        let (parent, name) = split(path);
        check_name(name).map_err(|()| wrong_path(path))?;
        let dir = self.make_dir(parent)?;
        match dir.entries.get(name) {
            Some(there) if there.is_dir() || node.is_dir() => Err(TreeError::Taken(shown(path))),
            _ => Ok(dir.entries.insert(name.into(), node)),
        }
    }

    /// Takes what is at a path out of the tree. Directories that are empty then stay.
    pub fn remove(&mut self, path: &str) -> Option<Node> {
        let (parent, name) = split(path);
        self.dir_mut(parent)?.entries.remove(name)
    }

    fn dir_mut(&mut self, path: &str) -> Option<&mut Self> {
        let mut dir = self;
        for part in parts(path) {
            let Some(Node::Dir(inner)) = dir.entries.get_mut(part) else { return None };
            dir = inner;
        }
        Some(dir)
    }

    /// Moves what is at one path to another, as `usr` to `files/usr`; `false` when there is nothing.
    ///
    /// # Errors
    /// When the new path is taken or wrong; then the tree is as it was.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<bool, TreeError> {
        if self.get(from).is_none() {
            return Ok(false);
        }
        if self.get(to).is_some() {
            return Err(TreeError::Taken(shown(to)));
        }
        let (parent, name) = split(to);
        check_name(name).map_err(|()| wrong_path(to))?;
        let inside_itself = to.strip_prefix(from).is_some_and(|rest| rest.starts_with('/'));
        if inside_itself {
            return Err(wrong_path(to));
        }
        self.make_dir(parent)?;
        if let Some(node) = self.remove(from) {
            self.insert(to, node)?;
        }
        Ok(true)
    }

    /// Removes directories in which there is nothing but empty directories.
    pub fn remove_empty_dirs(&mut self) {
        self.entries.retain(|_, node| {
            let Node::Dir(dir) = node else { return true };
            dir.remove_empty_dirs();
            !dir.is_empty()
        });
    }

    /// Visits all that lies beneath, each directory before its entries, names sorted, with the path of each.
    pub fn walk<E>(&self, visit: &mut dyn FnMut(&str, &Node) -> Result<(), E>) -> Result<(), E> {
        self.walk_from(&mut String::new(), visit)
    }

    fn walk_from<E>(
        &self,
        path: &mut String,
        visit: &mut dyn FnMut(&str, &Node) -> Result<(), E>,
    ) -> Result<(), E> {
        for (name, node) in self.entries() {
            let length = path.len();
            if length > 0 {
                path.push('/');
            }
            path.push_str(name);
            visit(path, node)?;
            if let Node::Dir(dir) = node {
                dir.walk_from(path, visit)?;
            }
            path.truncate(length);
        }
        Ok(())
    }

    /// The paths of all that lies beneath with their nodes, each directory before its entries.
    pub fn paths(&self) -> Vec<(String, &Node)> {
        let mut found = Vec::new();
        let mut waiting: Vec<(String, &Node)> = Vec::new();
        waiting.extend(self.entries().map(|(name, node)| (name.to_owned(), node)));
        waiting.reverse();
        while let Some((path, node)) = waiting.pop() {
            if let Node::Dir(dir) = node {
                let inner = dir.entries.iter().rev();
                waiting.extend(inner.map(|(name, node)| (format!("{path}/{name}"), node)));
            }
            found.push((path, node));
        }
        found
    }

    /// How many files and links there are.
    pub fn file_count(&self) -> u64 {
        let count = |node: &Node| node.as_dir().map_or(1, Self::file_count);
        self.entries.values().map(count).sum()
    }

    /// Bytes that the files take when deployed, each rounded up to 512: what commits record as `xa.installed-size`.
    ///
    /// Source: `flatpak_repo_collect_sizes`.
    pub fn installed_size(&self) -> u64 {
        let size = |node: &Node| match node {
            Node::File(file) => file.size.next_multiple_of(512),
            Node::Link(_) => 0,
            Node::Dir(dir) => dir.installed_size(),
        };
        self.entries.values().map(size).sum()
    }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|_| !path.is_empty())
}

/// The directory and the name; an absolute path is a name that no entry can have.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()).unwrap_or(("", path))
}

/// Whether a directory can have an entry of this name.
pub(crate) fn check_name(name: &str) -> Result<(), ()> {
    let wrong =
        name.is_empty() || name == "." || name == ".." || name.len() > 255 || name.contains(['/', '\0']);
    if wrong { Err(()) } else { Ok(()) }
}

fn wrong_path(path: &str) -> TreeError {
    TreeError::Path(shown(path))
}

fn shown(path: &str) -> String {
    aril_model::printable(path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Node {
        Node::File(FileNode {
            checksum: crate::content::file_checksum(text.as_bytes(), Mode::Plain.bits()),
            size: text.len() as u64,
            mode: Mode::Plain,
        })
    }

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::new();
        for path in paths {
            tree.insert(path, file(path)).unwrap();
        }
        tree
    }

    #[test]
    fn inserts_and_finds() {
        let tree = tree(&["usr/bin/a", "usr/lib/b", "c"]);
        assert_eq!(tree.get("usr/bin/a"), Some(&file("usr/bin/a")));
        assert_eq!(tree.dir("usr").unwrap().file_count(), 2);
        assert_eq!(tree.dir("").unwrap(), &tree);
        assert!(
            tree.get("").is_none() && tree.get("usr/bin/a/x").is_none() && tree.get("usr//bin").is_none()
        );
        let paths: Vec<String> = tree.paths().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["c", "usr", "usr/bin", "usr/bin/a", "usr/lib", "usr/lib/b"]);
        let mut walked = Vec::new();
        let mut note = |path: &str, _: &Node| {
            walked.push(path.to_owned());
            Ok::<(), ()>(())
        };
        tree.walk(&mut note).unwrap();
        assert_eq!(walked, paths);
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let long = "x".repeat(256);
        for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "../x", "a\0", &long] {
            let error = Tree::new().insert(path, file("x")).unwrap_err();
            assert!(matches!(error, TreeError::Path(_)), "{path:?}: {error}");
        }
        let mut tree = tree(&["a"]);
        assert!(matches!(tree.insert("a/b", file("x")), Err(TreeError::NotADirectory { .. })));
        assert!(matches!(tree.insert("a", Node::Dir(Tree::new())), Err(TreeError::Taken(_))));
        assert_eq!(tree.insert("a", file("new")), Ok(Some(file("a"))));
    }

    #[test]
    fn moves() {
        let mut moved = tree(&["usr/bin/a", "etc/b"]);
        assert_eq!(moved.rename("usr", "files/usr"), Ok(true));
        assert_eq!(moved.rename("none", "x"), Ok(false));
        assert!(moved.rename("files", "files/usr/x").is_err());
        assert!(moved.rename("etc", "files").is_err());
        assert_eq!(moved.get("files/usr/bin/a"), Some(&file("usr/bin/a")));
        moved.remove("files/usr/bin/a").unwrap();
        moved.remove_empty_dirs();
        assert_eq!(moved, tree(&["etc/b"]));
    }

    #[test]
    fn sizes_are_those_of_blocks() {
        assert_eq!(tree(&["a", "b/c"]).installed_size(), 1024);
    }
}
