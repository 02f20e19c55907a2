//! What a plan changes of what is installed.

use std::collections::{BTreeMap, BTreeSet};

use aril_model::Ref;

use super::{PlannedPackage, installed_commit};
use crate::BuildError;
use crate::build::Solved;
use crate::session::Session;

/// Fills in how each package changes, adds those that go, and says whether the commit would be another.
pub(super) fn compare(
    session: &Session,
    reference: &Ref,
    solved: &Solved,
    packages: &mut Vec<PlannedPackage>,
) -> Result<bool, BuildError> {
    let commit = session.repo.commit(&installed_commit(session, reference)?)?;
    let installed: Vec<Installed> =
        commit.list("aril.packages").iter().filter_map(|line| Installed::parse(line)).collect();
    let mut by_name: BTreeMap<(&str, &str), Vec<&Installed>> = BTreeMap::new();
    for package in &installed {
        by_name.entry((&package.name, &package.arch)).or_default().push(package);
    }
    let mut kept = BTreeSet::new();
    let mut changed = false;
    for package in packages.iter_mut() {
        let Some(old) = by_name.get(&(package.name.as_str(), package.arch.as_str())) else {
            changed = true;
            continue;
        };
        kept.insert((package.name.clone(), package.arch.clone()));
        let same = |old: &&&Installed| {
            old.evr == package.evr && package.digest.as_ref().is_none_or(|digest| *digest == old.digest)
        };
        // A package that is not here cannot be the one that is installed: that one was imported.
        if old.iter().any(|old| same(&old)) && package.is_here {
            package.change = "keep";
            continue;
        }
        changed = true;
        package.change = "update";
        package.old_evr = old.first().map(|old| old.evr.clone());
    }
    let gone = installed.iter().filter(|old| !kept.contains(&(old.name.clone(), old.arch.clone())));
    let gone: Vec<PlannedPackage> = gone.map(Installed::removed).collect();
    changed |= !gone.is_empty();
    packages.extend(gone);
    // Another runtime beneath may change what is exported, and what is taken from it.
    let planned_for = solved.runtime.commit.as_deref();
    Ok(changed || planned_for.is_some() && commit.text("aril.runtime-commit") != planned_for)
}

/// A line of the list of packages in a commit.
struct Installed {
    name: String,
    evr: String,
    arch: String,
    digest: String,
}

impl Installed {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Self { name: words.next()?, evr: words.next()?, arch: words.next()?, digest: words.next()? })
    }

    fn removed(&self) -> PlannedPackage {
        PlannedPackage {
            name: self.name.clone(),
            evr: self.evr.clone(),
            arch: self.arch.clone(),
            digest: Some(self.digest.clone()),
            change: "remove",
            old_evr: Some(self.evr.clone()),
            why: "nothing needs it any more".into(),
            download_size: 0,
            installed_size: 0,
            is_here: true,
        }
    }
}
