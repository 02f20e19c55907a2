//! The app's own directories: `~/.var/app/ID`, `/var`, `/tmp`, `XDG_RUNTIME_DIR`, and directories of the home that are kept for it.
//!
//! The app can write there, so nothing in them is followed: each is opened beneath the directory that the user has, over no link.

use std::path::{Path, PathBuf};

use super::{Draft, Facts, filesystems};
use crate::spec::{Access, Missing, Mount, Source, What};

/// Names in `XDG_RUNTIME_DIR` that are links to what `/run/flatpak` has.
const LINKS: [&str; 8] = [".flatpak", "app", "at-spi-bus", "bus", "doc", "p11-kit", "pulse", "ssh-auth"];

/// What comes before the places of the host: the directories that those may lie in.
pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    add_var(facts, draft);
    add_tmp(facts, draft);
    add_runtime_dir(facts, draft);
}

/// A directory beneath the app's own, made when it is missing.
fn own(facts: &Facts<'_>, path: &str) -> What {
    What::Bind { source: own_source(facts, path), access: Access::Write, missing: Missing::Fail }
}

fn add_var(facts: &Facts<'_>, draft: &mut Draft) {
    if facts.is_merged() {
        draft.mounts.push(Mount { at: "/var".into(), what: own(facts, "var") });
        return;
    }
    draft.mounts.push(Mount { at: "/var".into(), what: What::Directory { mode: 0o755 } });
    if facts.app.app.is_some() {
        for (at, path) in [
            ("/var/cache", "cache"),
            ("/var/data", "data"),
            ("/var/config", "config"),
            ("/var/tmp", "cache/tmp"),
        ] {
            draft.mounts.push(Mount { at: at.into(), what: own(facts, path) });
        }
    } else {
        for at in ["/var/cache", "/var/tmp"] {
            let what = What::Tmpfs { mode: 0o1777, access: Access::Write };
            draft.mounts.push(Mount { at: at.into(), what });
        }
    }
    for (at, target) in [("/var/run", "../run"), ("/var/lock", "../run/lock")] {
        draft.mounts.push(Mount { at: at.into(), what: What::Symlink { target: target.into() } });
    }
    draft.mounts.push(Mount { at: "/var/lib".into(), what: What::Directory { mode: 0o755 } });
}

/// What all instances of an app share, in the session's runtime directory: gone with the session.
fn shared(facts: &Facts<'_>, name: &str) -> What {
    let base = facts.host.runtime_dir.join(".flatpak").join(facts.app.id().as_str());
    let source = Source::Beneath { base, path: name.into(), create: Some(0o700) };
    What::Bind { source, access: Access::Write, missing: Missing::Fail }
}

/// A sub-sandbox and a bare runtime share nothing.
fn is_shared(facts: &Facts<'_>) -> bool {
    facts.app.app.is_some() && !facts.request.sandboxed.is_on()
}

fn add_tmp(facts: &Facts<'_>, draft: &mut Draft) {
    let what = if is_shared(facts) {
        shared(facts, "tmp")
    } else {
        What::Tmpfs { mode: 0o1777, access: Access::Write }
    };
    draft.mounts.push(Mount { at: "/tmp".into(), what });
    // Nothing of the host's X servers may be there, not even for an app that made the directory itself.
    let what = What::Tmpfs { mode: 0o755, access: Access::Read };
    draft.mounts.push(Mount { at: "/tmp/.X11-unix".into(), what });
}

fn add_runtime_dir(facts: &Facts<'_>, draft: &mut Draft) {
    let at = facts.inner_runtime_dir();
    let what = if is_shared(facts) {
        shared(facts, "xdg-run")
    } else {
        What::Tmpfs { mode: 0o700, access: Access::Write }
    };
    draft.mounts.push(Mount { at: at.clone(), what });
    for name in LINKS {
        let target = Path::new("../../flatpak").join(name);
        draft.mounts.push(Mount { at: at.join(name), what: What::Symlink { target } });
    }
    let target = "../../../.flatpak-info".into();
    draft.mounts.push(Mount { at: at.join("flatpak-info"), what: What::Symlink { target } });
    if facts.app.app.is_some() {
        let source = Source::Beneath {
            base: facts.host.runtime_dir.clone(),
            path: PathBuf::from("app").join(facts.app.id().as_str()),
            create: Some(0o700),
        };
        let what = What::Bind { source, access: Access::Write, missing: Missing::Fail };
        draft.mounts.push(Mount { at: Path::new("/run/flatpak/app").join(facts.app.id().as_str()), what });
    }
}

/// The home of an app that does not see the user's: Flatpak's apps may write there until they end, ours only where something is kept.
pub(crate) fn own_home(facts: &Facts<'_>) -> Vec<(PathBuf, What)> {
    let home = filesystems::inner_home(facts);
    let keeps = facts.app.app.is_some();
    let what = match (keeps && facts.context.persistent.contains("."), facts.is_merged()) {
        (true, _) => own(facts, ""),
        (false, true) => What::Directory { mode: 0o700 },
        (false, false) => What::Tmpfs { mode: 0o700, access: Access::Write },
    };
    let kept = facts.context.persistent.iter().filter(|path| keeps && *path != ".");
    let kept: Vec<(PathBuf, What)> = kept.map(|path| (home.join(path), own(facts, path))).collect();
    std::iter::once((home, what)).chain(kept).collect()
}

/// What comes after the places of the host, over them: the app's own directory, whatever of the home is visible.
pub(crate) fn add_own(facts: &Facts<'_>, draft: &mut Draft) {
    let home = filesystems::inner_home(facts);
    if filesystems::shows_home(facts) {
        // Other apps' data, and the files of apps, stay hidden in a home that is otherwise visible.
        let what = What::Tmpfs { mode: 0o755, access: Access::Read };
        draft.mounts.push(Mount { at: home.join(".var/app"), what });
    }
    if facts.app.app.is_none() {
        return;
    }
    let at = home.join(".var/app").join(facts.app.id().as_str());
    for path in ["cache", "config", "data", "cache/tmp", ".local/state"] {
        // Made here, so that programs find the directories that the variables name.
        draft.mounts.push(Mount { at: at.clone(), what: What::Made { source: own_source(facts, path) } });
    }
    draft.mounts.push(Mount { at, what: own(facts, "") });
}

fn own_source(facts: &Facts<'_>, path: &str) -> Source {
    Source::Beneath { base: facts.data_dir(), path: path.into(), create: Some(0o700) }
}
