//! Opens what is mounted: by a path that the user or the system chose, or beneath a directory, where no link is followed.
//!
//! This happens in the child, after it got its own mount namespace: the kernel copies only mounts of the caller's own namespace.

use std::os::fd::OwnedFd;
use std::path::Path;

use aril_beneath::Dir;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::step::{During, SetupError, Step};
use crate::spec::Source;

/// A handle that only names the file or directory, for mounting it.
pub(crate) fn open(source: &Source) -> Result<OwnedFd, SetupError> {
    open_with(source, OFlags::PATH)
}

/// A readable directory, for a layer of an overlay.
pub(crate) fn open_layer(source: &Source) -> Result<OwnedFd, SetupError> {
    open_with(source, OFlags::RDONLY | OFlags::DIRECTORY)
}

fn open_with(source: &Source, flags: OFlags) -> Result<OwnedFd, SetupError> {
    let flags = flags | OFlags::CLOEXEC;
    match source {
        Source::Host(path) => rustix::fs::openat(rustix::fs::CWD, path, flags, Mode::empty())
            .during(Step::OpenSource, path.to_string_lossy()),
        Source::Beneath { base, path, create } => {
            let whole = base.join(path);
            let base = open_base(base, *create)?;
            if let Some(mode) = create {
                create_beneath(&base, path, *mode)?;
            }
            beneath(&base, path, flags).during(Step::OpenSource, whole.to_string_lossy())
        }
    }
}

fn open_base(path: &Path, create: Option<u32>) -> Result<Dir, SetupError> {
    let opened = match create {
        Some(_) => Dir::open_or_create(path, 0o700),
        None => Dir::open(path),
    };
    opened.map_err(|error| SetupError::new(Step::OpenSource, error.path.to_string_lossy(), error.source))
}

/// Directories are made one by one, so that no link is followed on the way; those above the last are private to the user, too.
fn create_beneath(base: &Dir, path: &Path, mode: u32) -> Result<(), SetupError> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    base.create_dir_all(path, mode)
        .map(drop)
        .map_err(|error| SetupError::new(Step::OpenSource, error.path.to_string_lossy(), error.source))
}

fn beneath(base: &Dir, path: &Path, flags: OFlags) -> std::io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let resolve = rustix::fs::ResolveFlags::BENEATH
        | rustix::fs::ResolveFlags::NO_SYMLINKS
        | rustix::fs::ResolveFlags::NO_MAGICLINKS;
    let opened = again(|| rustix::fs::openat2(base, path, flags, Mode::empty(), resolve))?;
    // With O_PATH the kernel refuses links on the way, and a link in the last place, too; said again here, because all rests on it.
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode);
    if kind == FileType::Symlink { Err(Errno::LOOP.into()) } else { Ok(opened) }
}

/// Tries again when something was renamed while the kernel looked.
pub(crate) fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 0..64 {
        match call() {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}
