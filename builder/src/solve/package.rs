//! A package as the solver sees it: taken from a header, and kept in the commits of runtimes and apps so that they can be solved against
//! without a network.

use std::collections::BTreeMap;
use std::ffi::CString;

use serde::{Deserialize, Serialize};

use crate::rpm::{Dependency, Facts};
use crate::sys::{NewDependency, NewPackage};

/// What the solver needs to know of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SolverPackage {
    /// Its name.
    pub name: String,
    /// `[EPOCH:]VERSION-RELEASE`.
    pub evr: String,
    /// Its architecture.
    pub arch: String,
    /// What it provides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<String>,
    /// What it requires.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What must not be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// What it replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obsoletes: Vec<String>,
    /// What should be there; only for packages that are not installed yet.
    #[serde(skip)]
    pub weak: WeakDependencies,
    /// Requirements of scripts; only for packages that are not installed yet.
    #[serde(skip)]
    pub script_requires: Vec<String>,
    /// Its files: names by directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Vec<String>>,
}

/// What need not be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WeakDependencies {
    /// What should be there.
    pub recommends: Vec<String>,
    /// What could be there.
    pub suggests: Vec<String>,
    /// For what it should be there.
    pub supplements: Vec<String>,
    /// For what it could be there.
    pub enhances: Vec<String>,
}

impl SolverPackage {
    /// Of a package's header.
    pub fn from_facts(facts: &Facts) -> Self {
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in &facts.files {
            // What is no text cannot be required.
            let Some(path) = file.path.to_str() else { continue };
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            files.entry(if dir.is_empty() { "/".into() } else { dir.into() }).or_default().push(name.into());
        }
        let (scripts, requires): (Vec<_>, Vec<_>) =
            facts.requires.iter().partition(|dependency| dependency.before_scripts);
        Self {
            name: facts.nevra.name.clone(),
            evr: facts.nevra.evr(),
            arch: facts.nevra.arch.clone(),
            provides: texts(&facts.provides),
            requires: texts(requires),
            conflicts: texts(&facts.conflicts),
            obsoletes: texts(&facts.obsoletes),
            weak: WeakDependencies {
                recommends: texts(&facts.recommends),
                suggests: texts(&facts.suggests),
                supplements: texts(&facts.supplements),
                enhances: texts(&facts.enhances),
            },
            script_requires: texts(scripts),
            files,
        }
    }

    /// For libsolv; `None` when a text holds a NUL or cannot be a dependency.
    pub(crate) fn to_new(&self) -> Option<NewPackage> {
        // In the order of the shim's table.
        let lists: [&[String]; 9] = [
            &self.provides,
            &self.requires,
            &self.conflicts,
            &self.obsoletes,
            &self.weak.recommends,
            &self.weak.suggests,
            &self.weak.supplements,
            &self.weak.enhances,
            &self.script_requires,
        ];
        let dependencies =
            lists.iter().zip(0..).flat_map(|(list, kind)| list.iter().map(move |text| (kind, text)));
        let paths = self.files.iter().flat_map(|(dir, names)| names.iter().map(move |name| (dir, name)));
        let text = |text: &str| CString::new(text).ok();
        Some(NewPackage {
            name: text(&self.name)?,
            evr: text(&self.evr)?,
            arch: text(&self.arch)?,
            vendor: CString::default(),
            dependencies: dependencies
                .map(|(kind, text)| new_dependency(kind, text))
                .collect::<Option<_>>()?,
            paths: paths.map(|(dir, name)| Some((text(dir)?, text(name)?))).collect::<Option<_>>()?,
        })
    }
}

fn texts<'a>(dependencies: impl IntoIterator<Item = &'a Dependency>) -> Vec<String> {
    let mut texts: Vec<String> = dependencies.into_iter().map(ToString::to_string).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn new_dependency(kind: i32, text: &str) -> Option<NewDependency> {
    let dependency = Dependency::parse(text)?;
    let (relation, version) = match &dependency.version {
        Some((relation, version)) => (relation.operator(), version.as_str()),
        None => ("", ""),
    };
    let bit = |operator: char, bit: i32| if relation.contains(operator) { bit } else { 0 };
    Some(NewDependency {
        kind,
        relation: bit('>', 1) | bit('=', 2) | bit('<', 4),
        name: CString::new(dependency.name).ok()?,
        version: CString::new(version).ok()?,
    })
}
