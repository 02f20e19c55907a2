//! Opens what is mounted: by a path that the user or the system chose, or beneath a directory, where no link is followed.
//!
//! This happens in the child, after it got its own mount namespace: the kernel copies only mounts of the caller's own namespace.

use std::os::fd::OwnedFd;
use std::path::Path;

use aril_beneath::Dir;
use rustix::fs::{Mode, OFlags, ResolveFlags};
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
            match beneath(base, path, flags) {
                // Only the first time: so it is looked for before anything is made.
                Err(Errno::NOENT) if create.is_some() => {
                    create_beneath(base, path, create.unwrap_or(0o700))?;
                    beneath(base, path, flags)
                }
                opened => opened,
            }
            .during(Step::OpenSource, base.join(path).to_string_lossy())
        }
    }
}

/// Directories are made one by one, so that no link is followed on the way; those above the last are private to the user, too.
fn create_beneath(base: &Path, path: &Path, mode: u32) -> Result<(), SetupError> {
    let failed = |error: aril_beneath::Error| {
        SetupError::new(Step::OpenSource, error.path.to_string_lossy(), error.source)
    };
    let base = Dir::open_or_create(base, 0o700).map_err(failed)?;
    base.create_dir_all(path, mode).map(drop).map_err(failed)
}

/// A link in the last place is refused by the kernel, too, since `O_NOFOLLOW`, which would name the link itself, is not among `flags`.
fn beneath(base: &Path, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let base = rustix::fs::openat(rustix::fs::CWD, base, directory, Mode::empty())?;
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    again(|| rustix::fs::openat2(&base, path, flags, Mode::empty(), resolve))
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
