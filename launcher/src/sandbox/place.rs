//! Finds and makes places beneath the new root: no link is followed, and nothing is made in a directory that an app could have chosen.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::source::again;

/// The root that is being built.
pub(crate) struct Root {
    fd: OwnedFd,
    /// Mounts in which directories and files can be made: file systems of ours, and directories that are the app's own anyway.
    own: BTreeSet<u64>,
    /// The directory in which something was last made: the next is often made there, too.
    last: Option<(PathBuf, Rc<OwnedFd>)>,
}

impl Root {
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let own = BTreeSet::from([mount_id(fd.as_fd())?]);
        Ok(Self { fd, own, last: None })
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// From now on, directories and files can be made in this mount, too.
    pub(crate) fn adopt(&mut self, tree: BorrowedFd<'_>) -> Result<(), Errno> {
        self.own.insert(mount_id(tree)?);
        Ok(())
    }

    /// Something was mounted at a path: what was known of places beneath it no longer holds.
    pub(crate) fn forget_beneath(&mut self, path: &Path) {
        self.last.take_if(|(known, _)| known.starts_with(path));
    }

    /// A handle of what is at the path; `ENOENT` if there is nothing.
    pub(crate) fn find(&self, path: &Path) -> Result<OwnedFd, Errno> {
        open_inside(self.fd.as_fd(), path.strip_prefix("/").unwrap_or(path), HANDLE)
    }

    /// A handle of a directory, made with all above it that are missing.
    pub(crate) fn directory(&mut self, path: &Path, mode: u32) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        let (parent, name) = self.parent(path)?;
        rustix::fs::mkdirat(&*parent, name, Mode::from_raw_mode(mode))?;
        open_inside(parent.as_fd(), Path::new(name), HANDLE)
    }

    /// A handle of a file to mount something on, made empty if missing.
    pub(crate) fn mount_point_for_file(&mut self, path: &Path) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => self.create_file(path, 0o444),
            found => found,
        }
    }

    /// Makes a file that is not there yet, open for writing.
    pub(crate) fn create_file(&mut self, path: &Path, mode: u32) -> Result<OwnedFd, Errno> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&*parent, name, flags, Mode::from_raw_mode(mode))
    }

    /// Makes a symbolic link. What is there already stays: in a directory of the app's own it is the app's.
    pub(crate) fn create_symlink(&mut self, path: &Path, target: &Path) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        match rustix::fs::symlinkat(target, &*parent, name) {
            Err(Errno::EXIST) => Ok(()),
            other => other,
        }
    }

    /// The directory above a path, where something can be made, and the path's last part.
    pub(crate) fn parent<'a>(&mut self, path: &'a Path) -> Result<(Rc<OwnedFd>, &'a OsStr), Errno> {
        let name = path.file_name().ok_or(Errno::INVAL)?;
        let above = path.parent().unwrap_or(Path::new("/"));
        if let Some((known, parent)) = &self.last
            && known == above
        {
            return Ok((Rc::clone(parent), name));
        }
        let parent = Rc::new(self.directory(above, 0o755)?);
        // Elsewhere the directory belongs to the host or the app: what is missing there stays missing.
        if !self.own.contains(&mount_id(parent.as_fd())?) {
            return Err(Errno::NOENT);
        }
        self.last = Some((above.to_owned(), Rc::clone(&parent)));
        Ok((parent, name))
    }
}

const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

fn mount_id(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    let flags = rustix::fs::AtFlags::EMPTY_PATH;
    Ok(rustix::fs::statx(fd, "", flags, rustix::fs::StatxFlags::MNT_ID)?.stx_mnt_id)
}

/// Opens beneath a directory of the sandbox, over mounts, over no link: one in the last place is refused, too, since `O_NOFOLLOW`, which would
/// name the link itself, is not among `flags`.
fn open_inside(dir: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    again(|| rustix::fs::openat2(dir, path, flags, Mode::empty(), resolve))
}
