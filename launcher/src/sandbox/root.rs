//! Builds the sandbox's file system and enters it.
//!
//! All that is mounted is opened and copied first, while the host is visible. Then the new, empty root is entered and the host's let go;
//! only after that the copies are put in their places. So when a place is looked up, there is no host that a link could lead to.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount, unmount};

use super::place::Root;
use super::step::{During, SetupError, Step};
use super::{source, tree};
use crate::spec::{Access, Layer, Missing, Mount, Source, What, Writes};
use crate::sys;

/// The sandbox's root, entered.
pub(crate) struct Entered {
    /// The sandbox's `/proc`, for what is still to be set there.
    pub(crate) proc: Option<OwnedFd>,
    /// Listening sockets, in the order of the specification.
    pub(crate) listeners: Vec<OwnedFd>,
    /// File systems of ours that only hold other mounts, and are closed when all is in place.
    scaffolds: Vec<OwnedFd>,
}

/// Builds and enters the root. On return nothing of the host is reachable by a path but what `mounts` say.
pub(crate) fn build(mounts: &[Mount]) -> Result<Entered, SetupError> {
    let mut root = start()?;
    let prepared = prepare(mounts, &mut root)?;
    enter(&root)?;
    let mut entered = Entered { proc: None, listeners: Vec::new(), scaffolds: Vec::new() };
    for (mount, tree) in mounts.iter().zip(prepared) {
        place(&mut root, mount, tree, &mut entered)?;
    }
    seal(root.fd())?;
    entered.scaffolds.drain(..).try_for_each(|scaffold| seal(&scaffold))?;
    Ok(entered)
}

/// An empty root, attached over the host's, where nobody but the holder of its descriptor sees it.
fn start() -> Result<Root, SetupError> {
    let fd = tree::tmpfs(0o755, Access::Write, Path::new("/"))?;
    attach(&fd, &host_root()?, "/")?;
    Root::new(fd).during(Step::MakeFileSystem, "/")
}

fn host_root() -> Result<OwnedFd, SetupError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(rustix::fs::CWD, "/", flags, Mode::empty()).during(Step::OpenSource, "/")
}

/// The trees of all mounts, copied or made, and attached nowhere yet; `None` for what needs none.
fn prepare(mounts: &[Mount], root: &mut Root) -> Result<Vec<Option<OwnedFd>>, SetupError> {
    let mut prepared = Vec::with_capacity(mounts.len());
    for mount in mounts {
        let at = &mount.at;
        prepared.push(match &mount.what {
            What::Bind { source, access, missing } => copy(source, *access, *missing, at)?,
            What::Overlay { layers, writes } => Some(lay_over(layers, writes.as_ref(), at, root)?),
            // One that only holds other mounts is closed at the end.
            What::Tmpfs { mode, access: Access::Read } => Some(tree::tmpfs(*mode, Access::Write, at)?),
            What::Tmpfs { mode, access } => Some(tree::tmpfs(*mode, *access, at)?),
            What::Proc { visible } => Some(tree::proc(*visible, at)?),
            What::Terminals => Some(tree::terminals(at)?),
            What::Made { source } => {
                drop(source::open(source)?);
                None
            }
            // Made, or covered, once the place is there.
            What::Directory { .. }
            | What::File { .. }
            | What::Symlink { .. }
            | What::Listener { .. }
            | What::Hidden => None,
        });
    }
    Ok(prepared)
}

fn copy(from: &Source, access: Access, missing: Missing, at: &Path) -> Result<Option<OwnedFd>, SetupError> {
    match source::open(from) {
        Ok(opened) => tree::copy(&opened, access, at).map(Some),
        Err(error) if missing == Missing::Skip && matches!(error.errno, libc::ENOENT | libc::ENOTDIR) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn lay_over(
    layers: &[Layer],
    writes: Option<&Writes>,
    at: &Path,
    root: &mut Root,
) -> Result<OwnedFd, SetupError> {
    // An overlay of one tree that cannot be written is refused by the kernel, and would be no use.
    match (layers, writes) {
        ([Layer::Tree(single)], None) => return tree::copy(&source::open(single)?, Access::Read, at),
        ([Layer::Made(files)], None) => {
            let made = tree::tmpfs(0o755, Access::Write, at)?;
            tree::fill(made.as_fd(), files)?;
            seal(&made)?;
            return Ok(made);
        }
        _ => {}
    }
    let mut opened = Vec::with_capacity(layers.len());
    for layer in layers {
        opened.push(match layer {
            Layer::Tree(tree) => source::open_layer(tree)?,
            Layer::Made(files) => make_layer(files, at, root)?,
        });
    }
    let writes = match writes {
        Some(Writes { upper, work }) => Some((source::open_layer(upper)?, source::open_layer(work)?)),
        None => None,
    };
    tree::overlay(&opened, writes.as_ref(), at)
}

/// A layer of files that are made for this sandbox. Older kernels take only attached trees as layers: it is attached where the overlay
/// will be, which covers it.
fn make_layer(
    files: &[(std::path::PathBuf, crate::spec::Made)],
    at: &Path,
    root: &mut Root,
) -> Result<OwnedFd, SetupError> {
    // It could be written, but nobody can reach it: the overlay takes it as a lower layer and covers it.
    let layer = tree::tmpfs(0o755, Access::Write, at)?;
    tree::fill(layer.as_fd(), files)?;
    let place = root.directory(at, 0o755).during(Step::MakeFile, at.to_string_lossy())?;
    attach(&layer, &place, &at.to_string_lossy())?;
    root.forget_beneath(at);
    Ok(layer)
}

/// Makes the new root the root, and lets the old one go with all that is mounted in it.
fn enter(root: &Root) -> Result<(), SetupError> {
    let old = host_root()?;
    let step = |result: Result<(), rustix::io::Errno>| result.during(Step::EnterRoot, "/");
    step(rustix::process::fchdir(root.fd()))?;
    // Both names are the new root: the old one is then mounted over it, out of everybody's way, until it is let go.
    step(rustix::process::pivot_root(".", "."))?;
    step(rustix::process::fchdir(&old))?;
    step(unmount(".", UnmountFlags::DETACH))?;
    step(rustix::process::chdir("/"))?;
    drop(old);
    // From here on the host is out of reach. The working directory must be inside, or it would be a way out.
    let here = rustix::process::getcwd(Vec::new()).during(Step::EnterRoot, "/")?;
    if here.as_bytes() == b"/" { Ok(()) } else { step(Err(rustix::io::Errno::NOTDIR)) }
}

fn place(
    root: &mut Root,
    mount: &Mount,
    tree: Option<OwnedFd>,
    entered: &mut Entered,
) -> Result<(), SetupError> {
    let at = &mount.at;
    let name = at.to_string_lossy();
    match &mount.what {
        What::Directory { mode } => drop(root.directory(at, *mode).during(Step::MakeFile, &*name)?),
        What::File { contents, mode } => {
            let file = root.create_file(at, *mode).during(Step::MakeFile, &*name)?;
            tree::write_all(&file, contents).during(Step::MakeFile, &*name)?;
        }
        What::Symlink { target } => root.create_symlink(at, target).during(Step::MakeFile, &*name)?,
        What::Hidden => hide(root, at)?,
        What::Listener { .. } => entered.listeners.push(listen(root, at).during(Step::MakeListener, &*name)?),
        What::Tmpfs { access, .. } => {
            let Some(tree) = tree else { return Ok(()) };
            put(root, &tree, at)?;
            root.adopt(tree.as_fd()).during(Step::PlaceMount, &*name)?;
            if *access == Access::Read {
                entered.scaffolds.push(tree);
            }
        }
        What::Made { .. } => {}
        What::Bind { .. } | What::Overlay { .. } | What::Proc { .. } | What::Terminals => {
            let Some(tree) = tree else { return Ok(()) };
            put(root, &tree, at)?;
            if is_apps_own(&mount.what) {
                root.adopt(tree.as_fd()).during(Step::PlaceMount, &*name)?;
            }
            if matches!(mount.what, What::Proc { .. }) {
                entered.proc = Some(tree);
            }
        }
    }
    Ok(())
}

/// Whether it is a directory that we make for the app among the user's, where places for further mounts may be made.
fn is_apps_own(what: &What) -> bool {
    matches!(what, What::Bind { source: Source::Beneath { create: Some(_), .. }, access: Access::Write, .. })
}

/// Attaches a tree at its place, which is made if it is missing.
fn put(root: &mut Root, tree: &OwnedFd, at: &Path) -> Result<(), SetupError> {
    let name = at.to_string_lossy();
    let stat = rustix::fs::fstat(tree).during(Step::PlaceMount, &*name)?;
    let is_directory = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory;
    let place = if is_directory { root.directory(at, 0o755) } else { root.mount_point_for_file(at) };
    attach(tree, &place.during(Step::PlaceMount, &*name)?, &name)?;
    root.forget_beneath(at);
    Ok(())
}

fn attach(tree: &OwnedFd, place: &OwnedFd, name: &str) -> Result<(), SetupError> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", place, "", flags).during(Step::PlaceMount, name)
}

/// Covers what is at a path: a directory by an empty one, a file by the null device.
fn hide(root: &Root, at: &Path) -> Result<(), SetupError> {
    let name = at.to_string_lossy();
    let Ok(place) = root.find(at) else { return Ok(()) };
    let stat = rustix::fs::fstat(&place).during(Step::PlaceMount, &*name)?;
    let cover = if rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory {
        tree::tmpfs(0o555, Access::Read, at)?
    } else {
        let null = root.find(Path::new("/dev/null")).during(Step::PlaceMount, "/dev/null")?;
        tree::copy(&null, Access::Device, at)?
    };
    attach(&cover, &place, &name)
}

fn listen(root: &mut Root, at: &Path) -> Result<OwnedFd, rustix::io::Errno> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    // The host is gone and the path is ours, so the address can be the path itself.
    root.parent(at)?;
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(at)?)?;
    rustix::net::listen(&socket, 128)?;
    Ok(socket)
}

/// The scaffold that holds the mounts together is not to be written by the app.
fn seal(scaffold: &OwnedFd) -> Result<(), SetupError> {
    sys::mount_setattr(scaffold.as_fd(), 0, libc::MOUNT_ATTR_RDONLY, 0).during(Step::SetMountFlags, "/")
}
