//! Extension points, where metadata lets other refs be mounted, and what an extension says of itself.
//!
//! Source: `flatpak-metadata(5)`, "Extension" and "ExtensionOf".

use crate::{AppId, Branch, Keyfile};

/// A point of an app or runtime where extensions are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionPoint {
    /// The id of the extension, or with [`Self::subdirectories`] the beginning of the ids.
    pub name: AppId,
    /// The text after `@` in the group's name, which tells points of the same name apart.
    pub tag: Option<String>,
    /// Where it is mounted, relative to the files of the app or runtime; without `..`.
    pub directory: String,
    /// The branches that fit, best first; the point's own branch where metadata names none.
    pub versions: Vec<Branch>,
    /// Whether each extension gets a directory of its own beneath [`Self::directory`].
    pub subdirectories: bool,
    /// What is added to that directory.
    pub subdirectory_suffix: Option<String>,
    /// A directory of the extension where libraries are found.
    pub add_ld_path: Option<String>,
    /// Directories whose entries are linked from all extensions into one.
    pub merge_dirs: Vec<String>,
    /// Whether it is only installed when asked for.
    pub no_autodownload: bool,
    /// When it is installed with the app.
    pub download_if: Option<String>,
    /// When it is mounted.
    pub enable_if: Option<String>,
    /// When it counts as unused.
    pub autoprune_unless: Option<String>,
    /// Whether it goes with the app.
    pub autodelete: bool,
    /// Whether only the user's languages are installed of it.
    pub locale_subset: bool,
}

/// What an extension says of the ref that it extends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionOf {
    /// The ref it extends.
    pub reference: Option<String>,
    /// The runtime it needs.
    pub runtime: Option<String>,
    /// Its place among several of one point: higher comes first.
    pub priority: i32,
    /// The tag of the point it wants.
    pub tag: Option<String>,
}

impl ExtensionPoint {
    /// The points that a keyfile declares, in its order; `own` is the branch of the app or runtime itself.
    ///
    /// A point with a wrong name or a path that goes up is left out, its group's name is returned in the second value.
    pub fn from_keyfile(file: &Keyfile, own: &Branch) -> (Vec<Self>, Vec<String>) {
        let mut points = Vec::new();
        let mut wrong = Vec::new();
        for group in file.group_names() {
            let Some(name) = group.strip_prefix("Extension ") else { continue };
            match Self::from_group(file, group, name, own) {
                Some(point) => points.push(point),
                None => wrong.push(crate::printable(group).into_owned()),
            }
        }
        (points, wrong)
    }

    fn from_group(file: &Keyfile, group: &str, name: &str, own: &Branch) -> Option<Self> {
        let (name, tag) = match name.split_once('@') {
            Some((name, tag)) => (name, Some(tag.to_owned())),
            None => (name, None),
        };
        let path = |key| file.get(group, key).filter(|path| !path.is_empty());
        let directory = path("directory")?;
        let optional = [path("subdirectory-suffix"), path("add-ld-path")];
        let merge_dirs = file.list(group, "merge-dirs");
        let all = optional.iter().flatten().chain(&merge_dirs).chain([&directory]);
        if !all.into_iter().all(|path| is_inner_path(path)) {
            return None;
        }
        let [subdirectory_suffix, add_ld_path] = optional;
        let mut versions: Vec<Branch> =
            file.list(group, "versions").iter().filter_map(|text| text.parse().ok()).collect();
        if versions.is_empty() {
            let version = file.get(group, "version");
            versions.push(version.and_then(|text| text.parse().ok()).unwrap_or_else(|| own.clone()));
        }
        let flag = |key| file.bool(group, key).unwrap_or(false);
        Some(Self {
            name: name.parse().ok()?,
            tag,
            directory,
            versions,
            subdirectories: flag("subdirectories"),
            subdirectory_suffix,
            add_ld_path,
            merge_dirs,
            no_autodownload: flag("no-autodownload"),
            download_if: file.get(group, "download-if"),
            enable_if: file.get(group, "enable-if"),
            autoprune_unless: file.get(group, "autoprune-unless"),
            autodelete: flag("autodelete"),
            locale_subset: flag("locale-subset"),
        })
    }
}

impl ExtensionOf {
    /// The group `ExtensionOf`, if there is one.
    pub fn from_keyfile(file: &Keyfile) -> Option<Self> {
        let group = "ExtensionOf";
        file.has_group(group).then(|| Self {
            reference: file.get(group, "ref"),
            runtime: file.get(group, "runtime"),
            priority: file.get(group, "priority").and_then(|text| text.trim().parse().ok()).unwrap_or(0),
            tag: file.get(group, "tag"),
        })
    }
}

/// Whether a path stays inside: relative, without `..` and control characters.
fn is_inner_path(path: &str) -> bool {
    !path.starts_with('/') && path.split('/').all(|part| part != "..") && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points() {
        let text = "[Extension org.test.Platform.GL]\ndirectory=lib/GL\nsubdirectories=true\nversions=f42;1.4;\nmerge-dirs=vulkan/icd.d;\n[Extension org.test.Locale@x]\ndirectory=share/locale\nautodelete=true\n[Extension org.test.Bad]\ndirectory=../../x\n[Extension nodots]\ndirectory=a\n[Extension org.test.Bad2]\ndirectory=a\nmerge-dirs=../b;\n";
        let file = Keyfile::parse(text).unwrap();
        let (points, wrong) = ExtensionPoint::from_keyfile(&file, &"f42".parse().unwrap());
        assert_eq!(points.len(), 2);
        assert_eq!(points[0].versions.iter().map(Branch::as_str).collect::<Vec<_>>(), ["f42", "1.4"]);
        assert!(points[0].subdirectories && points[1].autodelete);
        assert_eq!((points[1].tag.as_deref(), points[1].versions[0].as_str()), (Some("x"), "f42"));
        assert_eq!(wrong, ["Extension org.test.Bad", "Extension nodots", "Extension org.test.Bad2"]);
    }
}
