//! Makes mounts that are not attached anywhere yet: copies of the host's, file systems in memory, overlays.
//!
//! Each gets its flags before anybody can reach it, so there is no moment in which a tree could be written that must not be.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_fd,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, open_tree,
};

use super::step::{During, SetupError, Step};
use crate::spec::{Access, Made};
use crate::sys;

/// A copy of a file or directory of the host and all that is mounted below it, with rights reduced to `access`.
pub(crate) fn copy(source: &OwnedFd, access: Access, at: &Path) -> Result<OwnedFd, SetupError> {
    let at = at.to_string_lossy();
    let recursive = OpenTreeFlags::AT_RECURSIVE;
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = open_tree(source, "", flags | recursive).during(Step::CopyMount, &*at)?;
    // The kernel keeps what the host has locked on its mounts; only more can be forbidden, and that is all we do.
    sys::mount_setattr(tree.as_fd(), libc::AT_RECURSIVE, attributes(access).bits().into(), 0)
        .during(Step::SetMountFlags, &*at)?;
    Ok(tree)
}

/// A second handle of a mount, with flags of its own.
pub(crate) fn detached(mount: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(mount, "", flags)
}

fn attributes(access: Access) -> MountAttrFlags {
    let always = MountAttrFlags::MOUNT_ATTR_NOSUID;
    let nodev = MountAttrFlags::MOUNT_ATTR_NODEV;
    always
        | match access {
            Access::Read => nodev | MountAttrFlags::MOUNT_ATTR_RDONLY,
            Access::Write => nodev,
            Access::Device => MountAttrFlags::MOUNT_ATTR_NOEXEC,
        }
}

/// An empty file system in memory.
pub(crate) fn tmpfs(mode: u32, access: Access, at: &Path) -> Result<OwnedFd, SetupError> {
    let make = || -> Result<OwnedFd, Errno> {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&context, "mode", format!("{mode:o}"))?;
        fsconfig_create(&context)?;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes(access))
    };
    make().during(Step::MakeFileSystem, at.to_string_lossy())
}

/// The processes of the pid namespace that the caller is in; with `hide`, only those that the reader could trace.
pub(crate) fn proc(visible: crate::spec::Processes, at: &Path) -> Result<OwnedFd, SetupError> {
    let make = || -> Result<OwnedFd, Errno> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        if visible == crate::spec::Processes::Readable {
            // 4 and not "ptraceable": the word is known to Linux 5.8 and newer only, the number to those, too.
            fsconfig_set_string(&context, "hidepid", "4")?;
        }
        fsconfig_create(&context)?;
        let flags = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, flags)
    };
    make().during(Step::MakeProc, at.to_string_lossy())
}

/// Pseudoterminals of their own. The caller's user namespace must have a user 0.
pub(crate) fn terminals(at: &Path) -> Result<OwnedFd, SetupError> {
    let make = || -> Result<OwnedFd, Errno> {
        let context = fsopen("devpts", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_flag(&context, "newinstance")?;
        fsconfig_set_string(&context, "ptmxmode", "0666")?;
        fsconfig_set_string(&context, "mode", "620")?;
        fsconfig_create(&context)?;
        let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, flags)
    };
    make().during(Step::MakeTerminals, at.to_string_lossy())
}

/// Where the writes of an overlay go: the upper directory and the kernel's work directory.
pub(crate) type WriteDirs = (OwnedFd, OwnedFd);

/// Several directories as one, upper first.
pub(crate) fn overlay(
    layers: &[OwnedFd],
    writes: Option<&WriteDirs>,
    at: &Path,
) -> Result<OwnedFd, SetupError> {
    // Newer kernels take layers as descriptors, one by one; older ones as the descriptors' names in /proc; the oldest as one string.
    let mut result = Err(Errno::INVAL);
    for how in [AddLayer::Descriptor, AddLayer::Name, AddLayer::Joined] {
        result = overlay_with(how, layers, writes);
        if !matches!(result, Err(Errno::INVAL | Errno::BADF | Errno::NOENT)) {
            break;
        }
    }
    result.during(Step::MakeOverlay, at.to_string_lossy())
}

#[derive(Clone, Copy)]
enum AddLayer {
    Descriptor,
    Name,
    Joined,
}

fn overlay_with(how: AddLayer, layers: &[OwnedFd], writes: Option<&WriteDirs>) -> Result<OwnedFd, Errno> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    match how {
        AddLayer::Descriptor => {
            layers.iter().try_for_each(|layer| fsconfig_set_fd(&context, "lowerdir+", layer))?
        }
        AddLayer::Name => {
            layers
                .iter()
                .try_for_each(|layer| fsconfig_set_string(&context, "lowerdir+", proc_name(layer)))?;
        }
        AddLayer::Joined => {
            let names: Vec<String> = layers.iter().map(proc_name).collect();
            fsconfig_set_string(&context, "lowerdir", names.join(":"))?;
        }
    }
    let mut flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    match writes {
        Some((upper, work)) => {
            fsconfig_set_string(&context, "upperdir", proc_name(upper))?;
            fsconfig_set_string(&context, "workdir", proc_name(work))?;
            // The overlay's own notes in extended attributes that an ordinary user may write.
            fsconfig_set_flag(&context, "userxattr")?;
        }
        None => flags |= MountAttrFlags::MOUNT_ATTR_RDONLY,
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, flags)
}

fn proc_name(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Fills an empty file system with files made for this sandbox.
pub(crate) fn fill(dir: BorrowedFd<'_>, files: &[(std::path::PathBuf, Made)]) -> Result<(), SetupError> {
    for (path, made) in files {
        fill_one(dir, path, made).during(Step::MakeFile, path.to_string_lossy())?;
    }
    Ok(())
}

fn fill_one(dir: BorrowedFd<'_>, path: &Path, made: &Made) -> Result<(), Errno> {
    // The file system is new and nobody else has seen it: there is no link in it but ours.
    let mut above = std::path::PathBuf::new();
    for part in path.parent().into_iter().flat_map(Path::components) {
        above.push(part);
        match rustix::fs::mkdirat(dir, &above, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
    }
    match made {
        Made::File(contents) => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let file = rustix::fs::openat(dir, path, flags, Mode::from_raw_mode(0o644))?;
            write_all(&file, contents)
        }
        Made::Symlink(target) => rustix::fs::symlinkat(target, dir, path),
        // What overlayfs takes for "nothing here": a character device 0:0, which everyone may make.
        Made::Nothing => {
            let kind = rustix::fs::FileType::CharacterDevice;
            rustix::fs::mknodat(dir, path, kind, Mode::empty(), rustix::fs::makedev(0, 0))
        }
    }
}

/// Writes all of a file's contents.
pub(crate) fn write_all(file: &OwnedFd, mut contents: &[u8]) -> Result<(), Errno> {
    while !contents.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(file, contents))?;
        contents = &contents[written..];
    }
    Ok(())
}
