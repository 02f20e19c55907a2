//! The refs of one installation.

use std::fmt;
use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind};
use aril_model::{AppId, CommitId, Grant, Keyfile, Kind, Ref};

use crate::{Deploy, DeployName, InstallationError, Overrides, Result};

/// Whose an installation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One user's.
    User,
    /// The system's.
    System,
    /// Another one that the administrator named.
    Extra(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "user",
            Self::System => "system",
            Self::Extra(name) => name,
        })
    }
}

/// One installation that exists.
#[derive(Debug)]
pub struct Installation {
    scope: Scope,
    dir: Dir,
}

impl Installation {
    /// Opens an installation; `None` if there is none.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn open(scope: Scope, path: impl AsRef<Path>) -> Result<Option<Self>> {
        match Dir::open(path) {
            Ok(dir) => Ok(Some(Self { scope, dir })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whose it is.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its directory.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// All deployed refs: those with an `active` deploy, sorted.
    ///
    /// # Errors
    /// When a directory cannot be read. Names that are no refs are passed over.
    pub fn refs(&self) -> Result<Vec<Ref>> {
        let mut refs = Vec::new();
        for kind in [Kind::App, Kind::Runtime] {
            for id in names(&self.dir, Path::new(kind.as_str()))? {
                for arch in names(&self.dir, &Path::new(kind.as_str()).join(&id))? {
                    for branch in names(&self.dir, &Path::new(kind.as_str()).join(&id).join(&arch))? {
                        let Ok(reference) = format!("{kind}/{id}/{arch}/{branch}").parse::<Ref>() else {
                            continue;
                        };
                        if self.dir.exists(ref_path(&reference).join("active"))? {
                            refs.push(reference);
                        }
                    }
                }
            }
        }
        refs.sort();
        Ok(refs)
    }

    /// The active deploy of a ref; `None` if the ref is not installed.
    ///
    /// # Errors
    /// When `active` names something that is no deploy.
    pub fn active(&self, reference: &Ref) -> Result<Option<Deploy>> {
        let base = ref_path(reference);
        let target = match self.dir.read_link(base.join("active")) {
            Ok(target) => target,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let damaged = |problem: String| InstallationError::Damaged {
            what: self.dir.path().join(&base).join("active").display().to_string(),
            problem,
        };
        let name: DeployName = target
            .to_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| damaged("it does not name a commit".into()))?;
        let dir = self.dir.open_dir(base.join(target)).map_err(|error| damaged(error.to_string()))?;
        Ok(Some(Deploy::new(reference.clone(), name, dir)))
    }

    /// The deploy of a certain commit, active or kept.
    ///
    /// # Errors
    /// When it is there and cannot be opened.
    pub fn deploy(&self, reference: &Ref, commit: &CommitId) -> Result<Option<Deploy>> {
        Ok(self.deploys(reference)?.into_iter().find(|deploy| deploy.commit() == commit))
    }

    /// All deploys of a ref that lie on disk, active or kept.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn deploys(&self, reference: &Ref) -> Result<Vec<Deploy>> {
        let base = ref_path(reference);
        let mut deploys = Vec::new();
        for text in names(&self.dir, &base)? {
            let Ok(name) = text.parse::<DeployName>() else { continue };
            let dir = self.dir.open_dir(base.join(&text))?;
            deploys.push(Deploy::new(reference.clone(), name, dir));
        }
        Ok(deploys)
    }

    /// The runtime's commit that one commit of an app stays on, because it does not fit the newer one; `None` if it goes with the active one.
    ///
    /// # Errors
    /// When the note is there and names no commit.
    ///
    /// Source: `docs/format/deploy.md`.
    pub fn held_runtime(&self, app: &Ref, commit: &CommitId) -> Result<Option<CommitId>> {
        let path = Self::hold_path(app, commit);
        let target = match self.dir.read_link(&path) {
            Ok(target) => target,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let held = target.to_str().and_then(|text| text.parse().ok());
        held.map(Some).ok_or_else(|| InstallationError::Damaged {
            what: self.dir.path().join(path).display().to_string(),
            problem: "it does not name a commit".into(),
        })
    }

    /// Where that note lies, relative to the installation. Its directory begins with a dot, so that Flatpak does not take it for a deploy.
    pub fn hold_path(app: &Ref, commit: &CommitId) -> PathBuf {
        ref_path(app).join(".runtime").join(commit.as_str())
    }

    /// The ref of an app that is meant when only its id is said: what `current` names, else the first that is installed.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn current(&self, id: &AppId) -> Result<Option<Ref>> {
        let base = Path::new("app").join(id.as_str());
        if let Ok(target) = self.dir.read_link(base.join("current"))
            && let Some(target) = target.to_str()
            && let Ok(reference) = format!("app/{id}/{target}").parse::<Ref>()
            && self.active(&reference)?.is_some()
        {
            return Ok(Some(reference));
        }
        for arch in names(&self.dir, &base)? {
            for branch in names(&self.dir, &base.join(&arch))? {
                if let Ok(reference) = format!("app/{id}/{arch}/{branch}").parse::<Ref>()
                    && self.active(&reference)?.is_some()
                {
                    return Ok(Some(reference));
                }
            }
        }
        Ok(None)
    }

    /// The permissions that the user changed for an app, and for all apps.
    ///
    /// # Errors
    /// When a file is there and cannot be read. Wrong lines are left out and kept in [`Overrides::problems`].
    pub fn overrides(&self, id: &AppId) -> Result<Overrides> {
        Overrides::read(&self.dir, id)
    }

    /// The permissions that the user accepted; `None` where nobody was asked.
    ///
    /// # Errors
    /// When the file is there and is no keyfile: then nothing must be assumed to be granted.
    pub fn grant(&self, id: &AppId) -> Result<Option<Grant>> {
        let path = Path::new("grants").join(id.as_str());
        let text = match self.dir.read_to_string(&path, 1 << 20) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let keyfile = Keyfile::parse(&text).map_err(|error| InstallationError::Damaged {
            what: self.dir.path().join(&path).display().to_string(),
            problem: error.to_string(),
        })?;
        Ok(Some(Grant::accept(&aril_model::Context::from_keyfile(&keyfile).0)))
    }
}

/// Where the deploys of a ref lie, relative to the installation: `app/ID/ARCH/BRANCH`.
pub(crate) fn ref_path(reference: &Ref) -> PathBuf {
    PathBuf::from(reference.to_string())
}

/// Whether an error only says that there is nothing.
fn is_absent(error: &aril_beneath::Error) -> bool {
    error.is_not_found() || error.source.kind() == std::io::ErrorKind::NotADirectory
}

/// The names of directories in a directory; none if it is missing.
fn names(dir: &Dir, path: &Path) -> Result<Vec<String>> {
    let entries = match dir.entries(path) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(entries
        .into_iter()
        .filter(|e| e.kind == EntryKind::Dir)
        .filter_map(|e| e.name.into_string().ok())
        .collect())
}
