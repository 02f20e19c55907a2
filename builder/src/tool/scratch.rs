//! A place to work in: a directory in the store's file system, so that checkouts are hard links; removed at the end, or by the next run.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use aril_beneath::{Dir, EntryKind, Lock, LockKind};
use aril_store::Repo;

use super::ToolError;

/// The beginning of the names of our directories in the store's `tmp`.
const PREFIX: &str = "build-";

/// A directory that goes with this value.
pub(super) struct Scratch {
    base: Dir,
    name: String,
    dir: Dir,
    /// Held as long as this lives: so nobody takes the directory for a leftover.
    _lock: Lock,
}

impl Scratch {
    pub(super) fn new(repo: &Repo) -> Result<Self, ToolError> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let base = Dir::open_or_create(repo.path().join("tmp"), 0o755)?;
        remove_leftovers(&base)?;
        loop {
            let name = format!("{PREFIX}{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
            if !base.create_dir(&name, 0o700)? {
                continue;
            }
            let dir = base.open_dir(&name)?;
            let lock = dir.lock(".lock", LockKind::Exclusive)?;
            return Ok(Self { base, name, dir, _lock: lock });
        }
    }

    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Where it is, for programs that want a path.
    pub(super) fn path(&self) -> PathBuf {
        let path = self.dir.path().to_owned();
        std::path::absolute(&path).unwrap_or(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is a leftover for the next run.
        let _ = self.base.remove_tree(&self.name);
    }
}

/// Removes what was left by runs that were killed.
fn remove_leftovers(base: &Dir) -> Result<(), ToolError> {
    for entry in base.entries("")? {
        let ours = entry.name.to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours || entry.kind != EntryKind::Dir {
            continue;
        }
        let Ok(dir) = base.open_dir(&entry.name) else { continue };
        // Without a lock it is one that is just being made, or removed.
        if dir.exists(".lock")? && dir.try_lock(".lock", LockKind::Exclusive)?.is_some() {
            base.remove_tree(&entry.name)?;
        }
    }
    Ok(())
}
