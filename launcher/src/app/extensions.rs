//! Which extensions are mounted into an app and its runtime, and where.
//!
//! Source: `flatpak-metadata(5)`, "Extension"; the order is that of Flatpak's `flatpak_list_extensions`.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use aril_beneath::Dir;
use aril_installation::{Deploy, Installations};
use aril_model::{AppId, Arch, Branch, CommitId, ExtensionPoint, Kind, Metadata, Ref};

use super::Asked;
use crate::LaunchError;

/// An extension that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extension {
    /// Its id.
    pub(crate) id: AppId,
    /// Its commit; unmanaged ones have none.
    pub(crate) commit: Option<CommitId>,
    /// Its directory, with `files`.
    pub(crate) path: PathBuf,
    /// Whose point it is mounted at.
    pub(crate) owner: Owner,
    /// Where, relative to the owner's files.
    pub(crate) directory: String,
    /// The directory in which it and others like it lie, if each has one of its own there.
    pub(crate) parent: Option<String>,
    /// A directory of it where libraries are found.
    pub(crate) libraries: Option<String>,
    /// Names of it that are linked beside those of others: directory, relative to the extension, and what is in it.
    pub(crate) merged: Vec<(String, Vec<String>)>,
    /// Higher comes first.
    pub(crate) priority: i32,
}

/// Whose extension point it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The app's.
    App,
    /// The runtime's.
    Runtime,
}

/// What decides whether an extension is of use on this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reasons {
    /// Names of graphics drivers, such as `default` or `nvidia-550-54-14`.
    pub(crate) gl_drivers: Vec<String>,
    /// Desktops of the session, as `XDG_CURRENT_DESKTOP` names them.
    pub(crate) desktops: Vec<String>,
    /// Loaded modules of the kernel that conditions ask for.
    pub(crate) modules: BTreeSet<String>,
}

impl Reasons {
    /// Whether one of the reasons holds for an extension.
    fn allow(&self, id: &AppId, reasons: &str) -> bool {
        reasons.split(';').any(|reason| self.holds(id, reason))
    }

    fn holds(&self, id: &AppId, reason: &str) -> bool {
        if let Some(module) = reason.strip_prefix("have-kernel-module-") {
            return self.modules.contains(&module.replace('-', "_"));
        }
        if let Some(desktop) = reason.strip_prefix("on-xdg-desktop-") {
            return self.desktops.iter().any(|own| own.eq_ignore_ascii_case(desktop));
        }
        match reason {
            "active-gl-driver" => self.gl_drivers.iter().any(|driver| driver == id.last_part()),
            "have-intel-gpu" => ["i915", "xe"].iter().any(|module| self.modules.contains(*module)),
            // It is only installed where it was the theme; which one is chosen now would need a question to the desktop.
            "active-gtk-theme" => true,
            _ => false,
        }
    }
}

/// The extensions of an app and its runtime, by owner and directory, those with a higher priority first.
pub(crate) fn list(
    installations: &Installations,
    app: Option<(&Deploy, &Metadata)>,
    runtime: (&Deploy, &Metadata),
    conditions: &Asked,
) -> Result<Vec<Extension>, LaunchError> {
    let mut search = Search { installations, conditions, names: HashMap::new(), found: Vec::new() };
    let owners = app.map(|app| (Owner::App, app)).into_iter().chain([(Owner::Runtime, runtime)]);
    for (owner, (deploy, metadata)) in owners {
        let reference = deploy.reference();
        for point in metadata.extension_points(&reference.branch) {
            for branch in &point.versions {
                search.point(owner, &point, &reference.arch, branch)?;
            }
        }
    }
    let mut found = search.found;
    found.sort_by(|a, b| {
        (a.owner, &a.directory).cmp(&(b.owner, &b.directory)).then(b.priority.cmp(&a.priority))
    });
    found.dedup_by(|later, earlier| (later.owner, &later.directory) == (earlier.owner, &earlier.directory));
    Ok(found)
}

struct Search<'a> {
    installations: &'a Installations,
    conditions: &'a Asked,
    /// The ids in each installation's `runtime`, by the installation's place in the list: most points have nothing there.
    names: HashMap<usize, BTreeSet<String>>,
    found: Vec<Extension>,
}

impl Search<'_> {
    fn point(
        &mut self,
        owner: Owner,
        point: &ExtensionPoint,
        arch: &Arch,
        branch: &Branch,
    ) -> Result<(), LaunchError> {
        let reference = |id: &AppId| Ref {
            kind: Kind::Runtime,
            id: id.clone(),
            arch: arch.clone(),
            branch: branch.clone(),
        };
        // A whole extension is preferred to its parts.
        if let Some(deploy) = self.deploy(&reference(&point.name))? {
            return self.add(owner, point, &deploy, None);
        }
        if !point.subdirectories {
            return Ok(());
        }
        let prefix = format!("{}.", point.name);
        for name in self.names_with(&prefix)? {
            let Ok(id) = name.parse::<AppId>() else { continue };
            if let Some(deploy) = self.deploy(&reference(&id))? {
                self.add(owner, point, &deploy, name.strip_prefix(&prefix))?;
            }
        }
        Ok(())
    }

    fn deploy(&mut self, reference: &Ref) -> Result<Option<Deploy>, LaunchError> {
        for (index, installation) in self.installations.iter().enumerate() {
            if self.names_in(index, installation.dir())?.contains(reference.id.as_str())
                && let Some(deploy) = installation.active(reference)?
            {
                return Ok(Some(deploy));
            }
        }
        Ok(None)
    }

    fn names_with(&mut self, prefix: &str) -> Result<BTreeSet<String>, LaunchError> {
        let mut names = BTreeSet::new();
        for (index, installation) in self.installations.iter().enumerate() {
            let all = self.names_in(index, installation.dir())?;
            names.extend(all.iter().filter(|name| name.starts_with(prefix)).cloned());
        }
        Ok(names)
    }

    fn names_in(&mut self, index: usize, dir: &Dir) -> Result<&BTreeSet<String>, LaunchError> {
        match self.names.entry(index) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let entries = match dir.entries("runtime") {
                    Ok(entries) => entries,
                    Err(error) if error.is_not_found() => Vec::new(),
                    Err(error) => return Err(error.into()),
                };
                Ok(new
                    .insert(entries.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect()))
            }
        }
    }

    fn add(
        &mut self,
        owner: Owner,
        point: &ExtensionPoint,
        deploy: &Deploy,
        part: Option<&str>,
    ) -> Result<(), LaunchError> {
        let id = &deploy.reference().id;
        let condition = point.enable_if.as_deref().filter(|reasons| !reasons.is_empty());
        if condition.is_some_and(|reasons| !self.conditions.reasons.allow(id, reasons)) {
            return Ok(());
        }
        let files = deploy.files()?;
        let mut directory = point.directory.trim_end_matches('/').to_owned();
        let parent = part.map(|_| directory.clone());
        for more in [part, part.and(point.subdirectory_suffix.as_deref())].into_iter().flatten() {
            directory = format!("{directory}/{}", more.trim_matches('/'));
        }
        self.found.push(Extension {
            id: id.clone(),
            commit: Some(deploy.commit().clone()),
            path: deploy.path(),
            owner,
            directory,
            parent,
            libraries: point.add_ld_path.clone(),
            merged: merged(&files, &point.merge_dirs),
            priority: deploy.metadata()?.extension_of.map_or(0, |extension| extension.priority),
        });
        Ok(())
    }
}

/// What is in the directories that are merged; a link in the way, which the extension could have put there, counts as nothing.
fn merged(files: &Dir, directories: &[String]) -> Vec<(String, Vec<String>)> {
    let names = |directory: &String| -> Option<Vec<String>> {
        Some(
            files
                .entries(directory)
                .ok()?
                .into_iter()
                .filter_map(|entry| entry.name.into_string().ok())
                .collect(),
        )
    };
    directories.iter().filter_map(|directory| Some((directory.clone(), names(directory)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        let reasons = Reasons {
            gl_drivers: vec!["default".into(), "host".into()],
            desktops: vec!["GNOME".into()],
            modules: ["nvidia_drm".to_owned(), "i915".to_owned()].into(),
        };
        let id: AppId = "org.test.Platform.GL.default".parse().unwrap();
        for (text, expected) in [
            ("active-gl-driver", true),
            ("have-intel-gpu", true),
            ("have-kernel-module-nvidia-drm", true),
            ("have-kernel-module-amdgpu", false),
            ("on-xdg-desktop-kde", false),
            ("on-xdg-desktop-kde;on-xdg-desktop-gnome", true),
            ("something-new", false),
        ] {
            assert_eq!(reasons.allow(&id, text), expected, "{text:?}");
        }
    }
}
