//! Extensions at their points: below `/app` and `/usr`, with the links that several share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Draft, Facts};
use crate::app::{Extension, Owner};
use crate::spec::{Access, Missing, Mount, Source, What};

pub(crate) fn add(facts: &Facts<'_>, draft: &mut Draft) {
    let mut parents: BTreeSet<PathBuf> = BTreeSet::new();
    let mut linked: BTreeSet<PathBuf> = BTreeSet::new();
    for extension in &facts.app.extensions {
        let root = owner_root(extension.owner);
        // Directories for each are made in a file system of their own, since the owner's files cannot be changed.
        if let Some(parent) = extension.parent.as_ref().map(|parent| root.join(parent))
            && parents.insert(parent.clone())
        {
            let what = What::Tmpfs { mode: 0o755, access: Access::Read };
            draft.mounts.push(Mount { at: parent, what });
        }
        let source = Source::Beneath { base: extension.path.clone(), path: "files".into(), create: None };
        let what = What::Bind { source, access: Access::Read, missing: Missing::Fail };
        draft.mounts.push(Mount { at: root.join(&extension.directory), what });
    }
    for extension in &facts.app.extensions {
        add_links(extension, &mut linked, draft);
    }
}

/// What several extensions put into one directory beside them; of two with the same name the first counts.
fn add_links(extension: &Extension, linked: &mut BTreeSet<PathBuf>, draft: &mut Draft) {
    let root = owner_root(extension.owner);
    let Some(parent) = &extension.parent else { return };
    for (directory, names) in &extension.merged {
        for name in names {
            let at = root.join(parent).join(directory).join(name);
            if linked.insert(at.clone()) {
                let target = root.join(&extension.directory).join(directory).join(name);
                draft.mounts.push(Mount { at, what: What::Symlink { target } });
            }
        }
    }
}

fn owner_root(owner: Owner) -> &'static Path {
    Path::new(match owner {
        Owner::App => "/app",
        Owner::Runtime => "/usr",
    })
}

/// Where the extensions of an owner have libraries.
pub(crate) fn library_paths(facts: &Facts<'_>, owner: Owner) -> Vec<String> {
    let own = facts.app.extensions.iter().filter(|extension| extension.owner == owner);
    own.filter_map(|extension| {
        let libraries = extension.libraries.as_ref()?;
        let path = owner_root(owner).join(&extension.directory).join(libraries);
        Some(path.to_string_lossy().into_owned())
    })
    .collect()
}
