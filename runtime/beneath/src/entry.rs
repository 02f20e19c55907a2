//! What lies in a directory, and walks over whole trees.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::error::At;
use crate::{Dir, Result};

/// File, directory, link or something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

impl From<FileType> for EntryKind {
    fn from(file_type: FileType) -> Self {
        match file_type {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Dir,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without `/`; never `.` or `..`.
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
}

/// What a walk does after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Goes on, into the entry if it is a directory.
    Into,
    /// Goes on after the entry.
    Over,
    /// Ends.
    Stop,
}

impl Dir {
    /// The entries of a directory beneath this one, sorted by name; the empty path is this directory itself.
    ///
    /// # Errors
    /// When it cannot be opened without following a link, or read.
    pub fn entries(&self, path: impl AsRef<Path>) -> Result<Vec<Entry>> {
        let path = path.as_ref();
        // A new description of the directory, so that two readers do not share a position.
        let dir = self.open_dir(path)?;
        let mut entries = Vec::new();
        let reader = rustix::fs::Dir::new(dir.into_fd()).at("read", self.path(), path)?;
        for entry in reader {
            let entry = entry.at("read", self.path(), path)?;
            let name = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => self.stat(path.join(&name))?.kind,
                known => known.into(),
            };
            entries.push(Entry { name, kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Visits all that lies beneath a directory, each directory before its entries, names sorted. Links are visited and not followed.
    ///
    /// `visit` gets the path relative to this directory.
    /// # Errors
    /// When a directory cannot be read, or with the error of `visit`.
    pub fn walk<E: From<crate::Error>>(
        &self,
        path: impl AsRef<Path>,
        visit: &mut dyn FnMut(&Path, EntryKind) -> std::result::Result<Step, E>,
    ) -> std::result::Result<(), E> {
        let mut waiting: Vec<PathBuf> = vec![path.as_ref().to_owned()];
        while let Some(dir) = waiting.pop() {
            let mut below = Vec::new();
            for entry in self.entries(&dir)? {
                let inner = dir.join(&entry.name);
                match visit(&inner, entry.kind)? {
                    Step::Into if entry.kind == EntryKind::Dir => below.push(inner),
                    Step::Into | Step::Over => {}
                    Step::Stop => return Ok(()),
                }
            }
            waiting.extend(below.into_iter().rev());
        }
        Ok(())
    }

    /// Removes what is at the path, with all that lies beneath it; nothing there is no error. Links are removed and not followed.
    ///
    /// Directories that cannot be written are made writable first, so that a tree of a hostile package goes, too.
    /// # Errors
    /// When something cannot be removed; the rest may be gone by then.
    pub fn remove_tree(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        match self.stat(path) {
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
            Ok(properties) if properties.kind != EntryKind::Dir => return self.remove_file(path),
            Ok(_) => {}
        }
        // Iterative and one descriptor at a time: depth is the tree's choice.
        let mut stack = vec![(path.to_owned(), false)];
        while let Some((dir, emptied)) = stack.pop() {
            if emptied {
                self.remove_dir(&dir)?;
                continue;
            }
            let inner = self.writable_dir(&dir)?;
            stack.push((dir.clone(), true));
            for entry in inner.entries("")? {
                match entry.kind {
                    EntryKind::Dir => stack.push((dir.join(&entry.name), false)),
                    _ => inner.remove_file(&entry.name)?,
                }
            }
        }
        Ok(())
    }

    fn writable_dir(&self, path: &Path) -> Result<Self> {
        let mode = self.stat(path)?.mode;
        if mode & 0o700 != 0o700 {
            self.set_mode(path, mode | 0o700)?;
        }
        self.open_dir(path)
    }
}
