//! Making, replacing, renaming and removing what lies beneath a directory. No link is followed, in no part of a path.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::dir::last_name;
use crate::error::At;
use crate::{Dir, Result};

/// A file without a name, in a directory's file system: it gets its name when it is whole, and is gone if it never does.
#[derive(Debug)]
pub struct NewFile {
    file: File,
}

impl NewFile {
    /// The open file, to write to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the file a name that must be free. Nothing is flushed to the disk.
    ///
    /// # Errors
    /// When the name is taken or its directory is missing.
    pub fn publish(self, dir: &Dir, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let parent = dir.parent_of(path)?;
        let name = last_name(path).at("make", dir.path(), path)?;
        link_unnamed(&self.file, &parent, name).at("make", dir.path(), path)
    }
}

impl Dir {
    /// Makes a directory. One that is there already is no error: `false` then.
    ///
    /// # Errors
    /// When something else is there, or the directory above is missing.
    pub fn create_dir(&self, path: impl AsRef<Path>, mode: u32) -> Result<bool> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "make")?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(mode)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => {
                self.open_dir(path)?;
                Ok(false)
            }
            Err(error) => Err(error).at("make", self.path(), path),
        }
    }

    /// Makes a directory with all above it that are missing, step by step, and opens it.
    ///
    /// # Errors
    /// When a part of the path is a link or something else than a directory.
    pub fn create_dir_all(&self, path: impl AsRef<Path>, mode: u32) -> Result<Self> {
        let mut dir = self.try_clone()?;
        for part in path.as_ref().components() {
            match part {
                std::path::Component::Normal(name) => {
                    dir.create_dir(name, mode)?;
                    dir = dir.open_dir(name)?;
                }
                std::path::Component::CurDir => {}
                _ => return Err(Errno::INVAL).at("make", self.path(), path.as_ref()),
            }
        }
        Ok(dir)
    }

    /// Makes a regular file that is not there yet, and opens it for writing.
    ///
    /// # Errors
    /// When something is there.
    pub fn create_file(&self, path: impl AsRef<Path>, mode: u32) -> Result<File> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "make")?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(mode)).map(File::from).at(
            "make",
            self.path(),
            path,
        )
    }

    /// Opens a regular file for reading and writing, and makes it where it is missing.
    ///
    /// # Errors
    /// When something else is there, or it cannot be made.
    pub fn open_file_to_change(&self, path: impl AsRef<Path>, mode: u32) -> Result<File> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "open")?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(mode));
        let file = opened.map(File::from).at("open", self.path(), path)?;
        let stat = rustix::fs::fstat(&file).at("open", self.path(), path)?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(std::io::Error::other("it is not a regular file")).at("open", self.path(), path);
        }
        Ok(file)
    }

    /// A file without a name in this directory's file system.
    ///
    /// # Errors
    /// When it cannot be made: no space, no permission.
    pub fn new_file(&self, mode: u32) -> Result<NewFile> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(self, ".", flags, Mode::from_raw_mode(mode)).at(
            "make a file in",
            self.path(),
            Path::new(""),
        )?;
        Ok(NewFile { file: File::from(fd) })
    }

    /// Puts a file with these contents at the path, in place of what was there, in one step: readers see the old or the new, also after
    /// a crash.
    ///
    /// # Errors
    /// When it cannot be written; what was there stays.
    pub fn write_atomic(&self, path: impl AsRef<Path>, contents: &[u8], mode: u32) -> Result<()> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "write")?;
        let temporary = temporary_name(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&parent, temporary.as_str(), flags, Mode::from_raw_mode(mode)).at(
            "write",
            self.path(),
            path,
        )?;
        let mut file = File::from(fd);
        let written = file
            .write_all(contents)
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(rustix::fs::renameat(&parent, temporary.as_str(), &parent, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&parent, temporary.as_str(), AtFlags::empty());
        }
        written.at("write", self.path(), path)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// When something is there.
    pub fn symlink(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "link")?;
        rustix::fs::symlinkat(target.as_ref(), &parent, name).at("link", self.path(), path)
    }

    /// Makes a symbolic link in place of what was there, in one step.
    ///
    /// # Errors
    /// When a directory is there; what was there stays.
    pub fn replace_symlink(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "link")?;
        let temporary = temporary_name(name);
        rustix::fs::symlinkat(target.as_ref(), &parent, temporary.as_str()).at("link", self.path(), path)?;
        let renamed = rustix::fs::renameat(&parent, temporary.as_str(), &parent, name);
        if renamed.is_err() {
            let _ = rustix::fs::unlinkat(&parent, temporary.as_str(), AtFlags::empty());
        }
        renamed.at("link", self.path(), path)
    }

    /// Gives a file a second name, beneath `to`.
    ///
    /// # Errors
    /// When the new name is taken or lies on another file system.
    pub fn hard_link(&self, from: impl AsRef<Path>, to: &Self, to_path: impl AsRef<Path>) -> Result<()> {
        let (from, to_path) = (from.as_ref(), to_path.as_ref());
        let (old, old_name) = self.place(from, "link")?;
        let (new, new_name) = to.place(to_path, "link")?;
        rustix::fs::linkat(&old, old_name, &new, new_name, AtFlags::empty()).at("link", to.path(), to_path)
    }

    /// Renames, in place of what was there, in one step.
    ///
    /// # Errors
    /// When the old name is missing, the new one lies on another file system, or one is a directory and the other is not.
    pub fn rename(&self, from: impl AsRef<Path>, to: &Self, to_path: impl AsRef<Path>) -> Result<()> {
        self.rename_with(from.as_ref(), to, to_path.as_ref(), RenameFlags::empty())
    }

    /// Renames to a name that must be free.
    ///
    /// # Errors
    /// Like [`Self::rename`], and when the new name is taken.
    pub fn rename_new(&self, from: impl AsRef<Path>, to: &Self, to_path: impl AsRef<Path>) -> Result<()> {
        self.rename_with(from.as_ref(), to, to_path.as_ref(), RenameFlags::NOREPLACE)
    }

    fn rename_with(&self, from: &Path, to: &Self, to_path: &Path, flags: RenameFlags) -> Result<()> {
        let (old, old_name) = self.place(from, "rename")?;
        let (new, new_name) = to.place(to_path, "rename")?;
        rustix::fs::renameat_with(&old, old_name, &new, new_name, flags).at("rename", self.path(), from)
    }

    /// Removes a file or a link.
    ///
    /// # Errors
    /// When it is missing or a directory.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "remove")?;
        rustix::fs::unlinkat(&parent, name, AtFlags::empty()).at("remove", self.path(), path)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// When it is missing, no directory or not empty.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let (parent, name) = self.place(path, "remove")?;
        rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR).at("remove", self.path(), path)
    }

    /// Sets the permission bits of a file or directory; a symbolic link has none.
    ///
    /// # Errors
    /// When it is missing, a link, or not ours.
    pub fn set_mode(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        let path = path.as_ref();
        let fd = self.open_path(path)?;
        // By the descriptor's own name in /proc, since `fchmod` refuses handles that only name a file.
        let stat = rustix::fs::fstat(&fd).at("change", self.path(), path)?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Symlink {
            return Err(Errno::LOOP).at("change", self.path(), path);
        }
        let proc_name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
        rustix::fs::chmodat(CWD, proc_name, Mode::from_raw_mode(mode), AtFlags::empty()).at(
            "change",
            self.path(),
            path,
        )
    }

    /// Sets the time of the last change of what is at the path, seconds since 1970; of a link its own.
    ///
    /// # Errors
    /// When it is missing or not ours.
    pub fn set_modified(&self, path: impl AsRef<Path>, seconds: i64) -> Result<()> {
        let path = path.as_ref();
        let stamp = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: stamp, last_modification: stamp };
        if path.as_os_str().is_empty() {
            return rustix::fs::futimens(self, &times).at("change", self.path(), path);
        }
        let (parent, name) = self.place(path, "change")?;
        rustix::fs::utimensat(&parent, name, &times, AtFlags::SYMLINK_NOFOLLOW).at(
            "change",
            self.path(),
            path,
        )
    }

    /// Writes what is pending of this directory's file system to the disk.
    ///
    /// # Errors
    /// When the disk is full or broken.
    pub fn sync_file_system(&self) -> Result<()> {
        rustix::fs::syncfs(self).at("flush", self.path(), Path::new(""))
    }

    /// Writes the names in this directory to the disk.
    ///
    /// # Errors
    /// When the disk is full or broken.
    pub fn sync(&self) -> Result<()> {
        rustix::fs::fsync(self).at("flush", self.path(), Path::new(""))
    }

    fn place<'a>(&self, path: &'a Path, action: &'static str) -> Result<(OwnedFd, &'a OsStr)> {
        let name = last_name(path).at(action, self.path(), path)?;
        Ok((self.parent_of(path)?, name))
    }
}

fn link_unnamed(file: &File, parent: impl AsFd, name: &OsStr) -> std::result::Result<(), Errno> {
    // A file without a name is linked by its descriptor's name in /proc: AT_EMPTY_PATH needs a capability.
    let proc_name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    rustix::fs::linkat(CWD, proc_name, parent, name, AtFlags::SYMLINK_FOLLOW)
}

/// A name beside `name` that nobody else uses: the process and a counter are in it.
fn temporary_name(name: &OsStr) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let start: String = name.to_string_lossy().chars().take(32).collect();
    format!(".{start}.{}-{number}.tmp", std::process::id())
}
