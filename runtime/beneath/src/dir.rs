//! An open directory, and opening what lies beneath it.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::Result;
use crate::error::At;

/// An open directory. Cheap to keep, and unaffected by what happens to its path.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// How symbolic links in a path are met.
#[derive(Clone, Copy)]
pub(crate) enum Links {
    Refuse,
    InRoot,
}

impl Links {
    fn flags(self) -> ResolveFlags {
        match self {
            Self::Refuse => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
            Self::InRoot => ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        }
    }
}

impl Dir {
    /// Opens a directory by a path that the user or our own configuration chose. Symbolic links are followed, as everywhere on the host.
    ///
    /// # Errors
    /// When it is not there, is no directory or cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).at("open", path, Path::new(""))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Like [`Self::open`], after making it and the directories above it where they are missing, with the given mode.
    ///
    /// # Errors
    /// When one of them cannot be made or is no directory.
    pub fn open_or_create(path: impl AsRef<Path>, mode: u32) -> Result<Self> {
        let path = path.as_ref();
        let mut missing = Vec::new();
        let mut existing = path;
        let mut dir = loop {
            match Self::open(if existing.as_os_str().is_empty() { Path::new(".") } else { existing }) {
                Err(error) if error.is_not_found() && existing.parent().is_some() => {
                    missing.extend(existing.file_name());
                    existing = existing.parent().unwrap_or(existing);
                }
                found => break found?,
            }
        };
        for name in missing.into_iter().rev() {
            dir.create_dir(name, mode)?;
            // The host may have a link here by now; it is the user's own path, so it may be followed.
            dir = Self::open(dir.path.join(name))?;
        }
        Ok(dir)
    }

    /// Takes an open directory; `path` is for messages only.
    pub fn from_fd(fd: OwnedFd, path: impl Into<PathBuf>) -> Self {
        Self { fd, path: path.into() }
    }

    /// A second handle of the same directory.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self.fd.try_clone().at("open", &self.path, Path::new(""))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    /// Where the directory was when it was opened: for messages and for programs that want a path, never to open something again.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the descriptor away.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Opens a directory beneath this one; no part of the path may be a symbolic link.
    ///
    /// # Errors
    /// When it is missing, no directory, leads outside or over a link.
    pub fn open_dir(&self, path: impl AsRef<Path>) -> Result<Self> {
        self.open_dir_with(path.as_ref(), Links::Refuse)
    }

    /// Opens a directory beneath this one as a process would for which this directory is `/`.
    ///
    /// # Errors
    /// When it is missing or no directory.
    pub fn open_dir_in_root(&self, path: impl AsRef<Path>) -> Result<Self> {
        self.open_dir_with(path.as_ref(), Links::InRoot)
    }

    fn open_dir_with(&self, path: &Path, links: Links) -> Result<Self> {
        let fd =
            self.open_with(path, OFlags::DIRECTORY | OFlags::RDONLY, links).at("open", &self.path, path)?;
        Ok(Self { fd, path: self.path.join(path.strip_prefix("/").unwrap_or(path)) })
    }

    /// Opens a regular file for reading; no part of the path may be a symbolic link.
    ///
    /// # Errors
    /// When it is missing, leads outside or over a link, or is not a regular file: a pipe or device would make the reader wait.
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<File> {
        self.open_file_with(path.as_ref(), Links::Refuse)
    }

    /// Opens a regular file for reading as a process would for which this directory is `/`.
    ///
    /// # Errors
    /// When it is missing or not a regular file.
    pub fn open_file_in_root(&self, path: impl AsRef<Path>) -> Result<File> {
        self.open_file_with(path.as_ref(), Links::InRoot)
    }

    fn open_file_with(&self, path: &Path, links: Links) -> Result<File> {
        // Not waiting: the kind is only known once it is open.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = self.open_with(path, flags, links).at("open", &self.path, path)?;
        let stat = rustix::fs::fstat(&fd).at("read", &self.path, path)?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(std::io::Error::other("it is not a regular file")).at("read", &self.path, path);
        }
        Ok(File::from(fd))
    }

    /// A handle that only names what is at the path, of whatever kind, for mounting or passing on. The last part may be a symbolic link,
    /// which is then named itself; no other part may be.
    ///
    /// # Errors
    /// When it is missing, leads outside or over a link.
    pub fn open_path(&self, path: impl AsRef<Path>) -> Result<OwnedFd> {
        let path = path.as_ref();
        let parent = self.parent_of(path)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let name = last_name(path).at("open", &self.path, path)?;
        rustix::fs::openat(&parent, name, flags | OFlags::CLOEXEC, Mode::empty()).at("open", &self.path, path)
    }

    /// Like [`Self::open_path`] with all symbolic links followed as if this directory were `/`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn open_path_in_root(&self, path: impl AsRef<Path>) -> Result<OwnedFd> {
        let path = path.as_ref();
        self.open_with(path, OFlags::PATH, Links::InRoot).at("open", &self.path, path)
    }

    pub(crate) fn open_with(
        &self,
        path: &Path,
        flags: OFlags,
        links: Links,
    ) -> std::result::Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        // EAGAIN: something was renamed while the kernel looked; it says so instead of guessing, and the next try mostly succeeds.
        for _ in 0..64 {
            match rustix::fs::openat2(&self.fd, path, flags | OFlags::CLOEXEC, Mode::empty(), links.flags()) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// The directory in which the last part of `path` lies, found without following a link.
    pub(crate) fn parent_of(&self, path: &Path) -> Result<OwnedFd> {
        let parent = path.parent().unwrap_or(Path::new(""));
        self.open_with(parent, OFlags::PATH | OFlags::DIRECTORY, Links::Refuse).at("open", &self.path, parent)
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The last part of a path; `EINVAL` for paths that have none, such as `..` and the empty path.
pub(crate) fn last_name(path: &Path) -> std::result::Result<&std::ffi::OsStr, Errno> {
    match path.components().next_back() {
        Some(std::path::Component::Normal(name)) => Ok(name),
        _ => Err(Errno::INVAL),
    }
}
