//! Which Debian packages are made into RPMs: apt's closure of all sets, less what Fedora has no place for. Pure, given apt's answer.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use super::apt::Apt;
use super::control::{Clause, Paragraph};
use super::lists::{Part, Sets, Shapes, whole};
use super::states::tools;

/// A Debian package and its name on Fedora.
#[derive(Debug, Clone)]
pub struct Package {
    /// Debian's name.
    pub debian: String,
    /// Fedora's name.
    pub fedora: String,
    /// Debian's fields.
    pub fields: Paragraph,
}

/// Every package that any set has: dependencies are looked up here whatever sets are made, so that a package comes out the same.
#[derive(Debug)]
pub struct Plan {
    /// By Debian's name.
    pub packages: BTreeMap<String, Package>,
    /// Debian's names of each set's packages with all that they need.
    pub closures: BTreeMap<String, BTreeSet<String>>,
    /// Fields of the packages that the generator itself needs, by Debian's name.
    pub tools: BTreeMap<String, Paragraph>,
    virtuals: BTreeMap<String, Vec<String>>,
}

impl Plan {
    /// Asks apt for the closure of all sets.
    pub fn make(apt: &Apt, sets: &Sets, shapes: &Shapes) -> Result<Self> {
        let roots: BTreeSet<String> =
            sets.sets.values().flat_map(|set| &set.packages).map(|name| whole(name).to_owned()).collect();
        let mut roots: Vec<String> = roots.into_iter().collect();
        roots.extend(tools());
        Self::from_closure(apt.closure(&roots)?, sets, shapes)
    }

    fn from_closure(closure: Vec<Paragraph>, sets: &Sets, shapes: &Shapes) -> Result<Self> {
        let mut all = BTreeMap::new();
        let mut virtuals: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fields in closure {
            let debian = fields.get("Package").to_owned();
            for provided in fields.clauses("Provides").into_iter().flatten() {
                virtuals.entry(provided.name).or_default().push(debian.clone());
            }
            let fedora = shapes.fedora_name(&debian).to_owned();
            all.insert(debian.clone(), Package { debian, fedora, fields });
        }
        for (name, part) in &shapes.parts {
            if let Some(package) = all.get(whole(name)) {
                let package = part_of(package, name, part);
                all.insert(name.clone(), package);
            }
        }
        let graph = Graph { all: &all, virtuals: &virtuals, shapes };
        let mut closures = BTreeMap::new();
        for (name, set) in &sets.sets {
            closures.insert(name.clone(), graph.reach(name, &set.packages)?);
        }
        let kept: BTreeSet<&String> = closures.values().flatten().collect();
        let packages: BTreeMap<String, Package> =
            all.iter().filter(|(name, _)| kept.contains(name)).map(|(k, v)| (k.clone(), v.clone())).collect();
        check_names(&packages)?;
        let tools = tools()
            .into_iter()
            .filter_map(|name| Some((name.clone(), all.get(&name)?.fields.clone())))
            .collect();
        Ok(Self { packages, closures, tools, virtuals })
    }

    /// The packages that give `name`: itself, or those that provide it.
    pub fn providers(&self, name: &str) -> Vec<&Package> {
        if let Some(package) = self.packages.get(name) {
            return vec![package];
        }
        let names = self.virtuals.get(name).map_or(&[][..], Vec::as_slice);
        names.iter().filter_map(|one| self.packages.get(one)).collect()
    }
}

struct Graph<'a> {
    all: &'a BTreeMap<String, Package>,
    virtuals: &'a BTreeMap<String, Vec<String>>,
    shapes: &'a Shapes,
}

impl Graph<'_> {
    fn reach(&self, set: &str, roots: &[String]) -> Result<BTreeSet<String>> {
        for root in roots {
            ensure!(
                self.all.contains_key(root),
                "set '{set}': Debian has no package '{root}' that apt can install"
            );
        }
        let mut seen = BTreeSet::new();
        let mut todo: Vec<String> = roots.to_vec();
        while let Some(name) = todo.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            // A part needs what the whole does: rpm finds out which of it.
            let fields = &self.all[whole(&name)].fields;
            let clauses = fields.clauses("Pre-Depends").into_iter().chain(fields.clauses("Depends"));
            todo.extend(clauses.filter_map(|clause| self.choose(&clause)));
        }
        Ok(seen)
    }

    /// The first alternative that is here; none, if Debian's own plumbing would do.
    fn choose(&self, clause: &Clause) -> Option<String> {
        for alternative in clause {
            if self.shapes.is_dropped(&alternative.name) {
                return None;
            }
            if self.all.contains_key(&alternative.name) {
                return Some(alternative.name.clone());
            }
            let providers = self.virtuals.get(&alternative.name).map_or(&[][..], Vec::as_slice);
            if let Some(provider) = providers.iter().find(|one| !self.shapes.is_dropped(one)) {
                return Some(provider.clone());
            }
        }
        None
    }
}

fn part_of(package: &Package, name: &str, part: &Part) -> Package {
    let relations =
        ["Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts", "Provides"];
    let mut changes: Vec<(&str, &str)> = relations.iter().map(|relation| (*relation, "")).collect();
    changes.push(("Description", &part.summary));
    let fields = package.fields.clone().with(&changes);
    Package { debian: name.to_owned(), fedora: part.fedora.clone(), fields }
}

fn check_names(packages: &BTreeMap<String, Package>) -> Result<()> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for package in packages.values() {
        if let Some(other) = owners.insert(&package.fedora, &package.debian) {
            anyhow::bail!("'{other}' and '{}' would both be named '{}'", package.debian, package.fedora);
        }
    }
    Ok(())
}
