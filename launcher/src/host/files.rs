//! The places of the host's file system that permissions name, with the symbolic links on the way to each.
//!
//! An app sees a granted directory at the path that the user knows it by. Where links lead there, the links are shown, too.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use aril_beneath::{Dir, EntryKind};
use aril_model::{Access, Context, Place, UserDirectory};

use rustix::fs::FileType;
use rustix::io::Errno;

use super::{UserDirs, is_plain};

/// Most links on the way to one place, as the kernel counts them.
const MOST_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The links on the way: where each stands, and what is written in it.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// The path without links, as far as it exists.
    pub(crate) real: PathBuf,
    /// What is missing of it; empty if all is there.
    pub(crate) missing: PathBuf,
    /// What is there.
    pub(crate) kind: EntryKind,
}

/// The places of one app's permissions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    found: BTreeMap<PathBuf, Found>,
    /// Entries of the host's `/`: name, and the target of those that are links.
    pub(crate) top: Vec<(String, Option<PathBuf>)>,
    /// The same for the parts of `/usr` that used to lie at the top, wherever the host has them.
    pub(crate) merged: Vec<(String, Option<PathBuf>)>,
}

impl Places {
    pub(crate) fn find(
        context: &Context,
        home: &Path,
        runtime_dir: &Path,
        dirs: &UserDirs,
    ) -> aril_beneath::Result<Self> {
        let mut places = Self::default();
        for (place, access) in &context.filesystems {
            match place {
                Place::Host if *access != Access::Denied => places.list_top()?,
                Place::HostOs if *access != Access::Denied => places.list_merged()?,
                _ => {}
            }
            if let Some(path) = place_path(place, home, runtime_dir, dirs) {
                places.add(path);
            }
        }
        places.add(home.to_owned());
        for (name, target) in places.top.clone() {
            if target.is_none() {
                places.add(Path::new("/").join(name));
            }
        }
        Ok(places)
    }

    /// Where a path leads; `None` if nobody asked for it.
    pub(crate) fn get(&self, path: &Path) -> Option<&Found> {
        self.found.get(path)
    }

    fn add(&mut self, path: PathBuf) {
        if is_plain(&path)
            && !self.found.contains_key(&path)
            && let Some(found) = resolve(&path)
        {
            self.found.insert(path, found);
        }
    }

    fn list_top(&mut self) -> aril_beneath::Result<()> {
        self.list_merged()?;
        let root = Dir::open("/")?;
        for entry in root.entries("")? {
            let Ok(name) = entry.name.into_string() else { continue };
            let target = if entry.kind == EntryKind::Link { root.read_link(&name).ok() } else { None };
            if matches!(entry.kind, EntryKind::Dir | EntryKind::Link) {
                self.top.push((name, target));
            }
        }
        Ok(())
    }

    fn list_merged(&mut self) -> aril_beneath::Result<()> {
        if !self.merged.is_empty() {
            return Ok(());
        }
        let root = Dir::open("/")?;
        for entry in root.entries("")? {
            let Some(name) = crate::tool::link_name(entry.name) else { continue };
            let target = if entry.kind == EntryKind::Link { root.read_link(&name).ok() } else { None };
            self.merged.push((name, target));
        }
        Ok(())
    }
}

/// The absolute path that a place stands for; `None` for those that are more than one path, or that the user does not have.
pub(super) fn place_path(place: &Place, home: &Path, runtime_dir: &Path, dirs: &UserDirs) -> Option<PathBuf> {
    match place {
        Place::Host | Place::HostOs | Place::HostEtc | Place::HostRoot => None,
        Place::Home(path) => Some(if path.is_empty() { home.to_owned() } else { home.join(path) }),
        Place::User(UserDirectory::Run, path) => Some(runtime_dir.join(path)),
        Place::User(directory, path) => {
            let base = dirs.path(*directory)?;
            Some(if path.is_empty() { base.to_owned() } else { base.join(path) })
        }
        Place::Path(path) => Some(PathBuf::from(path)),
    }
}

/// Follows a path from the host's root, link by link. What is found may be another thing by the time it is opened; so it is opened over no
/// link.
fn resolve(path: &Path) -> Option<Found> {
    let mut waiting: VecDeque<OsString> = parts(path);
    let mut found =
        Found { links: Vec::new(), real: "/".into(), missing: PathBuf::new(), kind: EntryKind::Dir };
    while let Some(part) = waiting.pop_front() {
        if part == ".." {
            found.real.pop();
            continue;
        }
        let next = found.real.join(&part);
        match rustix::fs::lstat(&next).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Symlink) => {
                let target = rustix::fs::readlink(&next, Vec::new()).ok()?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                if target.is_absolute() {
                    found.real = "/".into();
                }
                for part in parts(&target).into_iter().rev() {
                    waiting.push_front(part);
                }
                found.links.push((next, target));
                if found.links.len() > MOST_LINKS {
                    return None;
                }
            }
            Ok(kind) => (found.real, found.kind) = (next, EntryKind::from(kind)),
            Err(Errno::NOENT) => {
                found.missing = std::iter::once(part).chain(waiting).collect();
                return Some(found);
            }
            Err(_) => return None,
        }
    }
    Some(found)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_and_noted() {
        let temporary = tempfile::tempdir().unwrap();
        let base = temporary.path().to_owned();
        let dir = Dir::open(&base).unwrap();
        dir.create_dir_all("var/home/u/real", 0o700).unwrap();
        dir.symlink("var/home", "home").unwrap();
        dir.symlink("../u/real", "var/home/u/link").unwrap();
        dir.symlink("loop", "loop").unwrap();
        let found = resolve(&base.join("home/u/link")).unwrap();
        assert_eq!(found.real, base.join("var/home/u/real"));
        assert_eq!(
            found.links,
            [
                (base.join("home"), PathBuf::from("var/home")),
                (base.join("var/home/u/link"), PathBuf::from("../u/real"))
            ]
        );
        assert_eq!((found.missing, found.kind), (PathBuf::new(), EntryKind::Dir));
        let found = resolve(&base.join("home/u/new/er")).unwrap();
        assert_eq!((found.real, found.missing), (base.join("var/home/u"), PathBuf::from("new/er")));
        assert_eq!(resolve(&base.join("loop")), None);
    }
}
