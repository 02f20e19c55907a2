//! What portals, `aril ps` and other starts of the same app may know about this sandbox, in `$XDG_RUNTIME_DIR/.flatpak`.
//!
//! Source: `flatpak-instance.c` for names, contents and locks: Flatpak's own tools list our sandboxes, and ours list Flatpak's.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use aril_beneath::{Dir, Lock, LockKind};
use aril_model::{AppId, InstanceId};

use crate::LaunchError;

/// How long what looks left behind is left alone, in seconds: it may just be starting.
const GRACE: i64 = 3;

/// A sandbox's entry among those that run.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Its number.
    pub(crate) id: InstanceId,
    /// `.flatpak`.
    base: Dir,
    /// `.flatpak/ID`.
    dir: Dir,
    /// Held as long as the sandbox runs, also by a successor of this process.
    lock: Lock,
    /// What all instances of the app share, and the lock on it.
    shared: Option<(AppId, Lock)>,
}

impl Instance {
    /// Makes an entry under a number that is free. `app` shares directories with other instances of it.
    ///
    /// # Errors
    /// When nothing can be made in the runtime directory.
    pub(crate) fn allocate(runtime_dir: &Path, app: Option<&AppId>) -> Result<Self, LaunchError> {
        let base = Dir::open(runtime_dir)?.create_dir_all(".flatpak", 0o755)?;
        let shared = app.map(|app| share(&base, app)).transpose()?;
        loop {
            let mut number = [0; 4];
            rustix::rand::getrandom(&mut number, rustix::rand::GetRandomFlags::empty())
                .map_err(std::io::Error::from)?;
            let text = u32::from_ne_bytes(number).to_string();
            if !base.create_dir(&text, 0o755)? {
                continue;
            }
            let dir = base.open_dir(&text)?;
            let lock = dir.lock(".ref", LockKind::Shared)?;
            let id = text.parse().map_err(|error| LaunchError::usage(format!("{error}")))?;
            return Ok(Self { id, base, dir, lock, shared });
        }
    }

    /// Writes what the sandbox is, and makes the file that will say who runs in it.
    pub(crate) fn write_info(&self, info: &str) -> Result<(), LaunchError> {
        write(&self.dir, "info", info)?;
        write(&self.dir, "bwrapinfo.json", "")
    }

    /// Writes who runs: the launcher, and the sandbox's first process.
    pub(crate) fn write_processes(&self, first: i32) -> Result<(), LaunchError> {
        self.write_own_pid()?;
        write(&self.dir, "bwrapinfo.json", &format!("{{\n    \"child-pid\": {first}\n}}\n"))
    }

    /// Writes which process holds the sandbox now.
    pub(crate) fn write_own_pid(&self) -> Result<(), LaunchError> {
        write(&self.dir, "pid", &rustix::process::getpid().as_raw_nonzero().to_string())
    }

    /// The directory with all entries, for a confined process to be allowed.
    pub(crate) fn base(&self) -> &Dir {
        &self.base
    }

    /// Removes the entry, and what only this last instance of the app used. What cannot be removed is left to the next start.
    pub(crate) fn remove(self) {
        let Self { id, base, dir, lock, shared } = self;
        drop((dir, lock));
        let _ = base.remove_tree(id.as_str());
        if let Some((app, lock)) = shared {
            drop(lock);
            let _ = clear_shared(&base, app.as_str());
        }
    }

    /// Whether it is the one of `all` to which something falls; numbers are random.
    pub(crate) fn is_one_of(&self, all: u32) -> bool {
        self.id.as_str().parse::<u32>().is_ok_and(|number| number % all == 0)
    }

    /// Removes what killed sandboxes left behind. Nobody else's is touched: whoever runs holds a lock.
    pub(crate) fn remove_leftovers(&self) {
        let Ok(entries) = self.base.entries("") else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        for entry in entries {
            let Some(name) = entry.name.to_str() else { continue };
            let is_own =
                name == self.id.as_str() || self.shared.as_ref().is_some_and(|(app, _)| app.as_str() == name);
            if is_own {
                continue;
            }
            if name.parse::<InstanceId>().is_ok() {
                let _ = remove_if_left(&self.base, name, now);
            } else if name.parse::<AppId>().is_ok() {
                let _ = clear_shared(&self.base, name);
            }
        }
    }
}

/// The lock on what an app's instances share; waits while a last instance clears it.
fn share(base: &Dir, app: &AppId) -> Result<(AppId, Lock), LaunchError> {
    let dir = base.create_dir_all(app.as_str(), 0o700)?;
    Ok((app.clone(), dir.lock(".ref", LockKind::Shared)?))
}

/// Empties what an app's instances share, if none of them runs.
fn clear_shared(base: &Dir, app: &str) -> aril_beneath::Result<()> {
    let dir = base.open_dir(app)?;
    let Some(_lock) = dir.try_lock(".ref", LockKind::Exclusive)? else { return Ok(()) };
    for entry in dir.entries("")? {
        if entry.name != ".ref" {
            dir.remove_tree(&entry.name)?;
        }
    }
    Ok(())
}

fn remove_if_left(base: &Dir, name: &str, now: u64) -> aril_beneath::Result<()> {
    let dir = base.open_dir(name)?;
    let made = dir.stat("")?.modified;
    let is_old = i64::try_from(now).unwrap_or(i64::MAX) - made > GRACE;
    if is_old && dir.try_lock(".ref", LockKind::Exclusive)?.is_some() {
        base.remove_tree(name)?;
    }
    Ok(())
}

/// Without flushing to the disk: it is gone with the session anyway.
fn write(dir: &Dir, name: &str, text: &str) -> Result<(), LaunchError> {
    let flags = rustix::fs::OFlags::WRONLY
        | rustix::fs::OFlags::CREATE
        | rustix::fs::OFlags::TRUNC
        | rustix::fs::OFlags::NOFOLLOW
        | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, rustix::fs::Mode::from_raw_mode(0o644))
        .map_err(std::io::Error::from)?;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written =
            rustix::io::retry_on_intr(|| rustix::io::write(&file, rest)).map_err(std::io::Error::from)?;
        rest = &rest[written..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lives_as_long_as_its_lock() {
        let runtime = tempfile::tempdir().unwrap();
        let app: AppId = "org.test.Hello".parse().unwrap();
        let first = Instance::allocate(runtime.path(), Some(&app)).unwrap();
        first.write_info("[Application]\nname=org.test.Hello\n").unwrap();
        first.write_processes(77).unwrap();
        let entries = Dir::open(runtime.path().join(".flatpak")).unwrap();
        entries.create_dir_all("org.test.Hello/tmp/x", 0o700).unwrap();
        let listed = aril_installation::instances(runtime.path()).unwrap();
        assert_eq!(
            (listed.len(), listed[0].child_pid, listed[0].name().as_str()),
            (1, Some(77), "org.test.Hello")
        );
        let second = Instance::allocate(runtime.path(), Some(&app)).unwrap();
        assert_ne!(first.id, second.id);
        first.remove();
        assert!(entries.exists("org.test.Hello/tmp/x").unwrap());
        second.remove();
        assert!(!entries.exists("org.test.Hello/tmp").unwrap());
        assert_eq!(aril_installation::instances(runtime.path()).unwrap().len(), 0);
    }

    #[test]
    fn only_what_nobody_holds_and_is_old_is_left_behind() {
        let runtime = tempfile::tempdir().unwrap();
        let dead = Instance::allocate(runtime.path(), None).unwrap();
        let (name, dir) = (dead.id.to_string(), dead.dir.try_clone().unwrap());
        let entries = dead.base.try_clone().unwrap();
        let living = Instance::allocate(runtime.path(), None).unwrap();
        drop(dead);
        living.remove_leftovers();
        assert!(entries.exists(&name).unwrap(), "it may just be starting");
        dir.set_modified("", 1000).unwrap();
        living.dir.set_modified("", 1000).unwrap();
        living.remove_leftovers();
        assert!(!entries.exists(&name).unwrap());
        assert!(entries.exists(living.id.as_str()).unwrap());
    }
}
