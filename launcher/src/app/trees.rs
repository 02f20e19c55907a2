//! What lies at the top of a deploy's files, as far as it decides how they are mounted.

use std::collections::BTreeSet;

use aril_beneath::{Dir, EntryKind};
use aril_installation::Deploy;

use crate::LaunchError;

/// Names at the top of a deploy's files, and below the directories of its that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tops {
    /// Directories in `files`.
    pub(crate) directories: BTreeSet<String>,
    /// Directories in `files/usr`, for apps whose files lie as Fedora built them.
    pub(crate) usr: BTreeSet<String>,
    /// Whether there is a directory `share/zoneinfo`, below `files` or `files/usr`.
    pub(crate) has_zones: bool,
}

impl Tops {
    /// Looks at a deploy.
    pub(crate) fn of(deploy: &Deploy) -> Result<Self, LaunchError> {
        let files = deploy.files()?;
        let directories = directories_of(&files, "")?;
        let usr = if directories.contains("usr") { directories_of(&files, "usr")? } else { BTreeSet::new() };
        let has_zones = ["share/zoneinfo", "usr/share/zoneinfo"]
            .iter()
            .any(|path| files.stat(path).is_ok_and(|properties| properties.kind == EntryKind::Dir));
        Ok(Self { directories, usr, has_zones })
    }

    /// Whether there is a directory of this name in `files`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.directories.contains(name)
    }
}

/// Directories, and links in their place (`lib64 -> lib`), by name.
fn directories_of(dir: &Dir, path: &str) -> Result<BTreeSet<String>, LaunchError> {
    let entries = dir.entries(path)?;
    let named = entries.into_iter().filter(|entry| matches!(entry.kind, EntryKind::Dir | EntryKind::Link));
    Ok(named.filter_map(|entry| entry.name.into_string().ok()).collect())
}
