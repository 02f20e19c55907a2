//! Directories of ours in the repository's `tmp`: on its file system, so that what lies in them can be linked and renamed into it.
//!
//! Each is locked as long as it is used. One that nobody holds is a leftover of a process that was killed; the next to come removes it.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use aril_beneath::{Dir, EntryKind, Lock, LockKind};

use crate::{Repo, Result};

/// The beginning of their names.
const PREFIX: &str = "aril-";
/// Locked while one of them is made or removed: others see them only once they are locked themselves.
const MAKING: &str = ".aril-writers";

/// A directory to work in; removed with the value.
#[derive(Debug)]
pub struct Scratch {
    repo: Dir,
    name: String,
    dir: Dir,
    _lock: Lock,
}

impl Scratch {
    /// The directory.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left here is nobody's; if it cannot go now, the next to come removes it.
        let _ = self.dir.remove_file(".lock");
        let _ = self.repo.remove_tree(Path::new("tmp").join(&self.name));
    }
}

impl Repo {
    /// Makes a directory to work in.
    ///
    /// # Errors
    /// When nothing can be written to the repository.
    pub fn scratch(&self) -> Result<Scratch> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let _making = self.dir().lock(MAKING, LockKind::Exclusive)?;
        let temporary = self.dir().create_dir_all("tmp", 0o755)?;
        remove_leftovers(&temporary)?;
        let name = loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{PREFIX}{}-{number}", std::process::id());
            if temporary.create_dir(&name, 0o700)? {
                break name;
            }
        };
        let dir = temporary.open_dir(&name)?;
        let lock = dir.lock(".lock", LockKind::Exclusive)?;
        Ok(Scratch { repo: self.dir().try_clone()?, name, dir, _lock: lock })
    }

    /// Removes what processes that were killed have left.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_leftovers(&self) -> Result<()> {
        let _making = self.dir().lock(MAKING, LockKind::Exclusive)?;
        match self.dir().open_dir("tmp") {
            Ok(temporary) => remove_leftovers(&temporary),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn remove_leftovers(temporary: &Dir) -> Result<()> {
    for entry in temporary.entries("")? {
        let ours = entry.name.to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours || entry.kind != EntryKind::Dir {
            continue;
        }
        let dead = match temporary.open_dir(&entry.name) {
            Ok(dir) => match dir.try_lock(".lock", LockKind::Exclusive) {
                // Whose it is removes it.
                Err(error) if error.is_not_found() => false,
                lock => lock?.is_some(),
            },
            Err(error) if error.is_not_found() => false,
            Err(error) => return Err(error.into()),
        };
        if dead {
            temporary.remove_tree(&entry.name)?;
        }
    }
    Ok(())
}
