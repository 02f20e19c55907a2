//! Opening, creating and locking a repository.
//!
//! ```text
//! REPO/config                     keyfile: [core] mode=…, [remote "NAME"]…
//!      objects/XX/YYYY.{file,dirtree,dirmeta,commit}
//!      refs/heads/REF, refs/remotes/REMOTE/REF          a commit's id and a newline
//!      tmp/aril-PID-N/            what a writer has not published yet
//!      .lock                      shared by writers, exclusive for what removes objects
//! ```

use std::cell::OnceCell;
use std::path::Path;

use aril_beneath::{Dir, Lock, LockKind};
use aril_model::Keyfile;

use crate::error::Doing;
use crate::object::Objects;
use crate::{Result, StoreError};

/// How a repository keeps its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepoMode {
    /// As plain files, from which checkouts are made by hard links: an installation's repository.
    BareUserOnly,
    /// Compressed, for serving.
    Archive,
}

impl RepoMode {
    fn as_str(self) -> &'static str {
        match self {
            Self::BareUserOnly => "bare-user-only",
            Self::Archive => "archive-z2",
        }
    }

    fn from_config(text: &str) -> Option<Self> {
        match text {
            "bare-user-only" => Some(Self::BareUserOnly),
            "archive" | "archive-z2" => Some(Self::Archive),
            _ => None,
        }
    }
}

/// An open repository.
pub struct Repo {
    dir: Dir,
    objects: Objects,
    // Opened at the first need: reading refs, trees and commits does without.
    library: OnceCell<ostree::Repo>,
}

/// Held as long as objects must not vanish, or as long as nobody else may use the repository.
#[derive(Debug)]
pub struct RepoLock {
    _lock: Lock,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("path", &self.dir.path()).field("mode", &self.objects.mode()).finish()
    }
}

impl Repo {
    /// Opens the repository at a path of the user's or of ours.
    ///
    /// # Errors
    /// [`StoreError::NoRepo`] when there is none; [`StoreError::Mode`] when it keeps its files in a way that is not supported.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let missing = || StoreError::NoRepo(path.display().to_string());
        let dir = match Dir::open(path) {
            Err(error) if error.is_not_found() => return Err(missing()),
            opened => opened?,
        };
        let config = match dir.read_to_string("config", CONFIG_LIMIT) {
            Err(error) if error.is_not_found() => return Err(missing()),
            read => read?,
        };
        let config = Keyfile::parse(&config).map_err(|error| StoreError::Library {
            action: format!("read '{}'", path.join("config").display()),
            problem: error.to_string(),
        })?;
        let name = config.get("core", "mode").unwrap_or_default();
        let mode = RepoMode::from_config(name.trim_end()).ok_or_else(|| StoreError::Mode {
            path: path.display().to_string(),
            mode: aril_model::printable(&name).into_owned(),
        })?;
        let objects = Objects::new(dir.open_dir("objects")?, mode);
        Ok(Self { dir, objects, library: OnceCell::new() })
    }

    /// Makes an empty repository; one that is there already is opened, whatever its mode.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn create(path: impl AsRef<Path>, mode: RepoMode) -> Result<Self> {
        let path = path.as_ref();
        match Self::open(path) {
            Err(StoreError::NoRepo(_)) => {}
            opened => return opened,
        }
        let dir = Dir::open_or_create(path, 0o755)?;
        for inner in
            ["objects", "tmp/cache", "extensions", "state", "refs/heads", "refs/mirrors", "refs/remotes"]
        {
            dir.create_dir_all(inner, 0o755)?;
        }
        let mut config = format!("[core]\nrepo_version=1\nmode={}\n", mode.as_str());
        if mode == RepoMode::BareUserOnly {
            // As Flatpak writes it: pulls stop before the disk is full.
            config.push_str("min-free-space-size=500MB\n");
        }
        // Last, so that a directory with a configuration is a whole repository.
        dir.write_atomic("config", config.as_bytes(), 0o644)?;
        Self::open(path)
    }

    /// Where it was opened, for messages and for programs that want a path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// How it keeps its files.
    pub fn mode(&self) -> RepoMode {
        self.objects.mode()
    }

    /// Takes the lock that libostree's programs respect, too: shared while objects are written or must stay, exclusive while some are
    /// removed. Waits for it.
    ///
    /// A process must not ask for the exclusive one while it has a [`crate::Writer`]: it would wait for itself.
    /// # Errors
    /// When the lock cannot be made.
    pub fn lock(&self, kind: LockKind) -> Result<RepoLock> {
        Ok(RepoLock { _lock: self.dir.lock(".lock", kind)? })
    }

    /// Writes all that is pending to the disk.
    ///
    /// # Errors
    /// When the disk is full or broken.
    pub fn sync(&self) -> Result<()> {
        Ok(self.dir.sync_file_system()?)
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// libostree's own view of the repository.
    pub(crate) fn library(&self) -> Result<&ostree::Repo> {
        if let Some(library) = self.library.get() {
            return Ok(library);
        }
        let opened = ostree::Repo::open_at_dir(std::os::fd::AsFd::as_fd(&self.dir), ".")
            .doing(format!("open the repository at '{}'", self.path().display()))?;
        Ok(self.library.get_or_init(|| opened))
    }

    /// Lets libostree see a changed configuration.
    pub(crate) fn reload(&self) -> Result<()> {
        let Some(library) = self.library.get() else { return Ok(()) };
        library.reload_config(ostree::gio::Cancellable::NONE).doing("read the changed configuration")
    }
}

/// Largest configuration that is read, in bytes.
pub(crate) const CONFIG_LIMIT: u64 = 1 << 20;
