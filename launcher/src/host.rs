//! What this host and session have, asked once and before anything is decided: the plan is made of these facts alone.
mod etc; // names, time zone and what else an app finds in /etc
mod files; // the places that permissions name, with the links on the way
mod machine; // what conditions ask about
mod sockets; // sockets of the session and the system
mod user; // who the user is, and where their directories are
mod x11; // the X server, and the cookie for it

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind};
use aril_model::Context;

pub(crate) use etc::EtcFacts;
pub(crate) use files::{Found, Places};
pub(crate) use machine::conditions;
pub(crate) use sockets::Sockets;
pub(crate) use user::{User, UserDirs};
pub(crate) use x11::X11;

use crate::LaunchError;
use crate::spec::Ids;

/// Largest file of the host that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Facts about host and session.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// The caller.
    pub(crate) ids: Ids,
    /// The caller's name, home and shell.
    pub(crate) user: User,
    /// The caller's variables.
    pub(crate) environment: BTreeMap<OsString, OsString>,
    /// Where the session's sockets and our notes about running apps are.
    pub(crate) runtime_dir: PathBuf,
    /// The user's own directories.
    pub(crate) dirs: UserDirs,
    /// The places that the permissions name.
    pub(crate) places: Places,
    /// Sockets.
    pub(crate) sockets: Sockets,
    /// What an app finds in `/etc`.
    pub(crate) etc: EtcFacts,
    /// Which of the directories and devices that a sandbox may show are there.
    pub(crate) existing: Vec<PathBuf>,
    /// Whether the caller has a terminal.
    pub(crate) terminal: Terminal,
    /// Where the caller is.
    pub(crate) directory: Option<PathBuf>,
}

/// Whether one of the three standard descriptors is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// One is.
    There,
    /// None is: started by a menu, a portal, a script.
    None,
}

/// Directories and devices of the host that a plan may want, if they are there.
#[rustfmt::skip]
const WANTED: &[&str] = &[
    "/usr/share/fonts", "/usr/local/share/fonts", "/var/cache/fontconfig", "/usr/lib/fontconfig/cache", "/usr/share/icons",
    "/usr/share/zoneinfo", "/sys/block", "/sys/bus", "/sys/class", "/sys/dev", "/sys/devices", "/run/media", "/dev/dri", "/dev/udmabuf",
    "/dev/mali", "/dev/mali0", "/dev/umplock", "/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
    "/dev/kfd", "/dev/kvm", "/dev/input", "/dev/bus/usb", "/dev/snd", "/dev/ntsync", "/dev/shm", "/etc/os-release", "/usr/lib/os-release",
    "/etc/ld.so.cache", "/etc/alternatives", "/run/systemd/journal/socket", "/run/systemd/journal/stdout",
];

impl Host {
    /// Asks for what an app with these permissions could get.
    ///
    /// # Errors
    /// When the user has no home or no runtime directory.
    pub(crate) fn ask(context: &Context) -> Result<Self, LaunchError> {
        let environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let root = Dir::open("/")?;
        let ids = Ids { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
        let user = User::find(ids, &environment, &root)?;
        let runtime_dir = runtime_dir(ids, &environment, &root)?;
        let dirs = UserDirs::find(&user.home, &environment, &root);
        let mut existing: Vec<PathBuf> = WANTED.iter().map(PathBuf::from).collect();
        existing.extend(dirs.shown());
        existing.extend(
            (0..20)
                .map(|number| PathBuf::from(format!("/dev/nvidia{number}")))
                .filter(|_| root.exists("dev/nvidiactl").unwrap_or(false)),
        );
        existing.retain(|path| is_there(&root, path));
        Ok(Self {
            ids,
            places: Places::find(context, &user.home, &runtime_dir, &dirs, &root),
            sockets: Sockets::find(context, &environment, &runtime_dir, &root),
            etc: EtcFacts::find(&root),
            existing,
            terminal: terminal(),
            directory: std::env::current_dir().ok(),
            user,
            environment,
            runtime_dir,
            dirs,
        })
    }

    /// The absolute path that a place stands for, if it is one path and the user has it.
    pub(crate) fn path_of(&self, place: &aril_model::Place) -> Option<PathBuf> {
        files::place_path(place, &self.user.home, &self.runtime_dir, &self.dirs)
    }

    /// Whether something that a plan may want is there.
    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.existing.iter().any(|known| known == path.as_ref())
    }
}

fn variable<'a>(environment: &'a BTreeMap<OsString, OsString>, name: &str) -> Option<&'a str> {
    environment.get(std::ffi::OsStr::new(name))?.to_str().filter(|value| !value.is_empty())
}

/// Where our notes about running apps are.
///
/// # Errors
/// When nobody says where that is.
pub(crate) fn own_runtime_dir() -> Result<PathBuf, LaunchError> {
    let ids = Ids { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
    runtime_dir(ids, &std::env::vars_os().collect(), &Dir::open("/")?)
}

/// `XDG_RUNTIME_DIR`, else what login makes for the user, if it is there.
fn runtime_dir(
    ids: Ids,
    environment: &BTreeMap<OsString, OsString>,
    root: &Dir,
) -> Result<PathBuf, LaunchError> {
    let named = variable(environment, "XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let usual = PathBuf::from(format!("/run/user/{}", ids.uid));
    named
        .or_else(|| is_own_directory(root, &usual, ids.uid).then_some(usual))
        .ok_or_else(|| aril_installation::InstallationError::NoRuntimeDir.into())
}

fn is_own_directory(root: &Dir, path: &Path, uid: u32) -> bool {
    root.stat_in_root(path).is_ok_and(|found| found.kind == EntryKind::Dir && found.uid == uid)
}

fn is_there(root: &Dir, path: &Path) -> bool {
    root.stat_in_root(path).is_ok()
}

/// A file of the host, links followed; nothing if it is not there, not regular or too large.
fn read(root: &Dir, path: impl AsRef<Path>) -> Option<Vec<u8>> {
    use std::io::Read;
    let file = root.open_file_in_root(path).ok()?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

fn read_text(root: &Dir, path: impl AsRef<Path>) -> Option<String> {
    String::from_utf8(read(root, path)?).ok()
}

fn terminal() -> Terminal {
    let is_terminal = |result: bool| if result { Terminal::There } else { Terminal::None };
    is_terminal(
        rustix::termios::isatty(rustix::stdio::stdin())
            || rustix::termios::isatty(rustix::stdio::stdout())
            || rustix::termios::isatty(rustix::stdio::stderr()),
    )
}

/// Whether a path has no `..` and is absolute, as what comes from a variable must be before it is used.
fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && !path.components().any(|part| part == std::path::Component::ParentDir)
        && !path.as_os_str().as_bytes().iter().any(u8::is_ascii_control)
}
