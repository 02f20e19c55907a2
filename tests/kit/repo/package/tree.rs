//! A build root and what is known of each entry in it: rpm is told modes and owners, since an ordinary user cannot set them on disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use super::paths::{is_beneath, parent};

/// A directory, a file or a link of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which of the three.
    pub kind: Kind,
    /// Permission bits with set-id and sticky ones.
    pub mode: u32,
    /// Its owner's name.
    pub user: String,
    /// Its group's name.
    pub group: String,
    /// When it was changed, in seconds.
    pub mtime: i64,
    /// Whether an administrator edits it.
    pub is_configuration: bool,
    /// File capabilities, in words.
    pub capabilities: Option<String>,
}

impl Entry {
    /// Something of root's.
    pub fn of_root(kind: Kind, mode: u32, mtime: i64) -> Self {
        let root = || "root".to_owned();
        Self { kind, mode, user: root(), group: root(), mtime, is_configuration: false, capabilities: None }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Link,
}

/// A build root with its entries by absolute path.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    entries: BTreeMap<String, Entry>,
    now: i64,
}

impl Tree {
    /// An empty tree in the directory `root`; what is added to it later was changed at `now`.
    pub fn new(root: &Path, now: i64) -> Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned(), entries: BTreeMap::new(), now })
    }

    /// All entries, by path.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// An entry to change.
    pub fn entry_mut(&mut self, path: &str) -> Option<&mut Entry> {
        self.entries.get_mut(path)
    }

    /// The paths of all files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, entry)| entry.kind == Kind::File).map(|(path, _)| path.as_str())
    }

    /// Whether there is such an entry.
    pub fn has(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Where an entry is on disk.
    pub fn on_disk(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Notes an entry that is on disk already.
    pub fn note(&mut self, path: &str, entry: Entry) {
        self.entries.insert(path.to_owned(), entry);
    }

    /// Makes the directory above `path`, and says where `path` is on disk.
    pub fn make_room(&self, path: &str) -> Result<PathBuf> {
        let disk = self.on_disk(path);
        fs::create_dir_all(self.on_disk(parent(path)))?;
        Ok(disk)
    }

    /// Adds a file with mode 0644.
    pub fn add_file(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let disk = self.make_room(path)?;
        fs::write(&disk, content)?;
        fs::set_permissions(&disk, PermissionsExt::from_mode(0o644))?;
        self.note(path, Entry::of_root(Kind::File, 0o644, self.now));
        Ok(())
    }

    /// Adds a link, if nothing is at its place.
    pub fn add_link(&mut self, path: &str, target: &str) -> Result<()> {
        if self.has(path) {
            return Ok(());
        }
        symlink(target, self.make_room(path)?)?;
        self.note(path, Entry::of_root(Kind::Link, 0o777, self.now));
        Ok(())
    }

    /// Takes `path` and all beneath it away; nothing happens where it is not there.
    pub fn remove(&mut self, path: &str) -> Result<()> {
        let gone: Vec<String> = self.entries.keys().filter(|one| is_beneath(one, path)).cloned().collect();
        for one in gone.iter().rev() {
            self.remove_one(one)?;
        }
        Ok(())
    }

    /// Takes one entry away; a directory stays while something is in it.
    pub fn remove_one(&mut self, path: &str) -> Result<()> {
        let Some(entry) = self.entries.get(path) else { return Ok(()) };
        if entry.kind == Kind::Directory {
            let first = self.entries.range(format!("{path}/")..).next();
            if first.is_some_and(|(one, _)| is_beneath(one, path)) {
                return Ok(());
            }
            fs::remove_dir_all(self.on_disk(path))?;
        } else {
            fs::remove_file(self.on_disk(path))?;
        }
        self.entries.remove(path);
        Ok(())
    }

    /// Puts a file elsewhere, in place of what is there; a directory that it leaves empty goes.
    pub fn move_file(&mut self, from: &str, to: &str) -> Result<()> {
        let entry = self.entries.remove(from).with_context(|| format!("no {from} to move to {to}"))?;
        self.entries.remove(to);
        fs::rename(self.on_disk(from), self.make_room(to)?)?;
        self.note(to, entry);
        self.remove_one(parent(from))
    }

    /// Replaces each `from` in a file by `to`; a program must stay as long as it was.
    pub fn replace(&mut self, path: &str, from: &[u8], to: &[u8]) -> Result<()> {
        let disk = self.on_disk(path);
        let old = fs::read(&disk).with_context(|| format!("no {path} to change"))?;
        ensure!(!old.starts_with(b"\x7fELF") || from.len() == to.len(), "{path} would change its length");
        let (new, count) = replaced(&old, from, to);
        ensure!(count > 0, "no '{}' in {path}", String::from_utf8_lossy(from));
        // A new file: the old one may have other names.
        let mode = fs::metadata(&disk)?.permissions();
        fs::remove_file(&disk)?;
        fs::write(&disk, new)?;
        fs::set_permissions(&disk, mode)?;
        let now = self.now;
        self.entry_mut(path).context("a file that is not in the list")?.mtime = now;
        Ok(())
    }

    /// Sets the times of everything; only after that nothing may change.
    pub fn seal(&self) -> Result<()> {
        for (path, entry) in self.entries.iter().rev() {
            let time = Timespec { tv_sec: entry.mtime, tv_nsec: 0 };
            let times = Timestamps { last_access: time, last_modification: time };
            rustix::fs::utimensat(CWD, self.on_disk(path), &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }
}

/// `text` with each `from` replaced, and how many there were.
fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> (Vec<u8>, usize) {
    let (mut new, mut count, mut at) = (Vec::with_capacity(text.len()), 0, 0);
    while at < text.len() {
        if !from.is_empty() && text[at..].starts_with(from) {
            new.extend_from_slice(to);
            at += from.len();
            count += 1;
        } else {
            new.push(text[at]);
            at += 1;
        }
    }
    (new, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_on_disk_and_in_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(&dir.path().join("root"), 7).unwrap();
        tree.add_file("/usr/share/a/one", b"red red").unwrap();
        tree.add_link("/usr/share/a/two", "one").unwrap();
        tree.replace("/usr/share/a/one", b"red", b"blue").unwrap();
        assert_eq!(fs::read(tree.on_disk("/usr/share/a/one")).unwrap(), b"blue blue");
        assert!(tree.replace("/usr/share/a/one", b"red", b"blue").is_err());
        tree.move_file("/usr/share/a/one", "/usr/bin/one").unwrap();
        tree.remove("/usr/share/a").unwrap();
        let directory = Entry::of_root(Kind::Directory, 0o755, 0);
        tree.note("/usr/bin", directory.clone());
        tree.remove_one("/usr/bin").unwrap();
        assert!(tree.has("/usr/bin"), "there is a file in it");
        tree.entries.remove("/usr/bin");
        tree.seal().unwrap();
        assert_eq!(tree.entries().keys().collect::<Vec<_>>(), ["/usr/bin/one"]);
        assert!(fs::symlink_metadata(tree.on_disk("/usr/share/a/two")).is_err());
    }

    #[test]
    fn a_program_keeps_its_length() {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(dir.path(), 0).unwrap();
        tree.add_file("/p", b"\x7fELF 1.0").unwrap();
        assert!(tree.replace("/p", b"1.0", b"1.0.1").is_err());
        tree.replace("/p", b"1.0", b"2.0").unwrap();
        assert_eq!(fs::read(tree.on_disk("/p")).unwrap(), b"\x7fELF 2.0");
    }
}
