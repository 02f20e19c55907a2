//! The caches that belong to a set of commits: where they lie.

use std::path::PathBuf;

use aril_beneath::Dir;
use aril_model::CommitId;
use sha2::{Digest, Sha256};

use crate::{Installation, Result};

/// The name of the derived layer of a set of commits: the SHA-256, in hex, of their ids, sorted, a newline after each.
pub fn derived_key(commits: &[&CommitId]) -> String {
    let mut ids: Vec<&str> = commits.iter().map(|commit| commit.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Installation {
    /// Where the derived layer of a set of commits lies, relative to the installation.
    pub fn derived_path(commits: &[&CommitId]) -> PathBuf {
        PathBuf::from("derived").join(derived_key(commits))
    }

    /// The derived layer of a set of commits, with `usr` and `etc`; `None` when it was not made yet.
    ///
    /// # Errors
    /// When it is there and cannot be opened.
    pub fn derived(&self, commits: &[&CommitId]) -> Result<Option<Dir>> {
        match self.dir().open_dir(Self::derived_path(commits)) {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_commits_does_not_matter() {
        let (a, b): (CommitId, CommitId) = ("a".repeat(64).parse().unwrap(), "b".repeat(64).parse().unwrap());
        assert_eq!(derived_key(&[&a, &b]), derived_key(&[&b, &a, &b]));
        assert_ne!(derived_key(&[&a, &b]), derived_key(&[&a]));
        assert_eq!(
            derived_key(&[&a]),
            "44c2336fedab8ff6a85c74c2b94165377b0981f526adb9487895ca6314165e86".to_owned()
        );
    }
}
