//! What this host and session have, asked once and before anything is decided: the plan is made of these facts alone.
mod etc; // names, time zone and what else an app finds in /etc
mod files; // the places that permissions name, with the links on the way
mod machine; // what conditions ask about
mod sockets; // sockets of the session and the system
mod user; // who the user is, and where their directories are
mod wanted; // what a plan may want to show, if it is there
mod x11; // the X server, and the cookie for it

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aril_model::{Context, Layout};

pub(crate) use etc::EtcFacts;
pub(crate) use files::{Found, Places};
pub(crate) use machine::conditions;
pub(crate) use sockets::Sockets;
pub(crate) use user::{User, UserDirs};
pub(crate) use x11::X11;

use crate::LaunchError;
use crate::spec::Ids;

/// Largest file of the host that is read, in bytes.
const LARGEST: usize = 1 << 20;

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

impl Host {
    /// Asks for what an app with these permissions could get.
    ///
    /// # Errors
    /// When the user has no home or no runtime directory.
    pub(crate) fn ask(context: &Context, layout: Layout) -> Result<Self, LaunchError> {
        let environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let ids = Ids { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
        let user = User::find(ids, &environment)?;
        let runtime_dir = runtime_dir(ids, &environment)?;
        let dirs = UserDirs::find(&user.home, &environment);
        let mut existing = wanted::list(context, layout, &dirs);
        existing.retain(|path| is_there(path));
        Ok(Self {
            ids,
            places: Places::find(context, &user.home, &runtime_dir, &dirs)?,
            sockets: Sockets::find(context, &environment, &runtime_dir),
            etc: EtcFacts::find(context),
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
    runtime_dir(ids, &std::env::vars_os().collect())
}

/// `XDG_RUNTIME_DIR`, else what login makes for the user, if it is there.
fn runtime_dir(ids: Ids, environment: &BTreeMap<OsString, OsString>) -> Result<PathBuf, LaunchError> {
    let named = variable(environment, "XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let usual = PathBuf::from(format!("/run/user/{}", ids.uid));
    named
        .or_else(|| is_own_directory(&usual, ids.uid).then_some(usual))
        .ok_or_else(|| aril_installation::InstallationError::NoRuntimeDir.into())
}

fn is_own_directory(path: &Path, uid: u32) -> bool {
    rustix::fs::stat(path).is_ok_and(|found| {
        rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Directory
            && found.st_uid == uid
    })
}

/// Whether something of the host's is there, links followed.
fn is_there(path: impl rustix::path::Arg) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXISTS).is_ok()
}

/// A file of the host, links followed; nothing if it is not there, not regular or too large.
fn read(path: impl rustix::path::Arg) -> Option<Vec<u8>> {
    use rustix::fs::{FileType, Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&file).ok()?;
    let size = usize::try_from(stat.st_size).ok().filter(|size| *size <= LARGEST)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    // Files of /proc and /sys say that they are empty, and are not.
    let mut bytes = vec![0; size.max(4095) + 1];
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::io::read(&file, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(filled);
    (filled <= size.max(4095)).then_some(bytes)
}

fn read_text(path: impl rustix::path::Arg) -> Option<String> {
    String::from_utf8(read(path)?).ok()
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
