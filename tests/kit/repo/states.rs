//! Which packages each repository has: the first state, a newer second one, and one whose runtime has lost a library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use super::cache::{Cache, key_of};
use super::handmade::BASE;
use super::in_parallel;
use super::key::Key;
use super::lists::{Sets, Shape, Shapes};
use super::package::bytecode::{self, Interpreter};
use super::package::depends::Surroundings;
use super::package::rpmbuild::{BUILT, REBUILT};
use super::package::unpack::Texts;
use super::package::{Recipe, Workshop};
use super::plan::{Package, Plan};
use super::specs::SpecFile;
use super::stock::Stock;

/// Files of packages, by Fedora's name of the package, or the spec file's.
pub type Packages = BTreeMap<String, Vec<PathBuf>>;

/// Makes packages of one plan.
#[derive(Debug)]
pub struct Factory<'a> {
    cache: &'a Cache,
    key: &'a Key,
    plan: &'a Plan,
    sets: &'a Sets,
    shapes: &'a Shapes,
    sonames: BTreeMap<String, Vec<String>>,
    workshop: Workshop,
    python: String,
}

/// Which version of a package is made.
#[derive(Debug, Clone, Copy)]
struct Edition<'a> {
    package: &'a Package,
    change: Option<&'a Shape>,
}

impl<'a> Factory<'a> {
    /// Gets ready; every package that is asked for later must be in stock.
    pub fn new(
        cache: &'a Cache,
        key: &'a Key,
        plan: &'a Plan,
        (sets, shapes): (&'a Sets, &'a Shapes),
        sonames: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let stock = Stock::new(cache);
        let debs = plan.tools.values().map(|fields| stock.file(fields)).collect();
        let python =
            plan.tools.get("python3.13-minimal").map_or("none", |fields| fields.get("Version")).to_owned();
        let root = cache.path(&format!("python-{}", key_of(&[python.as_bytes()])));
        let workshop = Workshop {
            shared: shapes.shared_directories(),
            excluded_requires: shapes.excluded_requires.clone(),
            interpreter: Interpreter::new(root, debs),
        };
        Self { cache, key, plan, sets, shapes, sonames, workshop, python }
    }

    /// The first state: the packages named, and those below all others.
    pub fn first(&self, debian: &BTreeSet<String>) -> Result<Packages> {
        let mut packages = self.make(debian.iter().map(|name| (name, None)).collect())?;
        for (name, text) in BASE {
            let spec = SpecFile {
                macros: vec![("directories".to_owned(), self.directories())],
                deb: (*name == "alternatives").then(|| Stock::new(self.cache).file(&self.plan.tools["dpkg"])),
                ..SpecFile::new(name, text)
            };
            packages.insert((*name).to_owned(), spec.make(self.cache, self.key)?);
        }
        Ok(packages)
    }

    /// What is newer in the second state, of the packages named.
    pub fn second(&self, debian: &BTreeSet<String>) -> Result<Packages> {
        let changed = self.sets.second_state.iter().filter(|(name, _)| debian.contains(*name));
        self.make(changed.map(|(name, update)| (name, Some(&update.change))).collect())
    }

    fn make(&self, wanted: Vec<(&String, Option<&Shape>)>) -> Result<Packages> {
        let mut editions = Vec::new();
        for (name, change) in wanted {
            let package = self.plan.packages.get(name).with_context(|| format!("'{name}' is in no set"))?;
            editions.push(Edition { package, change });
        }
        // The largest first, so that no core waits for it at the end.
        editions
            .sort_by_key(|one| std::cmp::Reverse(one.package.fields.get("Size").parse::<u64>().unwrap_or(0)));
        let files = in_parallel(&editions, |edition| self.make_one(*edition))?;
        Ok(editions.iter().map(|one| one.package.fedora.clone()).zip(files).collect())
    }

    fn make_one(&self, edition: Edition<'_>) -> Result<Vec<PathBuf>> {
        let deb = Stock::new(self.cache).file(&edition.package.fields);
        let recipe = self.recipe(edition, &deb);
        let id = self.id_of(&recipe)?;
        if let Some(packages) = self.cache.packages(&id) {
            return Ok(packages);
        }
        let begun = Instant::now();
        let work = self.cache.work()?;
        let made = self.workshop.make(&recipe, work.path())?;
        self.key.sign_packages(std::slice::from_ref(&made))?;
        tracing::debug!("{} in {:.2?}", recipe.package.fedora, begun.elapsed());
        self.cache.note_time(&made, begun.elapsed())?;
        self.cache.keep(&id, &[made])
    }

    fn recipe<'r>(&'r self, edition: Edition<'r>, deb: &'r Path) -> Recipe<'r> {
        let Edition { package, change } = edition;
        let shape = self.shapes.shape(&package.debian);
        Recipe {
            package,
            deb,
            shape: change.map_or(shape.clone(), |change| shape.and(change)),
            texts: self.texts(&package.debian),
            around: Surroundings::of(&package.fields, self.plan, self.shapes, &self.sonames),
            bump: if change.is_some() { ".1" } else { "" },
            time: if change.is_some() { REBUILT } else { BUILT },
        }
    }

    fn texts(&self, debian: &String) -> Texts {
        let documents = self.sets.documented.contains(debian);
        let apps = ["apps", "daemons"].iter().filter_map(|set| self.sets.sets.get(*set));
        let manual = documents || apps.flat_map(|set| &set.packages).any(|one| one == debian);
        Texts { manual, documents, translations: self.sets.translated.contains(debian) }
    }

    fn id_of(&self, recipe: &Recipe<'_>) -> Result<String> {
        Ok(key_of(&[
            env!("ARIL_KIT_PACKAGE_SOURCES").as_bytes(),
            recipe.package.fields.get("SHA256").as_bytes(),
            recipe.package.fedora.as_bytes(),
            &serde_json::to_vec(&recipe.shape)?,
            &serde_json::to_vec(&recipe.around)?,
            format!("{:?} {} {}", recipe.texts, recipe.bump, recipe.time).as_bytes(),
            self.workshop.excluded_requires.join("|").as_bytes(),
            self.directories().as_bytes(),
            self.python.as_bytes(),
            self.key.fingerprint().as_bytes(),
        ]))
    }

    fn directories(&self) -> String {
        self.workshop.shared.iter().map(|dir| format!("{dir}\n")).collect()
    }
}

/// Debian's packages that the generator itself needs, kept or not.
pub fn tools() -> Vec<String> {
    bytecode::PACKAGES.iter().map(|name| (*name).to_owned()).chain(["dpkg".to_owned()]).collect()
}
