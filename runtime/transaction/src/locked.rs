//! An installation that is being changed: its lock, its repository, its directory.

use std::path::Path;

use aril_beneath::{Dir, Lock, LockKind};
use aril_installation::{CalledAs, Installation, InstallationError, Scope};
use aril_model::{CommitId, Ref};
use aril_store::{RefName, Repo, RepoMode};

use crate::host::Host;
use crate::{Result, TransactionError};

/// An installation that nobody else changes as long as this lives.
#[derive(Debug)]
pub struct LockedInstallation {
    installation: Installation,
    repo: Repo,
    called_as: CalledAs,
    _lock: Lock,
}

impl LockedInstallation {
    /// Opens an installation for changes, and makes what is missing of it. `waiting` is called if somebody else is changing it; then this
    /// waits.
    ///
    /// What a change that was killed has left is put in order first.
    /// # Errors
    /// When it may not be changed, or is damaged.
    pub fn open(
        scope: Scope,
        path: &Path,
        called_as: CalledAs,
        host: &Host,
        waiting: &mut dyn FnMut(),
    ) -> Result<Self> {
        let not_allowed = |error: aril_beneath::Error| {
            let refused = error.source.kind() == std::io::ErrorKind::PermissionDenied;
            if refused && scope != Scope::User {
                return TransactionError::NotAllowed(path.display().to_string());
            }
            error.into()
        };
        let dir = Dir::open_or_create(path, 0o755).map_err(not_allowed)?;
        let lock = match dir.try_lock(".lock", LockKind::Exclusive).map_err(not_allowed)? {
            Some(lock) => lock,
            None => {
                waiting();
                dir.lock(".lock", LockKind::Exclusive)?
            }
        };
        let repo = Repo::create(path.join("repo"), RepoMode::BareUserOnly)?;
        let installation = Installation::open(scope, path)?.ok_or_else(|| InstallationError::Damaged {
            what: path.display().to_string(),
            problem: "it vanished".into(),
        })?;
        let locked = Self { installation, repo, called_as, _lock: lock };
        locked.tidy(host)?;
        Ok(locked)
    }

    /// The installation, for reading.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Its directory.
    pub fn dir(&self) -> &Dir {
        self.installation.dir()
    }

    /// Its repository.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Whose ways are followed: ours, or Flatpak's.
    pub fn called_as(&self) -> CalledAs {
        self.called_as
    }

    /// The remote that an installed ref came from, if it is installed.
    pub(crate) fn origin(&self, reference: &Ref) -> Result<Option<String>> {
        let deploy = self.installation.active(reference)?;
        Ok(deploy.map(|deploy| deploy.record()).transpose()?.map(|record| record.origin))
    }
}

/// The ref that keeps the objects of a deploy that is not active: `kept/app/ID/ARCH/BRANCH/COMMIT`.
pub(crate) fn kept_ref(reference: &Ref, commit: &CommitId) -> RefName {
    format!("kept/{reference}/{commit}").parse().expect("a ref and a commit make the name of a ref")
}
