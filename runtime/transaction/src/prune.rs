//! Removing what nothing refers to from the repository: packages that no kept app lists, and objects that no ref needs.

use std::collections::BTreeSet;

use aril_model::Arch;
use aril_store::{Pruned, RefName};

use crate::{LockedInstallation, Result};

/// Prunes the repository.
///
/// # Errors
/// When something cannot be removed, or is damaged so that it cannot be known what it needs.
pub(crate) fn prune(at: &LockedInstallation) -> Result<Pruned> {
    let mut listed: BTreeSet<RefName> = BTreeSet::new();
    let mut packages = Vec::new();
    for (name, commit) in at.repo().refs("")? {
        if name.remote().is_none() && name.name().starts_with("rpm/") {
            packages.push(name);
        } else if at.repo().has_commit(&commit)? {
            listed.extend(
                at.repo().commit(&commit)?.list("aril.packages").iter().filter_map(|line| package(line)),
            );
        }
    }
    for name in packages.iter().filter(|name| !listed.contains(name)) {
        at.repo().remove_ref(name)?;
    }
    Ok(at.repo().prune(&[])?)
}

/// The ref of a package that a commit lists as `NAME EVR ARCH DIGEST`.
fn package(line: &str) -> Option<RefName> {
    let mut words = line.split(' ');
    let [name, evr, arch, digest] = [words.next()?, words.next()?, words.next()?, words.next()?];
    RefName::package(name, evr, &arch.parse::<Arch>().ok()?, digest).ok()
}
