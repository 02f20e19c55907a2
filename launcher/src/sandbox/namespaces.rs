//! Who the sandbox's processes are: the two user namespaces, one inside the other.
//!
//! The outer one owns the mounts, the network and the pids, and its only user is 0: the kernel wants one there for terminals. The app lives
//! in the inner one, under its own user's number, and so owns none of that, whatever it does to its capabilities.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::step::{During, SetupError, Step};
use super::tree;
use crate::spec::{Ids, Namespaces, Nested, Sharing};
use crate::sys;

/// What `clone` is asked for.
pub(crate) fn clone_flags(namespaces: &Namespaces) -> libc::c_int {
    let own = |sharing: Sharing, flag| if sharing == Sharing::Own { flag } else { 0 };
    libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | own(namespaces.network, libc::CLONE_NEWNET)
        | own(namespaces.ipc, libc::CLONE_NEWIPC)
        | own(namespaces.cgroup, libc::CLONE_NEWCGROUP)
        | if namespaces.hostname.is_some() { libc::CLONE_NEWUTS } else { 0 }
}

/// Maps the caller's user to user 0 of the outer namespace.
pub(crate) fn map_outer(outside: Ids) -> Result<(), SetupError> {
    map(Ids { uid: 0, gid: 0 }, outside)
}

/// Maps the caller's user to the same number.
pub(crate) fn map_same(ids: Ids) -> Result<(), SetupError> {
    map(ids, ids)
}

fn map(inside: Ids, outside: Ids) -> Result<(), SetupError> {
    let proc = open_dir("/proc/self").during(Step::MapIds, "")?;
    // Groups cannot be dropped by an ordinary user; the kernel wants this said before it lets one be mapped.
    write(&proc, "setgroups", "deny").during(Step::MapIds, "")?;
    write_maps(&proc, inside, outside).during(Step::MapIds, "")
}

/// Forbids, by the outer namespace's own limit, any user namespace below the app's, and enters the app's.
pub(crate) fn enter_inner(proc: &OwnedFd, ids: Entering, nested: Nested) -> Result<(), SetupError> {
    if nested == Nested::Forbidden {
        // One more: the one that is made next.
        write(proc, "sys/user/max_user_namespaces", "1").during(Step::LimitNamespaces, "")?;
    }
    // Attached nowhere, and gone with this function.
    let ours = tree::detached(proc).during(Step::LeaveNamespace, "")?;
    if ids.outside.uid == 0 {
        // To the machine's user 0 the kernel opens its settings by that number alone, without any capability.
        sys::mount_setattr(proc.as_fd(), 0, libc::MOUNT_ATTR_RDONLY, 0)
            .during(Step::SetMountFlags, "/proc")?;
    }
    sys::unshare(libc::CLONE_NEWUSER).during(Step::LeaveNamespace, "")?;
    let own = open_beneath(&ours, "1").during(Step::LeaveNamespace, "")?;
    write_maps(&own, ids.inside, Ids { uid: 0, gid: 0 }).during(Step::LeaveNamespace, "")
}

/// Whose sandbox it is, and who the app is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entering {
    /// The caller.
    pub(crate) outside: Ids,
    /// The app.
    pub(crate) inside: Ids,
}

fn write_maps(proc: &OwnedFd, inside: Ids, outside: Ids) -> Result<(), Errno> {
    write(proc, "uid_map", &format!("{} {} 1", inside.uid, outside.uid))?;
    write(proc, "gid_map", &format!("{} {} 1", inside.gid, outside.gid))
}

fn open_dir(path: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(
        rustix::fs::CWD,
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

fn open_beneath(dir: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// One write, as these files want it.
fn write(dir: &OwnedFd, name: &str, text: &str) -> Result<(), Errno> {
    let file = rustix::fs::openat(dir, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let written = rustix::io::write(&file, text.as_bytes())?;
    if written == text.len() { Ok(()) } else { Err(Errno::IO) }
}
