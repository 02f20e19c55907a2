//! Contents, links and properties of what lies beneath a directory.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType};

use crate::dir::{Links, last_name};
use crate::error::At;
use crate::{Dir, EntryKind, Result};

/// What the kernel says of a file, a directory or a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Properties {
    /// File, directory, link or something else.
    pub kind: EntryKind,
    /// The permission bits with set-id and sticky bits: the lower twelve of `st_mode`.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
    /// Bytes that it takes on disk.
    pub disk_size: u64,
    /// The owner.
    pub uid: u32,
    /// Device and inode: the same two for two names of one file.
    pub identity: (u64, u64),
    /// When it was last changed, in seconds since 1970.
    pub modified: i64,
}

impl Properties {
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Self {
        Self {
            kind: EntryKind::from(FileType::from_raw_mode(stat.st_mode)),
            mode: stat.st_mode & 0o7777,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            disk_size: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
            uid: stat.st_uid,
            identity: (stat.st_dev, stat.st_ino),
            modified: stat.st_mtime,
        }
    }
}

impl Dir {
    /// The properties of what is at the path; a symbolic link's own, and none on the way.
    ///
    /// # Errors
    /// When it is missing, leads outside or over a link.
    pub fn stat(&self, path: impl AsRef<Path>) -> Result<Properties> {
        let path = path.as_ref();
        if path.as_os_str().is_empty() || path == Path::new(".") {
            let stat = rustix::fs::fstat(self).at("look at", self.path(), path)?;
            return Ok(Properties::of(&stat));
        }
        let parent = self.parent_of(path)?;
        let name = last_name(path).at("look at", self.path(), path)?;
        let stat =
            rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).at("look at", self.path(), path)?;
        Ok(Properties::of(&stat))
    }

    /// The properties of what a process would find at the path for which this directory is `/`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn stat_in_root(&self, path: impl AsRef<Path>) -> Result<Properties> {
        let path = path.as_ref();
        let fd =
            self.open_with(path, rustix::fs::OFlags::PATH, Links::InRoot).at("look at", self.path(), path)?;
        Ok(Properties::of(&rustix::fs::fstat(&fd).at("look at", self.path(), path)?))
    }

    /// Whether there is something at the path, be it a link that leads nowhere. A path over a link or outside counts as nothing.
    ///
    /// # Errors
    /// When the kernel cannot tell: no permission, a broken disk.
    pub fn exists(&self, path: impl AsRef<Path>) -> Result<bool> {
        match self.stat(path) {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() || error.is_escape() => Ok(false),
            Err(error) if error.source.raw_os_error() == Some(rustix::io::Errno::NOTDIR.raw_os_error()) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The contents of a regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// When it cannot be opened (see [`Self::open_file`]) or is larger.
    pub fn read(&self, path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>> {
        let path = path.as_ref();
        let file = self.open_file(path)?;
        read_limited(file, limit).at("read", self.path(), path)
    }

    /// Like [`Self::read`], for text.
    ///
    /// # Errors
    /// Also when it is not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<Path>, limit: u64) -> Result<String> {
        let path = path.as_ref();
        let bytes = self.read(path, limit)?;
        String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8")).at(
            "read",
            self.path(),
            path,
        )
    }

    /// The target of a symbolic link, as it is written.
    ///
    /// # Errors
    /// When it is missing or no link.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        let parent = self.parent_of(path)?;
        let name = last_name(path).at("read", self.path(), path)?;
        let target = rustix::fs::readlinkat(&parent, name, Vec::new()).at("read", self.path(), path)?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }
}

fn read_limited(file: std::fs::File, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}
