//! The steps in which a sandbox is made, so that a failure says which one failed, why, and what would help.

use std::fmt;

use aril_model::Hint;

/// A step that can fail. The numbers travel from the child to the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    MakeNamespaces,
    MapIds,
    SetHostname,
    StartLoopback,
    Join,
    OpenSource,
    CopyMount,
    SetMountFlags,
    MakeFileSystem,
    MakeOverlay,
    MakeProc,
    MakeTerminals,
    MakeFile,
    MakeListener,
    PlaceMount,
    EnterRoot,
    LimitNamespaces,
    LeaveNamespace,
    LimitResources,
    DropKeyring,
    DropPrivileges,
    Landlock,
    Seccomp,
    ForbidWritableCode,
    Fork,
    OwnSession,
    ChangeDirectory,
    Start,
    Talk,
}

impl Step {
    const ALL: [Self; 29] = [
        Self::MakeNamespaces,
        Self::MapIds,
        Self::SetHostname,
        Self::StartLoopback,
        Self::Join,
        Self::OpenSource,
        Self::CopyMount,
        Self::SetMountFlags,
        Self::MakeFileSystem,
        Self::MakeOverlay,
        Self::MakeProc,
        Self::MakeTerminals,
        Self::MakeFile,
        Self::MakeListener,
        Self::PlaceMount,
        Self::EnterRoot,
        Self::LimitNamespaces,
        Self::LeaveNamespace,
        Self::LimitResources,
        Self::DropKeyring,
        Self::DropPrivileges,
        Self::Landlock,
        Self::Seccomp,
        Self::ForbidWritableCode,
        Self::Fork,
        Self::OwnSession,
        Self::ChangeDirectory,
        Self::Start,
        Self::Talk,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| *step as u8 == number)
    }

    /// What was tried, after "cannot"; `{}` stands for the subject.
    fn phrase(self) -> &'static str {
        match self {
            Self::MakeNamespaces => "make the sandbox's namespaces",
            Self::MapIds => "map the user into the sandbox",
            Self::SetHostname => "set the sandbox's host name",
            Self::StartLoopback => "start the sandbox's loopback network",
            Self::Join => "enter the sandbox",
            Self::OpenSource => "open '{}'",
            Self::CopyMount => "mount '{}'",
            Self::SetMountFlags => "protect the mount of '{}'",
            Self::MakeFileSystem => "make a file system in memory for '{}'",
            Self::MakeOverlay => "lay the layers of '{}' over each other",
            Self::MakeProc => "mount the sandbox's processes at '{}'",
            Self::MakeTerminals => "mount the sandbox's terminals at '{}'",
            Self::MakeFile => "make '{}' in the sandbox",
            Self::MakeListener => "listen on '{}' in the sandbox",
            Self::PlaceMount => "put '{}' in its place",
            Self::EnterRoot => "enter the sandbox's root",
            Self::LimitNamespaces => "forbid further namespaces",
            Self::LeaveNamespace => "enter the app's own user namespace",
            Self::LimitResources => "limit the sandbox's resources",
            Self::DropKeyring => "leave the session's keyring",
            Self::DropPrivileges => "drop all privileges",
            Self::Landlock => "restrict the sandbox by Landlock",
            Self::Seccomp => "filter the sandbox's system calls",
            Self::ForbidWritableCode => "forbid writable memory to become code",
            Self::Fork => "start a process in the sandbox",
            Self::OwnSession => "make a session for the app",
            Self::ChangeDirectory => "change to the directory '{}'",
            Self::Start => "start '{}' in the sandbox",
            Self::Talk => "talk to the sandbox",
        }
    }
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupError {
    pub(crate) step: Step,
    /// The path or name that the step was about; may be empty.
    pub(crate) subject: String,
    /// The kernel's answer.
    pub(crate) errno: i32,
}

impl SetupError {
    pub(crate) fn new(step: Step, subject: impl Into<String>, error: impl Into<std::io::Error>) -> Self {
        let errno = error.into().raw_os_error().unwrap_or(libc::EIO);
        Self { step, subject: subject.into(), errno }
    }

    /// What a shell gives back for this: 127 if the program was not found, 126 if it could not be executed, 125 for no sandbox at all.
    pub(crate) fn exit_code(&self) -> u8 {
        match (self.step, self.errno) {
            (Step::Start, libc::ENOENT) => 127,
            (Step::Start, _) => 126,
            _ => 125,
        }
    }

    /// Whether the kernel, or its administrator, does not let ordinary users make namespaces.
    fn is_refused_namespace(&self) -> bool {
        match self.step {
            Step::MakeNamespaces => {
                matches!(self.errno, libc::EPERM | libc::ENOSPC | libc::EINVAL | libc::EUSERS)
            }
            // AppArmor's restriction lets the namespace be made and then takes the rights in it away.
            Step::MapIds
            | Step::CopyMount
            | Step::MakeFileSystem
            | Step::SetHostname
            | Step::StartLoopback => {
                matches!(self.errno, libc::EPERM | libc::EACCES)
            }
            _ => false,
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phrase = self.step.phrase().replace("{}", &aril_model::printable(&self.subject));
        let reason = match (self.step, self.errno) {
            (_, libc::ELOOP) => "a symbolic link stands where none may be".to_owned(),
            (Step::OpenSource, libc::EXDEV) => "the path leads outside".to_owned(),
            (Step::Start, libc::ENOENT) => "there is no such program in it".to_owned(),
            (Step::Start, libc::EACCES) => "it is not a program that can be started".to_owned(),
            (Step::Start, libc::ENOEXEC) => "it is not a program for this machine".to_owned(),
            (_, errno) => {
                let text = std::io::Error::from_raw_os_error(errno).to_string();
                text.split(" (os error").next().unwrap_or(&text).to_owned()
            }
        };
        write!(f, "cannot {phrase}: {reason}")
    }
}

impl std::error::Error for SetupError {}

impl Hint for SetupError {
    fn hint(&self) -> Option<String> {
        if self.is_refused_namespace() {
            return Some(refusing_setting().unwrap_or_else(|| {
                "the kernel must let ordinary users make user namespaces (Linux 5.12 or newer, CONFIG_USER_NS)".into()
            }));
        }
        let hint = match (self.step, self.errno) {
            (Step::MakeNamespaces, libc::ENOSYS) => "aril needs Linux 5.12 or newer",
            (Step::MakeProc, libc::EPERM) => {
                "parts of this system's /proc are hidden, as in a container: start the container with an unmasked /proc"
            }
            (Step::MakeOverlay, libc::EPERM | libc::ENODEV) => {
                "the kernel must let ordinary users mount overlayfs (Linux 5.11 or newer, CONFIG_OVERLAY_FS)"
            }
            (Step::Seccomp, libc::EINVAL | libc::ENOSYS) => "the kernel needs CONFIG_SECCOMP_FILTER",
            (Step::Landlock, _) => {
                "the kernel needs CONFIG_SECURITY_LANDLOCK and `landlock` in the list lsm="
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// The kernel's setting that forbids user namespaces here, if one does.
fn refusing_setting() -> Option<String> {
    let dir = aril_beneath::Dir::open("/proc/sys").ok()?;
    let value = |path: &str| dir.read_to_string(path, 64).ok()?.trim().parse::<u64>().ok();
    let settings = [
        ("kernel/apparmor_restrict_unprivileged_userns", 1, 0),
        ("kernel/unprivileged_userns_clone", 0, 1),
        ("user/max_user_namespaces", 0, 10000),
    ];
    settings.into_iter().find(|(path, refusing, _)| value(path) == Some(*refusing)).map(
        |(path, _, allowing)| {
            let name = path.replace('/', ".");
            format!(
                "the setting {name} forbids it; an administrator allows it by `sysctl -w {name}={allowing}`"
            )
        },
    )
}

/// Names the step that an error belongs to.
pub(crate) trait During<T> {
    fn during(self, step: Step, subject: impl Into<String>) -> Result<T, SetupError>;
}

impl<T, E: Into<std::io::Error>> During<T> for Result<T, E> {
    fn during(self, step: Step, subject: impl Into<String>) -> Result<T, SetupError> {
        self.map_err(|error| SetupError::new(step, subject, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for step in Step::ALL {
            assert_eq!(Step::from_number(step as u8), Some(step));
        }
        assert_eq!(Step::ALL.len(), Step::Talk as usize + 1);
        assert_eq!(Step::from_number(200), None);
    }

    #[test]
    fn messages() {
        let error = SetupError::new(Step::Start, "no-such", std::io::Error::from_raw_os_error(libc::ENOENT));
        assert_eq!(
            error.to_string(),
            "cannot start 'no-such' in the sandbox: there is no such program in it"
        );
        assert_eq!(error.exit_code(), 127);
        let error = SetupError::new(Step::PlaceMount, "/a", std::io::Error::from_raw_os_error(libc::EROFS));
        assert_eq!(error.to_string(), "cannot put '/a' in its place: Read-only file system");
        assert_eq!(error.exit_code(), 125);
    }
}
