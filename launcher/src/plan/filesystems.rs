//! Places of the host's file system that the permissions name.
//!
//! A place is shown at its own path. Where a link stands on the way, the link is shown and what it leads to is at that path; but a link in a
//! place that the app can write is the app's own word, and is not followed for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aril_model::{Access as Granted, Place, UserDirectory};

use super::{Draft, Facts, system};
use crate::host::Found;
use crate::spec::{Access, Missing, Mount, Source, What};

/// Directories at the top that are the sandbox's own, or the system's.
#[rustfmt::skip]
const NOT_THE_HOSTS: [&str; 18] = [
    "app", "bin", "boot", "dev", "efi", "etc", "lib", "lib32", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var", "opt",
];

/// Places that no permission reaches, nor anything that holds them.
const RESERVED: [&str; 13] = [
    "/.flatpak-info",
    "/app",
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run/flatpak",
    "/run/host",
    "/sbin",
    "/usr",
];

/// What is shown, by its path without links: parents come before what lies in them.
type Shown = BTreeMap<PathBuf, What>;

pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    let mut wanted = wanted_paths(facts);
    let mut shown = Shown::new();
    if let Some(found) = facts.host.places.get(&facts.host.user.home) {
        let links = found.links.iter().cloned();
        shown.extend(links.map(|(at, target)| (at, What::Symlink { target })));
    }
    if !shows_home(facts) {
        shown.extend(super::data::own_home(facts));
    }
    // Outer places first, so that it is known what of an inner one's way the app can change.
    wanted.sort();
    for (path, granted) in wanted {
        show(facts, &path, granted, &mut shown, draft);
    }
    draft.mounts.extend(shown.into_iter().map(|(at, what)| Mount { at, what }));
    add_host_os(facts, draft);
    if shows_home(facts) {
        for name in ["flatpak", "aril"] {
            let path = facts.host.dirs.data.join(name);
            if facts.host.has(&path) {
                draft.mounts.push(Mount { at: path, what: What::Hidden });
            }
        }
    }
}

fn granted(facts: &Facts<'_>, place: &Place) -> Option<Granted> {
    facts.context.filesystems.get(place).copied()
}

/// The most that is granted of the home directory as a whole.
fn home_access(facts: &Facts<'_>) -> Granted {
    let home = granted(facts, &Place::Home(String::new()));
    let host = granted(facts, &Place::Host);
    match (home, host) {
        // A denied home stays hidden in a host that is shown.
        (Some(home), _) => home,
        (None, Some(host)) => host,
        (None, None) => Granted::Denied,
    }
}

/// Whether the app sees the user's home directory.
pub(crate) fn shows_home(facts: &Facts<'_>) -> bool {
    home_access(facts) != Granted::Denied
}

/// The home directory's path inside, where the app's own directories lie.
pub(crate) fn inner_home(facts: &Facts<'_>) -> PathBuf {
    let home = &facts.host.user.home;
    facts.host.places.get(home).map_or_else(|| home.clone(), |found| found.real.join(&found.missing))
}

/// All that the permissions name, as paths of the host.
fn wanted_paths(facts: &Facts<'_>) -> Vec<(PathBuf, Granted)> {
    let host = facts.host;
    let mut wanted: BTreeMap<PathBuf, Granted> = BTreeMap::new();
    if let Some(access) = granted(facts, &Place::Host).filter(|access| *access != Granted::Denied) {
        let own = |name: &String| !NOT_THE_HOSTS.contains(&name.as_str());
        for (name, _) in host.places.top.iter().filter(|(name, _)| own(name)) {
            wanted.insert(Path::new("/").join(name), access);
        }
        wanted.insert("/run/media".into(), access);
    }
    if granted(facts, &Place::Host).is_some() || granted(facts, &Place::Home(String::new())).is_some() {
        wanted.insert(host.user.home.clone(), home_access(facts));
    }
    for (place, access) in &facts.context.filesystems {
        // What is in the session's runtime directory is shown where that is inside.
        if !matches!(place, Place::User(UserDirectory::Run, _))
            && let Some(path) = host.path_of(place)
        {
            wanted.insert(path, *access);
        }
    }
    wanted.into_iter().collect()
}

fn show(facts: &Facts<'_>, path: &Path, granted: Granted, shown: &mut Shown, draft: &mut Draft) {
    let Some(found) = facts.host.places.get(path) else {
        return show_link_at_top(facts, path, shown);
    };
    let real = found.real.join(&found.missing);
    if is_reserved(facts, path) || is_reserved(facts, &real) {
        draft
            .notes
            .push(format!("'{}' cannot be shown: it is, or holds, a part of the sandbox", path.display()));
        return;
    }
    if let Some((at, _)) = found.links.iter().find(|(at, _)| lies_in_written(shown, at)) {
        draft.notes.push(format!(
            "'{}' is not followed: the app can change the link '{}'",
            path.display(),
            at.display()
        ));
        return;
    }
    if granted == Granted::Denied {
        // Hidden where it would be visible; elsewhere it is not there anyway.
        if is_visible(shown, &real) {
            shown.insert(real, What::Hidden);
        }
        return;
    }
    for (at, target) in &found.links {
        if !is_visible(shown, at) {
            shown.insert(at.clone(), What::Symlink { target: target.clone() });
        }
    }
    if let Some(what) = bind(found, granted) {
        shown.insert(real, what);
    }
}

/// `/home -> var/home` and the like, which the host has at its top; what it leads to is shown for its own sake.
fn show_link_at_top(facts: &Facts<'_>, path: &Path, shown: &mut Shown) {
    let name = path.strip_prefix("/").unwrap_or(path).to_string_lossy();
    let entry = facts.host.places.top.iter().find(|(known, _)| *known == name);
    if let Some((_, Some(target))) = entry {
        shown.entry(path.to_owned()).or_insert_with(|| What::Symlink { target: target.clone() });
    }
}

/// The real path is opened over no link: it was resolved before, and whoever put a link there meanwhile gets nothing.
fn bind(found: &Found, granted: Granted) -> Option<What> {
    let access = if granted == Granted::Read { Access::Read } else { Access::Write };
    if found.missing.as_os_str().is_empty() {
        let path = found.real.strip_prefix("/").ok()?.to_owned();
        let source = Source::Beneath { base: "/".into(), path, create: None };
        return Some(What::Bind { source, access, missing: Missing::Skip });
    }
    if granted != Granted::Create {
        return None;
    }
    let source =
        Source::Beneath { base: found.real.clone(), path: found.missing.clone(), create: Some(0o755) };
    Some(What::Bind { source, access, missing: Missing::Fail })
}

fn is_visible(shown: &Shown, path: &Path) -> bool {
    shown.iter().any(|(outer, what)| matches!(what, What::Bind { .. }) && path.starts_with(outer))
}

/// Whether a link lies in a place that the app can change.
fn lies_in_written(shown: &Shown, at: &Path) -> bool {
    let is_written = |what: &What| matches!(what, What::Bind { access: Access::Write, .. });
    shown.iter().any(|(outer, what)| is_written(what) && at != outer && at.starts_with(outer))
}

fn is_reserved(facts: &Facts<'_>, path: &Path) -> bool {
    let own: &[&str] = if facts.is_merged() { &["/opt", "/var"] } else { &[] };
    let holds = |reserved: &&str| path.starts_with(reserved) || Path::new(reserved).starts_with(path);
    RESERVED.iter().any(holds)
        || own.iter().any(|reserved| Path::new(reserved).starts_with(path))
        || path.starts_with("/opt") && facts.is_merged()
}

/// The host's system, beside the sandbox's own: for apps that compare the two.
fn add_host_os(facts: &Facts<'_>, draft: &mut Draft) {
    let at_least = |place: &Place| {
        let own = granted(facts, place).unwrap_or(Granted::Denied);
        own.max(granted(facts, &Place::Host).unwrap_or(Granted::Denied))
    };
    let access = |granted: Granted| if granted == Granted::Read { Access::Read } else { Access::Write };
    let (os, etc) = (at_least(&Place::HostOs), at_least(&Place::HostEtc));
    let mut show = |from: &str, granted: Granted| {
        let at = Path::new("/run/host").join(from.trim_start_matches('/'));
        draft.mounts.push(system::bind(Path::new(from), &at, access(granted)));
    };
    if os != Granted::Denied {
        show("/usr", os);
    }
    if etc != Granted::Denied {
        show("/etc", etc);
    } else if os != Granted::Denied {
        for path in ["/etc/ld.so.cache", "/etc/alternatives"].into_iter().filter(|path| facts.host.has(path))
        {
            show(path, os);
        }
    }
    if let Some(granted) = granted(facts, &Place::HostRoot).filter(|granted| *granted != Granted::Denied) {
        draft.mounts.push(system::bind(Path::new("/"), Path::new("/run/host/root"), access(granted)));
    }
    if os != Granted::Denied {
        for (name, target) in &facts.host.places.merged {
            let at = Path::new("/run/host").join(name);
            match target {
                Some(target) => {
                    let target = target.strip_prefix("/").unwrap_or(target).to_owned();
                    draft.mounts.push(Mount { at, what: What::Symlink { target } });
                }
                None => draft.mounts.push(system::bind(&Path::new("/").join(name), &at, access(os))),
            }
        }
    }
}

/// What lies in directories of the app's own: `xdg-config/x`, which the app also looks for by `XDG_CONFIG_HOME`, and `xdg-run/x`.
pub(crate) fn add_in_own(facts: &Facts<'_>, draft: &mut Draft) {
    let own = inner_home(facts).join(".var/app").join(facts.app.id().as_str());
    let is_app = facts.app.app.is_some();
    for (place, granted) in
        facts.context.filesystems.iter().filter(|(_, granted)| **granted != Granted::Denied)
    {
        let Place::User(directory, path) = place else { continue };
        let at = match directory {
            UserDirectory::Run => facts.inner_runtime_dir(),
            UserDirectory::Config if is_app && !path.is_empty() => own.join("config"),
            UserDirectory::Data if is_app && !path.is_empty() => own.join("data"),
            UserDirectory::Cache if is_app && !path.is_empty() => own.join("cache"),
            _ => continue,
        };
        let found = facts.host.path_of(place).and_then(|path| facts.host.places.get(&path));
        if let Some(what) = found.and_then(|found| bind(found, *granted)) {
            draft.mounts.push(Mount { at: at.join(path), what });
        }
    }
    let names_directories = facts.context.filesystems.iter().any(|(place, granted)| {
        *granted != Granted::Denied && matches!(place, Place::User(..) | Place::Home(_) | Place::Host)
    });
    let file = facts.host.dirs.config.join("user-dirs.dirs");
    if is_app && names_directories && facts.host.dirs.file.is_some() {
        draft.mounts.push(system::bind(&file, &own.join("config/user-dirs.dirs"), Access::Read));
    }
}
