//! Locks on files that the field's tools respect, too: `fcntl` locks, bound to the open file and not to the process.
//!
//! Source: `flatpak` and `bwrap` hold a read lock on `files/.ref` while an app runs, and take a write lock to see whether one does.

use std::fs::File;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{Mode, OFlags};

use crate::error::At;
use crate::{Dir, Result};

/// Whether others may hold the lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// Several holders of this kind.
    Shared,
    /// One holder.
    Exclusive,
}

/// A lock that is held until this is dropped, also by a child that inherits the descriptor.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// The locked file, for a child to inherit.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Takes a lock on an open file if it is free: `None` when somebody holds it. A shared lock needs a file that is open for reading, an
    /// exclusive one for writing.
    ///
    /// # Errors
    /// When the kernel cannot lock it.
    pub fn try_file(file: File, kind: LockKind) -> std::io::Result<Option<Self>> {
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file(kind))) {
            Ok(_) => Ok(Some(Self { file })),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Dir {
    /// Takes the lock of a file, made empty when missing, if it is free: `None` when somebody holds it.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn try_lock(&self, path: impl AsRef<Path>, kind: LockKind) -> Result<Option<Lock>> {
        let path = path.as_ref();
        let file = self.open_lock_file(path, kind)?;
        Lock::try_file(file, kind).at("lock", self.path(), path)
    }

    /// Takes the lock of a file, made empty when missing, and waits until it is free.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn lock(&self, path: impl AsRef<Path>, kind: LockKind) -> Result<Lock> {
        let path = path.as_ref();
        let file = self.open_lock_file(path, kind)?;
        loop {
            match fcntl(&file, FcntlArg::F_OFD_SETLKW(&whole_file(kind))) {
                Ok(_) => return Ok(Lock { file }),
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error).at("lock", self.path(), path),
            }
        }
    }

    fn open_lock_file(&self, path: &Path, kind: LockKind) -> Result<File> {
        let parent = self.parent_of(path)?;
        let name = crate::dir::last_name(path).at("lock", self.path(), path)?;
        let writable = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let readable = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = match rustix::fs::openat(&parent, name, writable, Mode::from_raw_mode(0o644)) {
            // Somebody else's file, as in the system installation: reading is enough for a shared lock.
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS) if kind == LockKind::Shared => {
                rustix::fs::openat(&parent, name, readable, Mode::empty())
            }
            other => other,
        };
        opened.map(File::from).at("lock", self.path(), path)
    }
}

fn whole_file(kind: LockKind) -> libc::flock {
    let l_type = match kind {
        LockKind::Shared => libc::F_RDLCK,
        LockKind::Exclusive => libc::F_WRLCK,
    };
    // Constants of a few small values, whose C types differ between them.
    libc::flock { l_type: l_type as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 }
}
