//! Finds and makes places beneath the new root: no link is followed, and nothing is made in a directory that an app could have chosen.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::source::again;

/// The root that is being built.
pub(crate) struct Root {
    fd: OwnedFd,
    /// Mounts in which directories and files can be made: file systems of ours, and directories that are the app's own anyway.
    own: BTreeSet<u64>,
}

impl Root {
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let mut root = Self { fd, own: BTreeSet::new() };
        root.own.insert(mount_id(root.fd.as_fd())?);
        Ok(root)
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// From now on, directories and files can be made in this mount, too.
    pub(crate) fn adopt(&mut self, tree: BorrowedFd<'_>) -> Result<(), Errno> {
        self.own.insert(mount_id(tree)?);
        Ok(())
    }

    /// A handle of what is at the path; `ENOENT` if there is nothing.
    pub(crate) fn find(&self, path: &Path) -> Result<OwnedFd, Errno> {
        open_inside(self.fd.as_fd(), relative(path), OFlags::PATH | OFlags::CLOEXEC)
    }

    /// A handle of a directory, made with all above it that are missing.
    pub(crate) fn directory(&self, path: &Path, mode: u32) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        let mut dir = self.find(Path::new("/"))?;
        let parts: Vec<&OsStr> = relative(path).components().filter_map(normal).collect();
        for (index, part) in parts.iter().enumerate() {
            let mode = if index + 1 == parts.len() { mode } else { 0o755 };
            dir = match open_inside(dir.as_fd(), Path::new(part), OFlags::PATH | OFlags::CLOEXEC) {
                Err(Errno::NOENT) => self.make_directory(&dir, part, mode)?,
                found => found?,
            };
        }
        Ok(dir)
    }

    fn make_directory(&self, parent: &OwnedFd, name: &OsStr, mode: u32) -> Result<OwnedFd, Errno> {
        self.check_own(parent)?;
        rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(mode))?;
        open_inside(parent.as_fd(), Path::new(name), OFlags::PATH | OFlags::CLOEXEC)
    }

    /// A handle of an empty file to mount something on, made if missing.
    pub(crate) fn mount_point_for_file(&self, path: &Path) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        drop(self.create_file(path, 0o444)?);
        self.find(path)
    }

    /// Makes a file that is not there yet, open for writing.
    pub(crate) fn create_file(&self, path: &Path, mode: u32) -> Result<OwnedFd, Errno> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(mode))
    }

    /// Makes a symbolic link. What is there already stays: in a directory of the app's own it is the app's.
    pub(crate) fn create_symlink(&self, path: &Path, target: &Path) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        match rustix::fs::symlinkat(target, &parent, name) {
            Err(Errno::EXIST) => Ok(()),
            other => other,
        }
    }

    /// The directory above a path, where something can be made, and the path's last part.
    pub(crate) fn parent<'a>(&self, path: &'a Path) -> Result<(OwnedFd, &'a OsStr), Errno> {
        let name = path.file_name().ok_or(Errno::INVAL)?;
        let parent = self.directory(path.parent().unwrap_or(Path::new("/")), 0o755)?;
        self.check_own(&parent)?;
        Ok((parent, name))
    }

    /// Elsewhere the directory belongs to the host or the app: what is missing there stays missing.
    fn check_own(&self, dir: &OwnedFd) -> Result<(), Errno> {
        if self.own.contains(&mount_id(dir.as_fd())?) { Ok(()) } else { Err(Errno::NOENT) }
    }
}

fn mount_id(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    let flags = rustix::fs::AtFlags::EMPTY_PATH;
    Ok(rustix::fs::statx(fd, "", flags, rustix::fs::StatxFlags::MNT_ID)?.stx_mnt_id)
}

/// Opens beneath a directory of the sandbox, over mounts, over no link.
pub(crate) fn open_inside(dir: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let opened = again(|| rustix::fs::openat2(dir, path, flags, Mode::empty(), resolve))?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode);
    if kind == FileType::Symlink { Err(Errno::LOOP) } else { Ok(opened) }
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn normal(part: Component<'_>) -> Option<&OsStr> {
    match part {
        Component::Normal(name) => Some(name),
        _ => None,
    }
}
