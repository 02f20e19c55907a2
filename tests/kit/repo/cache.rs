//! What is kept between runs, and who may change it: RPMs by the hash of all that they were made from. Nothing in it is changed after
//! it was put there.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

/// A directory for everything that takes time to make.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
}

/// Held by the one process that changes the cache.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Cache {
    /// The usual place: named by `ARIL_TEST_CACHE`, else for everybody when root asks, else the user's own.
    pub fn usual() -> Result<PathBuf> {
        if let Some(dir) = std::env::var_os("ARIL_TEST_CACHE") {
            return Ok(PathBuf::from(dir));
        }
        if rustix::process::geteuid().is_root() {
            return Ok(PathBuf::from("/var/cache/aril-tests"));
        }
        let own = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        Ok(own.or_else(home).context("neither ARIL_TEST_CACHE nor HOME is set")?.join("aril-tests"))
    }

    /// Opens the cache in `dir`, making it first.
    pub fn open(dir: &Path) -> Result<Self> {
        // Tests run as other users, too.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        for part in ["rpms", "debs", "facts", "work", "repo"] {
            fs::create_dir_all(dir.join(part))
                .with_context(|| format!("making {}", dir.join(part).display()))?;
        }
        Ok(Self { dir: fs::canonicalize(dir)? })
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Waits until no other process changes the cache.
    pub fn lock(&self) -> Result<Lock> {
        let file = File::create(self.path("lock"))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        Ok(Lock { _file: file })
    }

    /// A directory to work in, gone with the value.
    pub fn work(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::Builder::new().prefix("w").tempdir_in(self.path("work"))?)
    }

    /// The packages that were kept under `key`.
    pub fn packages(&self, key: &str) -> Option<Vec<PathBuf>> {
        let dir = self.shelf(key);
        let mut files: Vec<PathBuf> =
            fs::read_dir(dir).ok()?.map_while(|one| Some(one.ok()?.path())).collect();
        files.sort();
        touch(&self.shelf(key));
        Some(files)
    }

    /// Removes what nobody has asked for in a month, and other versions' repositories of last week but `current`.
    pub fn prune(&self, current: &Path) -> Result<()> {
        const DAY: u64 = 24 * 3600;
        for shelves in fs::read_dir(self.path("rpms"))? {
            let shelves = shelves?;
            for shelf in fs::read_dir(shelves.path())? {
                remove_if_older(&shelf?.path(), 30 * DAY);
            }
        }
        for repo in fs::read_dir(self.path("repo"))? {
            let repo = repo?.path();
            if repo != current {
                remove_if_older(&repo, 7 * DAY);
            }
        }
        Ok(())
    }

    /// Keeps `packages` under `key`, and says where they are now.
    pub fn keep(&self, key: &str, packages: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let shelf = self.shelf(key);
        let beside = tempfile::Builder::new().prefix(".new-").tempdir_in(self.path("rpms"))?;
        for package in packages {
            let name = package.file_name().context("a package without a name")?;
            fs::set_permissions(package, PermissionsExt::from_mode(0o644))?;
            fs::rename(package, beside.path().join(name))?;
        }
        fs::set_permissions(beside.path(), PermissionsExt::from_mode(0o755))?;
        fs::create_dir_all(shelf.parent().unwrap_or(&self.dir))?;
        fs::rename(beside.keep(), &shelf)?;
        self.packages(key).context("what was kept is gone")
    }

    /// Remembers how long a package took.
    pub fn note_time(&self, package: &Path, took: std::time::Duration) -> Result<()> {
        let name = package.file_name().context("a package without a name")?.to_string_lossy().into_owned();
        Ok(fs::write(
            self.path("facts").join(format!("{name}.seconds")),
            format!("{:.2}", took.as_secs_f64()),
        )?)
    }

    /// How long a package took, in seconds.
    pub fn time_of(&self, package: &str) -> Option<f64> {
        fs::read_to_string(self.path("facts").join(format!("{package}.seconds"))).ok()?.parse().ok()
    }

    fn shelf(&self, key: &str) -> PathBuf {
        self.path("rpms").join(&key[..2]).join(key)
    }
}

/// Notes that something was used. Whoever may not write it only reads it.
pub fn touch(path: &Path) {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
    let _ = rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty());
}

/// What cannot be removed stays for the next time.
fn remove_if_older(path: &Path, seconds: u64) {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    if modified.is_ok_and(|time| time.elapsed().unwrap_or_default().as_secs() > seconds) {
        let _ = fs::remove_dir_all(path);
    }
}

/// A key from parts, none of which can be taken for a piece of another.
pub fn key_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_kept_once() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let key = key_of(&[b"a", b"bc"]);
        assert_ne!(key, key_of(&[b"ab", b"c"]));
        assert_eq!(cache.packages(&key), None);
        let file = dir.path().join("a.rpm");
        fs::write(&file, "rpm").unwrap();
        let kept = cache.keep(&key, std::slice::from_ref(&file)).unwrap();
        assert!(!file.exists() && kept[0].ends_with("a.rpm"));
        assert_eq!(cache.packages(&key), Some(kept));
        cache.prune(dir.path()).unwrap();
        assert!(cache.packages(&key).is_some(), "it was used just now");
        let shelf = cache.shelf(&key);
        let old = rustix::fs::Timespec { tv_sec: 1_000_000, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: old, last_modification: old };
        rustix::fs::utimensat(rustix::fs::CWD, &shelf, &times, rustix::fs::AtFlags::empty()).unwrap();
        cache.prune(dir.path()).unwrap();
        assert_eq!(cache.packages(&key), None);
    }
}
