//! The links by which the host sees what apps export: in the installation's `exports`, and, for a user's own installation, in the
//! directories where menus look anyway.
//!
//! Only links that are ours are ever replaced or removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aril_beneath::{Dir, EntryKind, Step};
use aril_installation::{CalledAs, Scope};
use aril_model::AppId;

use crate::host::Host;
use crate::{LockedInstallation, Result, TransactionError};

/// Directories of exports that are also linked into the user's own.
const LINKED: &[&str] = &["applications", "icons", "metainfo", "mime/packages", "dbus-1/services"];

/// Directories in which something changed, so that caches of them are to be made anew.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Below `exports`.
    pub(crate) exports: BTreeSet<PathBuf>,
    /// Below the user's own directory.
    pub(crate) own: BTreeSet<PathBuf>,
    /// What could not be linked, and why.
    pub(crate) notes: Vec<String>,
}

impl Touched {
    /// Everything, where it cannot be known what changed.
    pub(crate) fn all(&mut self) {
        for dir in ["applications", "mime", "icons/hicolor"] {
            self.exports.insert(Path::new("share").join(dir));
            self.own.insert(dir.into());
        }
    }
}

/// Makes the links of these apps what their current deploys export, no more and no less.
///
/// # Errors
/// When a link cannot be made or removed.
pub(crate) fn renew(at: &LockedInstallation, host: &Host, apps: &BTreeSet<AppId>) -> Result<Touched> {
    let mut touched = Touched::default();
    let exports = at.dir().create_dir_all("exports", 0o755)?;
    let own = own_dir(at, host, &mut touched)?;
    let mut wanted: BTreeMap<PathBuf, AppId> = BTreeMap::new();
    for id in apps {
        for path in exported_paths(at, id)? {
            // Of two apps with a claim to a name, the one whose id is nearer to it has it.
            let nearer = |other: &AppId| other.as_str().len() >= id.as_str().len();
            if !wanted.get(&path).is_some_and(nearer) {
                wanted.insert(path, id.clone());
            }
        }
    }
    for (path, owner) in present_links(&exports)? {
        match wanted.get(&path) {
            Some(id) if *id == owner => drop(wanted.remove(&path)),
            Some(id) if !apps.contains(&owner) && owner.as_str().len() > id.as_str().len() => {
                drop(wanted.remove(&path));
            }
            None if apps.contains(&owner) => {
                unlink_own(at, own.as_ref(), &path, &mut touched)?;
                exports.remove_file(&path)?;
                remove_empty_parents(&exports, &path);
                touched.exports.extend(path.parent().map(Path::to_owned));
            }
            _ => {}
        }
    }
    for (path, id) in &wanted {
        exports.create_dir_all(path.parent().unwrap_or(Path::new("")), 0o755)?;
        exports.replace_symlink(link_target(path, id), path)?;
        touched.exports.extend(path.parent().map(Path::to_owned));
    }
    if let Some(own) = &own {
        for (path, owner) in present_links(&exports)? {
            if apps.contains(&owner) {
                link_own(at, own, &path, &mut touched)?;
            }
        }
    }
    Ok(touched)
}

/// Removes links of ours that lead nowhere from the user's directories: a change that was killed may have left them.
pub(crate) fn remove_dangling(at: &LockedInstallation, host: &Host) -> Result<()> {
    let mut touched = Touched::default();
    let Some(own) = own_dir(at, host, &mut touched)? else { return Ok(()) };
    let mut dangling = Vec::new();
    for dir in LINKED {
        if !own.exists(dir)? {
            continue;
        }
        let found = own.walk::<TransactionError>(dir, &mut |path, kind| {
            if kind == EntryKind::Link && is_own_link(at, &own, path) && !is_right(at, &own, path)? {
                dangling.push(path.to_owned());
            }
            Ok(Step::Into)
        });
        if let Err(error) = found {
            tracing::debug!("cannot look through {}: {error}, ignoring", own.path().join(dir).display());
        }
    }
    for path in dangling {
        own.remove_file(path)?;
    }
    Ok(())
}

/// The apps that links in `exports` lead to.
pub(crate) fn owners(at: &LockedInstallation) -> Result<BTreeSet<AppId>> {
    match at.dir().open_dir("exports") {
        Err(error) if error.is_not_found() => Ok(BTreeSet::new()),
        exports => Ok(present_links(&exports?)?.into_iter().map(|(_, owner)| owner).collect()),
    }
}

/// Whether a link of ours in the user's directory leads to an export of the same path that is there.
fn is_right(at: &LockedInstallation, own: &Dir, path: &Path) -> Result<bool> {
    let export = Path::new("exports/share").join(path);
    Ok(own.read_link(path)? == at.dir().path().join(&export) && at.dir().exists(export)?)
}

/// The user's own directory, where its apps are linked into it.
fn own_dir(at: &LockedInstallation, host: &Host, touched: &mut Touched) -> Result<Option<Dir>> {
    let is_own = *at.installation().scope() == Scope::User && at.called_as() == CalledAs::Aril;
    let Some(path) = host.data_home.as_ref().filter(|_| is_own) else { return Ok(None) };
    match Dir::open_or_create(path, 0o700) {
        Ok(dir) => Ok(Some(dir)),
        Err(error) => {
            touched.notes.push(format!("menus may not show the apps: {error}"));
            Ok(None)
        }
    }
}

/// What the current deploy of an app exports: paths below `exports`.
fn exported_paths(at: &LockedInstallation, id: &AppId) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let Some(reference) = at.installation().current(id)? else { return Ok(paths) };
    let Some(deploy) = at.installation().active(&reference)? else { return Ok(paths) };
    let export = match deploy.dir().open_dir("export") {
        Err(error) if error.is_not_found() => return Ok(paths),
        opened => opened?,
    };
    export.walk::<aril_beneath::Error>("", &mut |path, kind| {
        if kind == EntryKind::File {
            paths.push(path.to_owned());
        }
        Ok(Step::Into)
    })?;
    Ok(paths)
}

/// The links in `exports` that lead to apps, with the app of each.
fn present_links(exports: &Dir) -> Result<Vec<(PathBuf, AppId)>> {
    let mut links = Vec::new();
    exports.walk::<aril_beneath::Error>("", &mut |path, kind| {
        if kind == EntryKind::Link
            && let Some(owner) = owner_of(&exports.read_link(path)?)
        {
            links.push((path.to_owned(), owner));
        }
        Ok(Step::Into)
    })?;
    Ok(links)
}

/// `../../../app/ID/current/active/export/share/applications/ID.desktop` for `share/applications/ID.desktop`.
fn link_target(path: &Path, id: &AppId) -> PathBuf {
    let mut target: PathBuf = path.components().map(|_| "..").collect();
    target.push("app");
    target.push(id.as_str());
    target.push("current/active/export");
    target.join(path)
}

fn owner_of(target: &Path) -> Option<AppId> {
    let text = target.to_str()?.trim_start_matches("../").strip_prefix("app/")?;
    let (id, rest) = text.split_once('/')?;
    rest.starts_with("current/active/export/").then(|| id.parse().ok()).flatten()
}

/// The path in the user's directory for a path in `exports`, if it is linked there.
fn own_path(path: &Path) -> Option<&Path> {
    let inner = path.strip_prefix("share").ok()?;
    LINKED.iter().any(|dir| inner.starts_with(dir)).then_some(inner)
}

fn is_own_link(at: &LockedInstallation, own: &Dir, path: &Path) -> bool {
    own.read_link(path).is_ok_and(|target| target.starts_with(at.dir().path().join("exports/share")))
}

fn link_own(at: &LockedInstallation, own: &Dir, path: &Path, touched: &mut Touched) -> Result<()> {
    let Some(inner) = own_path(path) else { return Ok(()) };
    let target = at.dir().path().join("exports").join(path);
    let parent = inner.parent().unwrap_or(Path::new(""));
    if let Err(error) = own.create_dir_all(parent, 0o755) {
        touched.notes.push(format!("'{}' was not linked into your own directory: {error}", inner.display()));
        return Ok(());
    }
    match own.read_link(inner) {
        Ok(there) if there == target => return Ok(()),
        Ok(_) if is_own_link(at, own, inner) => {}
        Err(error) if error.is_not_found() => {}
        _ => {
            let note = format!("'{}' is your own file and stays", own.path().join(inner).display());
            touched.notes.push(note);
            return Ok(());
        }
    }
    own.replace_symlink(target, inner)?;
    touched.own.insert(parent.to_owned());
    Ok(())
}

fn unlink_own(at: &LockedInstallation, own: Option<&Dir>, path: &Path, touched: &mut Touched) -> Result<()> {
    if let (Some(own), Some(inner)) = (own, own_path(path))
        && is_own_link(at, own, inner)
    {
        own.remove_file(inner)?;
        touched.own.extend(inner.parent().map(Path::to_owned));
    }
    Ok(())
}

/// Removes directories of exports that are empty now.
fn remove_empty_parents(exports: &Dir, path: &Path) {
    for parent in path.ancestors().skip(1).filter(|parent| parent.components().count() > 1) {
        if exports.remove_dir(parent).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_owners() {
        let id: AppId = "org.test.Hello".parse().unwrap();
        let target = link_target(Path::new("share/applications/org.test.Hello.desktop"), &id);
        assert_eq!(
            target,
            Path::new(
                "../../../app/org.test.Hello/current/active/export/share/applications/org.test.Hello.desktop"
            )
        );
        assert_eq!(owner_of(&target), Some(id));
        for other in ["/etc/passwd", "../x", "../../app/nodots/current/active/export/x", "../app/a.b.c/x"] {
            assert_eq!(owner_of(Path::new(other)), None, "{other}");
        }
        assert_eq!(own_path(Path::new("share/icons/a/b.png")), Some(Path::new("icons/a/b.png")));
        assert_eq!(own_path(Path::new("bin/a.b.c")), None);
        assert_eq!(own_path(Path::new("share/gnome-shell/x")), None);
    }
}
