//! The caches of one app on one runtime: made in a sandbox over the merged tree, before the app is started on it for the first time.
//!
//! ```text
//! .staging/derived-N/{usr,etc}     what the programs write, as the upper directory of an overlay
//! derived/KEY/{usr,etc,.ref}       its place, by one rename; KEY stands for the commits of app and runtime
//! ```
//! Only what the app adds something to is made anew: the runtime brings its own caches. All times are 0, as in the deploys: programs compare
//! the time of a cache with that of its directory, or note it down.
//! Source: `aril_model::TRIGGERS`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aril_beneath::{Dir, EntryKind, Step};
use aril_installation::{Deploy, Installation, Installations};
use aril_model::{CommitId, Layout, Ref, TRIGGERS, Trigger};

use crate::deploy::STAGING;
use crate::host::Host;
use crate::{LockedInstallation, Result, TransactionError};

/// Makes the derived layer of an app on a runtime, unless it is there. Returns what went wrong with single caches.
///
/// An app in Flatpak's layout has none.
/// # Errors
/// When the layer cannot be written, or there is no launcher to run anything.
pub(crate) fn derive(
    at: &LockedInstallation,
    host: &Host,
    app: &Deploy,
    runtime: &Deploy,
) -> Result<Vec<String>> {
    if app.metadata()?.layout != Layout::Merged
        || at.installation().derived(&[app.commit(), runtime.commit()])?.is_some()
    {
        return Ok(Vec::new());
    }
    let staging = at.dir().create_dir_all(STAGING, 0o700)?;
    let name = format!("derived-{}", app.commit().short());
    staging.remove_tree(&name)?;
    staging.create_dir(&name, 0o755)?;
    let upper = staging.open_dir(&name)?;
    let tree = MergedTree { app: app.files()?, runtime: runtime.files()? };
    let mut notes = Vec::new();
    for trigger in TRIGGERS {
        for arguments in tree.runs_of(trigger)? {
            // What overlayfs keeps there its owner may not enter; each run has its own.
            upper.remove_tree("work")?;
            reset_times(&upper)?;
            notes.extend(run(host, &tree, &upper, trigger, &arguments)?);
        }
    }
    for inner in ["opt", "var", "work"] {
        upper.remove_tree(inner)?;
    }
    clean(&upper)?;
    for inner in ["usr", "etc"] {
        upper.create_dir(inner, 0o755)?;
    }
    upper.write_atomic(".ref", b"", 0o644)?;
    reset_times(&upper)?;
    upper.sync_file_system()?;
    at.dir().create_dir("derived", 0o755)?;
    let place = Installation::derived_path(&[app.commit(), runtime.commit()]);
    at.dir().rename_new(Path::new(STAGING).join(name), at.dir(), place)?;
    Ok(notes)
}

/// Makes the derived layer of an installed app, if it is missing.
///
/// # Errors
/// When the app or its runtime is not installed, or the layer cannot be made.
pub fn derive_missing(at: &LockedInstallation, host: &Host, reference: &Ref) -> Result<Vec<String>> {
    let not_there = || TransactionError::NotInstalled { name: reference.to_string(), nearest: None };
    let app = at.installation().active(reference)?.ok_or_else(not_there)?;
    let Some(runtime) = app.metadata()?.runtime else { return Ok(Vec::new()) };
    let others = Installations::from_vec(crate::resolve::other_installations(host)?);
    let found = others.runtime_of(at.installation(), &app, &runtime)?;
    let (_, deploy) =
        found.ok_or_else(|| TransactionError::NotInstalled { name: runtime.to_string(), nearest: None })?;
    let notes = derive(at, host, &app, &deploy)?;
    at.dir().remove_tree(STAGING)?;
    Ok(notes)
}

/// The trees of an app and its runtime, as the launcher lays them over each other.
struct MergedTree {
    /// With `usr`, `etc`, `opt`.
    app: Dir,
    /// A `usr`.
    runtime: Dir,
}

impl MergedTree {
    /// The command lines by which a cache is made: program and arguments; none if the app adds nothing to it, or nobody reads it.
    fn runs_of(&self, trigger: &Trigger) -> Result<Vec<Vec<String>>> {
        let dirs = self.watched(trigger)?;
        let Some(program) = trigger.programs.iter().find(|program| self.has(program)) else {
            return Ok(Vec::new());
        };
        if dirs.is_empty() {
            return Ok(Vec::new());
        }
        let line = |dir: &str| {
            let arguments = trigger.arguments.iter().map(|argument| argument.replace("{}", dir));
            [(*program).to_owned()].into_iter().chain(arguments).collect::<Vec<_>>()
        };
        if trigger.arguments.contains(&"{}") {
            return Ok(dirs.iter().map(|dir| line(&format!("/{dir}"))).collect());
        }
        Ok(vec![line("")])
    }

    /// The directories that a trigger watches and the app has entries in.
    fn watched(&self, trigger: &Trigger) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for watch in trigger.watches {
            let candidates = match watch.strip_suffix("/*") {
                None => vec![(*watch).to_owned()],
                Some(parent) => entries(&self.app, parent)?
                    .into_iter()
                    .filter(|entry| entry.kind == EntryKind::Dir)
                    .filter_map(|entry| Some(format!("{parent}/{}", entry.name.to_str()?)))
                    .collect(),
            };
            for dir in candidates {
                let needed = trigger.only_with.is_none_or(|file| self.has(&format!("/{dir}/{file}")));
                if needed && !entries(&self.app, &dir)?.is_empty() {
                    found.push(dir);
                }
            }
        }
        Ok(found)
    }

    /// Whether the merged tree has something at an absolute path, links of the app or the runtime followed inside each.
    fn has(&self, path: &str) -> bool {
        let in_runtime = path.strip_prefix("/usr").unwrap_or(path);
        self.app.stat_in_root(path).is_ok() || self.runtime.stat_in_root(in_runtime).is_ok()
    }
}

/// The entries of a directory; none where there is no directory.
fn entries(dir: &Dir, path: &str) -> Result<Vec<aril_beneath::Entry>> {
    match dir.open_dir_in_root(path) {
        Ok(dir) => Ok(dir.entries("")?),
        Err(_) => Ok(Vec::new()),
    }
}

/// Runs one program over the merged tree; the text is what went wrong.
fn run(
    host: &Host,
    tree: &MergedTree,
    upper: &Dir,
    trigger: &Trigger,
    line: &[String],
) -> Result<Option<String>> {
    let what = || format!("make the cache of {}", trigger.name);
    let launcher = host.launcher.as_ref().ok_or_else(|| TransactionError::Program {
        what: what(),
        problem: "aril-launch is missing, which gives it its sandbox".into(),
    })?;
    let work = upper.path().join("work");
    let mut command = Command::new(launcher);
    command.arg("--tool").arg("--lower").arg(tree.app.path()).arg("--lower-usr").arg(tree.runtime.path());
    command.arg("--upper").arg(upper.path()).arg("--work").arg(work).arg("--").args(line);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = command
        .output()
        .map_err(|error| TransactionError::Program { what: what(), problem: error.to_string() })?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    tracing::debug!("{line:?}: {}", aril_model::printable(&said));
    Ok(Some(format!("cannot {}: {}", what(), aril_model::printable(last))))
}

/// Takes out what overlayfs and its programs leave in an upper directory: marks of removed files, attributes, devices, set-id bits.
fn clean(upper: &Dir) -> Result<()> {
    let mut odd = Vec::new();
    upper.walk::<TransactionError>("", &mut |path, kind| {
        match kind {
            EntryKind::Other => odd.push(path.to_owned()),
            EntryKind::Dir | EntryKind::File => {
                remove_attributes(upper, path)?;
                let mode = upper.stat(path)?.mode;
                let wanted = if kind == EntryKind::Dir || mode & 0o100 != 0 { 0o755 } else { 0o644 };
                if mode != wanted {
                    upper.set_mode(path, wanted)?;
                }
            }
            EntryKind::Link => {}
        }
        Ok(Step::Into)
    })?;
    for path in odd {
        upper.remove_file(path)?;
    }
    Ok(())
}

/// Removes all attributes of the user's kind: overlayfs keeps there what it knows of a directory, and would believe it again.
fn remove_attributes(upper: &Dir, path: &Path) -> Result<()> {
    let failed = |error: rustix::io::Errno| {
        TransactionError::Store(aril_store::StoreError::Stream {
            action: "clean a cache",
            source: error.into(),
        })
    };
    let file = upper.open_path(path)?;
    // Attributes are read and removed by the descriptor's name in /proc: a handle that only names a file has none of its own.
    let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let mut names = vec![0_u8; 4096];
    let length = match rustix::fs::listxattr(&*name, &mut names) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for attribute in names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user.")) {
        rustix::fs::removexattr(&*name, attribute).map_err(failed)?;
    }
    Ok(())
}

/// Sets the time of everything below a directory, and of it, to 0. Directories that a program has closed to its own user are opened.
fn reset_times(dir: &Dir) -> Result<()> {
    dir.walk::<TransactionError>("", &mut |path, kind| {
        if kind == EntryKind::Dir {
            let mode = dir.stat(path)?.mode;
            if mode & 0o700 != 0o700 {
                dir.set_mode(path, mode | 0o700)?;
            }
        }
        if kind != EntryKind::Other {
            dir.set_modified(path, 0)?;
        }
        Ok(Step::Into)
    })?;
    Ok(dir.set_modified("", 0)?)
}

/// Removes derived layers that belong to no pair of deploys any more, and that nobody uses.
///
/// # Errors
/// When one cannot be removed.
pub(crate) fn remove_orphans(at: &LockedInstallation, host: &Host) -> Result<()> {
    let present = match at.dir().entries("derived") {
        Err(error) if error.is_not_found() => return Ok(()),
        entries => entries?,
    };
    if present.is_empty() {
        return Ok(());
    }
    let wanted = wanted_layers(at, host)?;
    for entry in present {
        let path = Path::new("derived").join(&entry.name);
        if wanted.contains(&path) || is_in_use(at.dir(), &path)? {
            continue;
        }
        // First out of sight, so that nobody starts on half a layer.
        let aside = Path::new(".removed").join(format!("derived-{}", entry.name.to_string_lossy()));
        at.dir().create_dir(".removed", 0o755)?;
        at.dir().remove_tree(&aside)?;
        at.dir().rename(&path, at.dir(), &aside)?;
        at.dir().remove_tree(&aside)?;
    }
    Ok(())
}

/// The layers of all kept deploys of apps, each on all kept deploys of its runtime.
fn wanted_layers(at: &LockedInstallation, host: &Host) -> Result<BTreeSet<PathBuf>> {
    let mut wanted = BTreeSet::new();
    let others = crate::resolve::other_installations(host)?;
    for reference in at.installation().refs()? {
        for app in at.installation().deploys(&reference)? {
            let Ok(metadata) = app.metadata() else { continue };
            let Some(runtime) = metadata.runtime else { continue };
            for installation in std::iter::once(at.installation()).chain(&others) {
                let commits: Vec<CommitId> =
                    installation.deploys(&runtime)?.iter().map(|deploy| deploy.commit().clone()).collect();
                wanted
                    .extend(commits.iter().map(|commit| Installation::derived_path(&[app.commit(), commit])));
            }
        }
    }
    Ok(wanted)
}

/// Whether somebody holds the lock of a layer or a deploy.
pub(crate) fn is_in_use(dir: &Dir, path: &Path) -> Result<bool> {
    let lock = path.join(".ref");
    Ok(dir.exists(&lock)? && dir.try_lock(&lock, aril_beneath::LockKind::Exclusive)?.is_none())
}
