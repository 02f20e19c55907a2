//! The second wall: what the mounts say once more, as Landlock's rules, and what no mount can say: signals, abstract sockets, ports.
//!
//! Should a mount be writable by mistake, or be made so by a hole in the kernel, writing there still fails. Reading is not ruled: what is
//! not to be read is not mounted.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::fs::{Mode, OFlags};

use crate::spec::{Access, Landlock, Mount, Ruled, Scopes, Source, What};

/// The newest version of Landlock whose rights are asked for: those tested here.
const TESTED: ABI = ABI::V8;

/// What the kernel enforces of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enforced {
    /// All.
    Fully,
    /// A part: the kernel is older than what we ask for.
    Partly,
    /// Nothing: the kernel has no Landlock.
    Nothing,
}

/// Restricts this process and its children. The root must have been entered.
pub(crate) fn restrict(rules: &Landlock, mounts: &[Mount]) -> std::io::Result<Enforced> {
    let status = restrict_with(rules, mounts).map_err(std::io::Error::other)?;
    Ok(match status {
        RulesetStatus::FullyEnforced => Enforced::Fully,
        RulesetStatus::PartiallyEnforced => Enforced::Partly,
        RulesetStatus::NotEnforced => Enforced::Nothing,
    })
}

type Outcome<T> = Result<T, landlock::RulesetError>;

fn restrict_with(rules: &Landlock, mounts: &[Mount]) -> Outcome<RulesetStatus> {
    let mut ruleset = Ruleset::default();
    if rules.files == Ruled::Yes {
        ruleset = ruleset.handle_access(changes())?;
    }
    ruleset = ruleset.scope(match rules.scopes {
        Scopes::Signals => Scope::Signal.into(),
        Scopes::SignalsAndSockets => Scope::Signal | Scope::AbstractUnixSocket,
    })?;
    for (ports, access) in [(&rules.connect, AccessNet::ConnectTcp), (&rules.bind, AccessNet::BindTcp)] {
        if ports.is_some() {
            ruleset = ruleset.handle_access(access)?;
        }
    }
    let mut created = ruleset.create()?;
    if rules.files == Ruled::Yes {
        for (path, access) in writable_places(mounts) {
            created = allow_beneath(created, &path, access)?;
        }
    }
    for (ports, access) in [(&rules.connect, AccessNet::ConnectTcp), (&rules.bind, AccessNet::BindTcp)] {
        for port in ports.iter().flatten() {
            created = created.add_rule(NetPort::new(*port, access))?;
        }
    }
    // It was set before, together with the capabilities.
    Ok(created.no_new_privs(false).restrict_self()?.ruleset)
}

/// What a kernel with this version of Landlock does not enforce of what is asked for, in words.
pub(crate) fn missing(version: u32, rules: &Landlock) -> Vec<String> {
    let all = [
        (1, "5.13", rules.files == Ruled::Yes, "changes of files are held back by the mounts alone"),
        (
            3,
            "6.2",
            rules.files == Ruled::Yes,
            "a file that may be opened for reading only could be cut short, were its mount writable",
        ),
        (6, "6.12", true, "signals are held back by the pid namespace alone"),
        (
            6,
            "6.12",
            rules.scopes == Scopes::SignalsAndSockets,
            "with a shared network, the host's abstract sockets are within reach",
        ),
    ];
    let behind = all.into_iter().filter(|(since, _, is_asked, _)| *is_asked && version < *since);
    behind.map(|(_, linux, _, what)| format!("Landlock before Linux {linux}: {what}")).collect()
}

/// All that changes something. A socket is found by its mount; that is no change.
fn changes() -> BitFlags<AccessFs> {
    AccessFs::from_write(TESTED)
}

fn allow_beneath(
    created: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Outcome<RulesetCreated> {
    let Ok(place) = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) else {
        // It was to be there only if the host has it.
        return Ok(created);
    };
    let is_directory = rustix::fs::fstat(&place).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory
    });
    let access = if is_directory { access } else { access & AccessFs::from_file(TESTED) };
    created.add_rule(PathBeneath::new(place, access))
}

/// Where something can be changed, and what; a place inside another that says the same is left out.
pub(crate) fn writable_places(mounts: &[Mount]) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    let devices = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let mut places: Vec<(PathBuf, BitFlags<AccessFs>)> = Vec::new();
    let mut add = |path: &Path, access: BitFlags<AccessFs>| {
        let covered = places.iter().any(|(outer, rights)| path.starts_with(outer) && rights.contains(access));
        if !covered {
            places.push((path.to_owned(), access));
        }
    };
    for Mount { at, what } in mounts {
        match what {
            // One rule for all devices, terminals and what else lies there.
            _ if at.starts_with("/dev") => {
                if !matches!(what, What::Symlink { .. } | What::File { .. }) {
                    add(Path::new("/dev"), devices);
                }
                if matches!(what, What::Tmpfs { .. }) || is_written(what) {
                    add(at, changes());
                }
            }
            // A process's own settings, such as its name.
            What::Proc { .. } => add(at, AccessFs::WriteFile | AccessFs::Truncate),
            _ if is_written(what) => add(at, changes()),
            _ => {}
        }
    }
    places
}

fn is_written(what: &What) -> bool {
    match what {
        What::Bind { access, source, .. } => {
            *access == Access::Write
                || *access == Access::Device
                    && !matches!(source, Source::Host(path) if path.starts_with("/dev"))
        }
        What::Tmpfs { access, .. } => *access != Access::Read,
        What::Overlay { writes, .. } => writes.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Missing, Processes};

    #[test]
    fn only_what_is_mounted_to_be_written_can_be_written() {
        let bind = |at: &str, access| Mount {
            at: at.into(),
            what: What::Bind { source: Source::Host(at.into()), access, missing: Missing::Fail },
        };
        let mounts = [
            bind("/usr", Access::Read),
            bind("/home/u", Access::Write),
            bind("/home/u/inner", Access::Write),
            bind("/dev/null", Access::Device),
            Mount { at: "/proc".into(), what: What::Proc { visible: Processes::All } },
            Mount { at: "/dev/shm".into(), what: What::Tmpfs { mode: 0o1777, access: Access::Write } },
        ];
        let places: Vec<String> =
            writable_places(&mounts).iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(places, ["/home/u", "/dev", "/proc", "/dev/shm"]);
    }

    #[test]
    fn what_older_kernels_do_not_enforce_is_told() {
        let rules = |scopes| Landlock {
            files: Ruled::Yes,
            scopes,
            connect: None,
            bind: None,
            without: crate::spec::Without::Tell,
        };
        let count = |version| missing(version, &rules(Scopes::SignalsAndSockets)).len();
        assert_eq!([0, 1, 2, 3, 5, 6, 8].map(count), [4, 3, 3, 2, 2, 0, 0]);
        assert_eq!(
            missing(5, &rules(Scopes::Signals)),
            ["Landlock before Linux 6.12: signals are held back by the pid namespace alone"]
        );
    }
}
