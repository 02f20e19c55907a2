//! One checked-out commit of a ref.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use aril_beneath::Dir;
use aril_model::{CommitId, Metadata, NameError, Ref};

use crate::{DeployRecord, InstallationError, Result};

/// Largest metadata file that is read, in bytes.
const METADATA_LIMIT: u64 = 1 << 20;

/// The name of a deploy's directory: the commit, and the subpaths of it if not all was checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployName {
    /// The commit.
    pub commit: CommitId,
    /// The subpaths, joined without `/`; empty for a whole deploy.
    pub subpaths: String,
}

impl FromStr for DeployName {
    type Err = NameError;

    fn from_str(text: &str) -> std::result::Result<Self, NameError> {
        let (commit, subpaths) = text.split_at_checked(64).unwrap_or((text, ""));
        // What follows the commit begins with `-`; anything else makes the text longer than a commit, and so wrong.
        match subpaths.strip_prefix('-') {
            Some(rest) if !rest.contains('/') => {
                Ok(Self { commit: commit.parse()?, subpaths: rest.to_owned() })
            }
            _ => Ok(Self { commit: text.parse()?, subpaths: String::new() }),
        }
    }
}

impl fmt::Display for DeployName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.commit)?;
        if self.subpaths.is_empty() { Ok(()) } else { write!(f, "-{}", self.subpaths) }
    }
}

/// A checked-out commit of a ref.
#[derive(Debug)]
pub struct Deploy {
    reference: Ref,
    name: DeployName,
    dir: Dir,
}

impl Deploy {
    pub(crate) fn new(reference: Ref, name: DeployName, dir: Dir) -> Self {
        Self { reference, name, dir }
    }

    /// The ref.
    pub fn reference(&self) -> &Ref {
        &self.reference
    }

    /// The commit.
    pub fn commit(&self) -> &CommitId {
        &self.name.commit
    }

    /// The name of its directory.
    pub fn name(&self) -> &DeployName {
        &self.name
    }

    /// Its directory, with `files`, `metadata`, `export` and `deploy`.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Where it lies, for messages and for `.flatpak-info`.
    pub fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The directory `files`, which must not be a link.
    ///
    /// # Errors
    /// When it is missing or a link.
    pub fn files(&self) -> Result<Dir> {
        Ok(self.dir.open_dir("files")?)
    }

    /// The metadata of the commit.
    ///
    /// # Errors
    /// When it is missing, not text or wrong.
    pub fn metadata(&self) -> Result<Metadata> {
        let text = self.dir.read_to_string("metadata", METADATA_LIMIT)?;
        Metadata::parse(&text).map_err(|source| InstallationError::Metadata {
            reference: Box::new(self.reference.clone()),
            source,
        })
    }

    /// Where the deploy came from, and what was found out when it was made.
    ///
    /// # Errors
    /// When the record is missing or damaged.
    pub fn record(&self) -> Result<DeployRecord> {
        let bytes = self.dir.read("deploy", METADATA_LIMIT)?;
        DeployRecord::parse(&bytes).ok_or_else(|| InstallationError::Damaged {
            what: self.dir.path().join("deploy").display().to_string(),
            problem: "it is not the record of a deploy".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let commit = "0123456789abcdef".repeat(4);
        let name: DeployName = commit.parse().unwrap();
        assert_eq!((name.commit.as_str(), name.subpaths.as_str()), (&*commit, ""));
        let name: DeployName = format!("{commit}-dede").parse().unwrap();
        assert_eq!((name.subpaths.as_str(), name.to_string()), ("dede", format!("{commit}-dede")));
        for bad in ["active", "..", &commit[1..], &format!("{commit}x"), &format!("{commit}-../x")] {
            assert!(bad.parse::<DeployName>().is_err(), "{bad}");
        }
    }
}
