//! What every build has at hand: the store, the remote with its keys and its repository, and where programs and manifests are.

use std::path::{Path, PathBuf};

use aril_beneath::Dir;
use aril_model::{Branch, CommitId, Metadata, Ref, RemoteName, RpmRemote};
use aril_store::{RefName, Repo, RepoMode};
use aril_terminal::Progress;

use crate::BuildError;
use crate::manifest::{MAX_MANIFEST, Manifest};
use crate::repository::{Access, Fetcher, Repository, read_keys};
use crate::rpm::{Keyring, SignaturePolicy};
use crate::solve::{RepositoryId, Universe};

/// Where things are; read from the command line and the environment by `main`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The installation's directory.
    pub installation: PathBuf,
    /// Another repository to commit to.
    pub repo: Option<PathBuf>,
    /// Where metadata and packages are kept between runs.
    pub cache: PathBuf,
    /// Directories with a directory `fNN` for each release, which holds manifests.
    pub manifests: Vec<PathBuf>,
    /// The program that runs others in a sandbox, if it is there.
    pub tool: Option<PathBuf>,
    /// Seconds since 1970.
    pub now: u64,
}

/// One run of the builder.
#[derive(Debug)]
pub struct Session {
    /// Where things are.
    pub settings: Settings,
    /// Where packages are imported to and commits are made.
    pub repo: Repo,
    /// The remote of RPMs.
    pub remote: RpmRemote,
    /// Its keys.
    pub keys: Keyring,
    /// Bars.
    pub progress: Progress,
    fetcher: Fetcher,
}

impl Session {
    /// Reads the remote and opens the store, which is made if it is missing.
    ///
    /// # Errors
    /// When the remote is not there or cannot be read.
    pub fn open(settings: Settings, remote: &RemoteName, progress: &Progress) -> Result<Self, BuildError> {
        let installation = Dir::open(&settings.installation)?;
        let remotes = installation.open_dir("rpm-remotes.d").map_err(|_| BuildError::Remote {
            name: remote.to_string(),
            problem: "no remote of RPMs was added".into(),
        })?;
        let (config, keys) = read_remote(&remotes, remote)?;
        let repo = match &settings.repo {
            Some(path) => Repo::create(path, RepoMode::Archive)?,
            None => Repo::create(settings.installation.join("repo"), RepoMode::BareUserOnly)?,
        };
        Ok(Self { settings, repo, remote: config, keys, progress: progress.clone(), fetcher: Fetcher::new() })
    }

    /// Whose signatures count for the packages of the remote.
    pub fn policy(&self) -> SignaturePolicy<'_> {
        if self.remote.verify_packages {
            SignaturePolicy::Required { keys: &self.keys, now: self.settings.now }
        } else {
            SignaturePolicy::NotRequired
        }
    }

    /// Finds out the state of the remote's repository and loads its packages.
    ///
    /// # Errors
    /// When it cannot be had or is not believed.
    pub fn open_repository(&self) -> Result<(Repository, Universe, RepositoryId), BuildError> {
        let access = Access { cache: &self.settings.cache, fetcher: &self.fetcher, now: self.settings.now };
        let repository = Repository::open(&self.remote, &self.keys, access)?;
        let mut universe = Universe::new(self.remote.arch.as_str());
        let id = repository.load(&mut universe, &self.progress)?;
        Ok((repository, universe, id))
    }

    /// The branch of what is made of the remote's packages.
    pub fn branch(&self) -> Branch {
        let number = self
            .remote
            .release
            .as_deref()
            .filter(|release| release.bytes().all(|byte| byte.is_ascii_digit()) && !release.is_empty());
        let name = number.map_or_else(|| "rpm".to_owned(), |number| format!("f{number}"));
        name.parse().expect("letters and digits are a branch")
    }

    /// The manifest that a runtime was built from, as its commit has it.
    ///
    /// # Errors
    /// When the runtime is not there or was not built from one.
    pub fn recorded_manifest(&self, reference: &Ref) -> Result<Manifest, BuildError> {
        match self.recorded(reference)?.as_slice() {
            [kind, text] if kind == "manifest" => Ok(Manifest::parse(text)?),
            _ => Err(BuildError::NothingRecorded(reference.clone())),
        }
    }

    /// What was asked for when an app was built, as its commit has it.
    ///
    /// # Errors
    /// When the app is not there or was not built from packages.
    pub fn recorded_request(&self, reference: &Ref) -> Result<Vec<String>, BuildError> {
        match self.recorded(reference)? {
            wanted if wanted.is_empty() => Err(BuildError::NothingRecorded(reference.clone())),
            wanted => Ok(wanted),
        }
    }

    /// The runtime of an app, as its commit has it.
    ///
    /// # Errors
    /// When the app is not there, or its metadata cannot be read.
    pub fn recorded_runtime(&self, reference: &Ref) -> Result<Option<Ref>, BuildError> {
        let Some(commit) = self.find_commit(reference)? else { return Ok(None) };
        match self.repo.commit(&commit)?.text("xa.metadata") {
            Some(text) => Ok(Metadata::parse(text)?.runtime),
            None => Ok(None),
        }
    }

    fn recorded(&self, reference: &Ref) -> Result<Vec<String>, BuildError> {
        let nothing = || BuildError::NothingRecorded(reference.clone());
        let commit = self.find_commit(reference)?.ok_or_else(nothing)?;
        Ok(self.repo.commit(&commit)?.list("aril.request").to_vec())
    }

    pub(crate) fn find_commit(&self, reference: &Ref) -> Result<Option<CommitId>, BuildError> {
        // What is in use counts before what was built and never came into use.
        let own = [
            RefName::deployed(reference),
            RefName::of_remote(&self.remote.name, reference),
            RefName::local(reference),
        ];
        for name in &own {
            if let Some(commit) = self.repo.resolve(name)? {
                return Ok(Some(commit));
            }
        }
        let wanted = reference.to_string();
        let refs = self.repo.refs("")?.into_iter();
        Ok(refs.filter(|(name, _)| name.name() == wanted).map(|(_, commit)| commit).next())
    }

    /// The ref under which a commit is published in the store: the remote's in an installation, its own elsewhere.
    pub fn published_as(&self, reference: &Ref) -> RefName {
        match self.settings.repo {
            Some(_) => RefName::local(reference),
            None => RefName::of_remote(&self.remote.name, reference),
        }
    }
}

/// Reads the file of a remote, and its keys.
///
/// # Errors
/// When it is not there or cannot be read.
pub(crate) fn read_remote(remotes: &Dir, name: &RemoteName) -> Result<(RpmRemote, Keyring), BuildError> {
    let wrong = |problem: String| BuildError::Remote { name: name.to_string(), problem };
    let text = match remotes.read_to_string(format!("{name}.conf"), MAX_MANIFEST) {
        Err(error) if error.is_not_found() => {
            return Err(wrong("it was not added, or is no remote of RPMs".into()));
        }
        read => read?,
    };
    let remote = RpmRemote::parse(name, &text).map_err(|error| wrong(error.to_string()))?;
    let keys = read_keys(remotes, &remote)?;
    Ok((remote, keys))
}

/// Reads a manifest.
///
/// # Errors
/// When it is missing or wrong.
pub fn read_manifest(path: &Path) -> Result<Manifest, BuildError> {
    let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let text = Dir::open(parent)?.read_to_string(name, MAX_MANIFEST)?;
    Ok(Manifest::parse(&text)?)
}
