//! What is kept between runs: metadata as it was fetched, and libsolv's form of it, which loads twenty times as fast.
//!
//! ```text
//! CACHE/rpm-md/KEY/repomd.xml                 the last state that was believed
//!                  KIND-CHECKSUM.xml.zst      its files, as the repository has them
//!                  KIND-CHECKSUM.solv         the same as libsolv has them
//!                  packages/CHECKSUM.rpm      packages that were fetched and not yet imported
//!                  .lock
//! ```
//! KEY stands for the remote's address. libsolv believes what it reads, so its files are written with a digest in front and lie in a
//! directory of mode 0700: they guard against damage, not against the user.

use std::path::Path;

use aril_beneath::{Dir, Lock, LockKind};

use super::RepositoryError;
use crate::rpm::sha256_hex;

/// In front of libsolv's form; changes when its meaning changes.
const MAGIC: &str = "aril solv 1";
/// Largest file of libsolv's form that is read, in bytes.
const SOLV_LIMIT: u64 = 1 << 30;

/// The cached files of one repository; held alone as long as this lives.
#[derive(Debug)]
pub(super) struct Cache {
    dir: Dir,
    _lock: Lock,
}

impl Cache {
    /// Opens the part of a cache that belongs to an address. Waits for other processes that use it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn open(base: &Path, address: &str) -> Result<Self, RepositoryError> {
        let key = sha256_hex(address.as_bytes());
        let base = Dir::open_or_create(base, 0o700)?;
        let dir = base.create_dir_all(Path::new("rpm-md").join(&key[..16]), 0o700)?;
        let lock = dir.lock(".lock", LockKind::Exclusive)?;
        Ok(Self { dir, _lock: lock })
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The directory of packages.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn packages(&self) -> Result<Dir, RepositoryError> {
        Ok(self.dir.create_dir_all("packages", 0o700)?)
    }

    /// libsolv's form of a file; `None` when it is missing or damaged.
    pub(super) fn solv(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = self.dir.read(name, SOLV_LIMIT).ok()?;
        let end = bytes.iter().take(128).position(|&byte| byte == b'\n')?;
        let head = format!("{MAGIC} {}", sha256_hex(&bytes[end + 1..]));
        if bytes[..end] != *head.as_bytes() {
            return None;
        }
        Some(bytes.split_off(end + 1))
    }

    /// Keeps libsolv's form of a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep_solv(&self, name: &str, body: &[u8]) -> Result<(), RepositoryError> {
        let mut bytes = format!("{MAGIC} {}\n", sha256_hex(body)).into_bytes();
        bytes.extend_from_slice(body);
        Ok(self.dir.write_atomic(name, &bytes, 0o600)?)
    }

    /// Removes metadata of older states.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(super) fn remove_others(&self, current: &[String]) -> Result<(), RepositoryError> {
        for entry in self.dir.entries("")? {
            let Some(name) = entry.name.to_str() else { continue };
            let is_metadata = [".xml", ".gz", ".zst", ".xz", ".bz2", ".solv", ".part"]
                .iter()
                .any(|end| name.ends_with(end));
            if is_metadata
                && name != "repomd.xml"
                && !current.iter().any(|checksum| name.contains(checksum.as_str()))
            {
                self.dir.remove_file(name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_forms_are_not_read() {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::open(base.path(), "file:///srv/x").unwrap();
        cache.keep_solv("primary-1.solv", b"contents\n").unwrap();
        assert_eq!(cache.solv("primary-1.solv").unwrap(), b"contents\n");
        let mut bytes = cache.dir.read("primary-1.solv", 1 << 20).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        cache.dir.write_atomic("primary-1.solv", &bytes, 0o600).unwrap();
        assert_eq!(cache.solv("primary-1.solv"), None);
        assert_eq!(cache.solv("missing"), None);
        cache.dir.write_atomic("x.solv", b"", 0o600).unwrap();
        assert_eq!(cache.solv("x.solv"), None);
    }

    #[test]
    fn old_states_go() {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::open(base.path(), "file:///srv/x").unwrap();
        for name in
            ["repomd.xml", "primary-aa.xml.zst", "primary-aa.solv", "primary-bb.xml.zst", "filelists-cc.solv"]
        {
            cache.dir.write_atomic(name, b"x", 0o600).unwrap();
        }
        cache.remove_others(&["bb".into()]).unwrap();
        let left: Vec<_> = cache.dir.entries("").unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(left, [".lock", "primary-bb.xml.zst", "repomd.xml"]);
    }
}
