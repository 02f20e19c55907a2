//! What a sandbox is to be, as data: decided by `plan`, obeyed by `sandbox`, printable. No system calls, no environment.
mod export; // the specification as JSON
mod print; // the specification for a person

pub(crate) use export::to_json;
pub(crate) use print::describe;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A whole sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SandboxSpec {
    /// Which namespaces are made besides user, mount and pid, which always are.
    pub(crate) namespaces: Namespaces,
    /// Who the program is inside.
    pub(crate) ids: Ids,
    /// What stands where, in the order in which it is put there.
    pub(crate) mounts: Vec<Mount>,
    /// What is started.
    pub(crate) command: Command,
    /// The whole environment of the program.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// What the program may do beyond what its files and sockets allow.
    pub(crate) wall: Wall,
    /// Whose session and controlling terminal the program has.
    pub(crate) session: Session,
    /// Limits of the program and its children: resource and value.
    pub(crate) limits: Vec<(Limit, u64)>,
}

impl SandboxSpec {
    /// Whether a file of the host is at the same path inside.
    pub(crate) fn shows_at_its_own_path(&self, path: &Path) -> bool {
        let around = self.mounts.iter().rev().filter(|mount| path.starts_with(&mount.at));
        let innermost = around.max_by_key(|mount| mount.at.components().count());
        innermost.is_some_and(|mount| match &mount.what {
            What::Bind { source: Source::Host(from), .. } => *from == mount.at,
            What::Bind { source: Source::Beneath { base, path, .. }, .. } => base.join(path) == mount.at,
            _ => false,
        })
    }
}

/// Namespaces that a sandbox may share with the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespaces {
    /// The network.
    pub(crate) network: Sharing,
    /// System V IPC and POSIX message queues.
    pub(crate) ipc: Sharing,
    /// The control groups that are visible.
    pub(crate) cgroup: Sharing,
    /// A host name of its own.
    pub(crate) hostname: Option<String>,
    /// A running sandbox whose user and pid namespaces are joined: the pid, as the launcher sees it, of a process in it.
    pub(crate) parent: Option<i32>,
}

/// Whether something is the host's or the sandbox's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// The host's.
    Host,
    /// The sandbox's own.
    Own,
}

/// User and group inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    /// User.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
}

/// Something that stands at a path of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The absolute path inside.
    pub(crate) at: PathBuf,
    /// What stands there.
    pub(crate) what: What,
}

/// What can stand at a path. Directories above it that are missing are made, mode 0755, where the sandbox's own file system is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A directory.
    Directory {
        /// Permission bits.
        mode: u32,
    },
    /// A regular file that nobody inside can change.
    File {
        /// Its contents.
        contents: Vec<u8>,
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Its target, as written.
        target: PathBuf,
    },
    /// A file or directory of the host, with all that is mounted below it.
    Bind {
        /// Which one.
        source: Source,
        /// What may be done there.
        access: Access,
        /// Whether the start fails when it is missing.
        missing: Missing,
    },
    /// Several trees as one.
    Overlay {
        /// The trees, upper first; with only one of them and no writes it is mounted by itself.
        layers: Vec<Layer>,
        /// Where writes go; without it nothing can be written.
        writes: Option<Writes>,
    },
    /// An empty file system in memory.
    Tmpfs {
        /// Permission bits of its root.
        mode: u32,
        /// Whether programs can be started from it.
        access: Access,
    },
    /// The processes of the sandbox.
    Proc {
        /// Which of them are visible.
        visible: Processes,
    },
    /// Pseudoterminals of the sandbox's own.
    Terminals,
    /// What is here is hidden: a directory is empty, a file reads as empty. Nothing happens when nothing is there.
    Hidden,
    /// A directory of the host is made if it is missing; it is seen by what it lies in.
    Made {
        /// Which one; one that is made.
        source: Source,
    },
    /// A socket on which the supervisor listens.
    Listener {
        /// For which bus.
        bus: Bus,
    },
}

/// A bus that the supervisor filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bus {
    /// The user's session.
    Session,
    /// The system.
    System,
    /// Accessibility.
    Accessibility,
}

/// Something on the host that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A path that the user, the administrator or the system chose. Symbolic links are followed.
    Host(PathBuf),
    /// A path beneath a directory of that kind, which an app, a package or a remote could have chosen: no link is followed in it.
    Beneath {
        /// The directory.
        base: PathBuf,
        /// The path in it.
        path: PathBuf,
        /// With which permission bits it is made, if it is missing; its own parents are, too.
        create: Option<u32>,
    },
}

/// What may be done with a mounted file or directory. Set-id bits never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read; start programs.
    Read,
    /// Also change.
    Write,
    /// Read and change, and device nodes are devices.
    Device,
}

/// Whether the start fails when something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It fails.
    Fail,
    /// It goes on without.
    Skip,
}

/// One tree of an overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layer {
    /// A directory of the host.
    Tree(Source),
    /// Files that are made for this sandbox: relative path and what stands there.
    Made(Vec<(PathBuf, Made)>),
}

/// A file that is made for one sandbox, in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// A regular file.
    File(Vec<u8>),
    /// A symbolic link.
    Symlink(PathBuf),
    /// Nothing, whatever the layers below have there.
    Nothing,
}

/// Where the writes of an overlay go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Writes {
    /// What was written.
    pub(crate) upper: Source,
    /// An empty directory of the same file system, for the kernel.
    pub(crate) work: Source,
}

/// Which processes `/proc` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processes {
    /// All of the sandbox.
    All,
    /// Only those whose memory the reader could look at: not our own pid 1.
    Readable,
}

/// What is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// A path, or a name that is looked up in the sandbox's `PATH`.
    pub(crate) program: OsString,
    /// What it is called with, without its own name.
    pub(crate) arguments: Vec<OsString>,
    /// Where it starts: the first of these that is a directory inside.
    pub(crate) directories: Vec<PathBuf>,
}

/// The wall behind the wall: what the kernel refuses although a file or a namespace would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wall {
    /// Capabilities over the sandbox's own namespace.
    pub(crate) capabilities: Capabilities,
    /// System calls.
    pub(crate) calls: Calls,
    /// Files, ports, signals and sockets.
    pub(crate) landlock: Landlock,
    /// Whether the program may make namespaces of its own.
    pub(crate) nested: Nested,
    /// Whether memory that was writable may become executable.
    pub(crate) code: Code,
}

/// Capabilities of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capabilities {
    /// None.
    None,
    /// Those over files that a package's scripts use.
    Packaging,
}

/// Which system calls work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calls {
    /// What is allowed beyond the usual.
    pub(crate) features: Vec<CallFeature>,
    /// Whether changes of owner, device nodes and set-id bits are handed over to the parent, which says that they worked.
    pub(crate) pretend: Pretend,
}

/// A group of system calls that is not open to every app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallFeature {
    /// Debuggers: `ptrace`, `perf_event_open`, any `personality`.
    Devel,
    /// Programs of the machine's 32-bit architecture.
    Multiarch,
    /// Bluetooth sockets.
    Bluetooth,
    /// CAN bus sockets.
    Canbus,
    /// User namespaces and mounts in them, for browsers' own sandboxes.
    Nested,
    /// What stock Flatpak lets its apps call beyond what ours can.
    Lenient,
}

/// Whether calls that only root can do are said to have worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pretend {
    /// No: they fail as for everyone.
    No,
    /// Yes, and each is reported.
    Yes,
}

/// Landlock's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Landlock {
    /// Whether files are ruled: what can be written is what was mounted to be written.
    pub(crate) files: Ruled,
    /// What stays inside.
    pub(crate) scopes: Scopes,
    /// Ports to which TCP connections may be made; `None` for all.
    pub(crate) connect: Option<Vec<u16>>,
    /// Ports on which TCP connections may be awaited; `None` for all.
    pub(crate) bind: Option<Vec<u16>>,
    /// What happens where the kernel cannot.
    pub(crate) without: Without,
}

/// Whether Landlock rules something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruled {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// What of a sandbox's does not reach others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scopes {
    /// Signals.
    Signals,
    /// Signals, and connections to abstract sockets.
    SignalsAndSockets,
}

/// What happens where the kernel has no Landlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Without {
    /// Nothing is started.
    Refuse,
    /// The start goes on, and says so when asked.
    Tell,
}

/// Whether the program may make namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nested {
    /// It may not: neither by `unshare` nor by any other call.
    Forbidden,
    /// It may make user namespaces, and others in them.
    Allowed,
}

/// Whether written memory may become code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// It may: just-in-time compilers need it.
    Writable,
    /// It may not.
    Fixed,
}

/// Whose session the program is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// Its own, without a terminal.
    Own,
    /// The caller's: the program uses the caller's terminal, and Ctrl-C reaches it.
    Callers,
}

/// A resource that is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// Bytes of a core dump.
    Core,
    /// Processes of the user in the sandbox.
    Processes,
    /// Bytes of memory a process may map.
    Memory,
    /// Open files of a process.
    Files,
}
