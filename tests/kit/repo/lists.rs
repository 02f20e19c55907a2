//! What is to be made: the sets of packages, and how a Debian package is given Fedora's shape. Data only, read from the TOML files beside.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use regex::Regex;
use serde::{Deserialize, Serialize};

const SETS: &str = include_str!("../sets.toml");
const SHAPE: &str = include_str!("../shape.toml");

/// `sets.toml`: which packages there are, and what changes in the second state of the repository.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sets {
    /// By name, as `--set` takes them.
    pub sets: BTreeMap<String, Set>,
    /// Debian packages that keep their documentation and translations; the others have a licence and, if they are an app, man pages.
    pub documented: Vec<String>,
    /// Debian packages that keep their translations.
    pub translated: Vec<String>,
    /// What is newer in the second state, by Debian's name.
    pub second_state: BTreeMap<String, Update>,
}

/// A set: these packages and all that they need.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// In one line.
    pub about: String,
    /// Debian's names.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Whether it is only made when it is named.
    #[serde(default)]
    pub on_request: bool,
}

/// A newer version of a package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// What the advisory says.
    pub about: String,
    /// `security`, `bugfix` or `enhancement`.
    pub kind: String,
    /// What is changed.
    pub change: Shape,
}

/// `shape.toml`: Fedora's names, what Fedora has no place for, and changes to single packages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shapes {
    names: BTreeMap<String, String>,
    dropped: Dropped,
    /// Automatic requires that nothing in the repository can provide, as regular expressions.
    pub excluded_requires: Vec<String>,
    /// Directories that belong to the package `filesystem`.
    pub filesystem: String,
    packages: BTreeMap<String, Shape>,
    /// Packages that have some files of one of Debian's, by names like `x11-apps/xclock`.
    pub parts: BTreeMap<String, Part>,
    #[serde(skip)]
    patterns: Vec<Regex>,
}

/// A package that has some files of one of Debian's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Fedora's name.
    pub fedora: String,
    /// In a line.
    pub summary: String,
    /// Which files, or directories with all in them.
    pub only: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropped {
    names: String,
    patterns: Vec<String>,
}

/// Changes to one package. Paths are those of the Fedora-shaped tree.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// If there are any, all others are left out.
    pub only: Vec<String>,
    /// Files and directories that are left out; a `*` stands for anything.
    pub drop: Vec<String>,
    /// Files that lie elsewhere on Fedora.
    pub moves: BTreeMap<String, String>,
    /// Links that Debian makes in a maintainer script or not at all, with their targets as they stand in the link.
    pub links: BTreeMap<String, String>,
    /// Text that is replaced.
    pub replace: Vec<Replacement>,
    /// Files that are added.
    pub files: BTreeMap<String, String>,
    /// Files that are all files of a directory, one after the other.
    pub bundles: BTreeMap<String, String>,
    /// Provides that rpm does not find by itself.
    pub provides: Vec<String>,
    /// Requires that rpm does not find by itself.
    pub requires: Vec<String>,
    /// File capabilities.
    pub capabilities: BTreeMap<String, String>,
    /// Scriptlets and triggers, as a spec file has them.
    pub scriptlets: String,
}

/// One piece of a file in place of another.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The file.
    pub path: String,
    /// What must be there.
    pub from: String,
    /// What stands there afterwards; as long as `from` where the file is a program.
    pub to: String,
}

impl Sets {
    /// The project's own list.
    pub fn read() -> Result<Self> {
        toml::from_str(SETS).context("tests/kit/sets.toml")
    }
}

impl Shapes {
    /// The project's own list.
    pub fn read() -> Result<Self> {
        let mut shapes: Self = toml::from_str(SHAPE).context("tests/kit/shape.toml")?;
        shapes.patterns =
            shapes.dropped.patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>()?;
        Ok(shapes)
    }

    /// Fedora's name of a Debian package: the listed one, else Debian's own.
    pub fn fedora_name<'a>(&'a self, debian: &'a str) -> &'a str {
        let folded = folded(debian);
        if let Some(part) = self.parts.get(debian) {
            return &part.fedora;
        }
        self.names.get(debian).or_else(|| self.names.get(folded)).map_or(folded, String::as_str)
    }

    /// Whether Debian's package is plumbing of Debian that has no place in a Fedora-shaped repository.
    pub fn is_dropped(&self, debian: &str) -> bool {
        self.dropped.names.split_whitespace().any(|name| name == debian)
            || self.patterns.iter().any(|pattern| pattern.is_match(debian))
    }

    /// The directories of the package `filesystem`, with those above them, without its links.
    pub fn shared_directories(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for dir in self.filesystem.split_whitespace() {
            let ends = dir.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
            all.extend(ends.map(|end| dir[..end].to_owned()));
            all.insert(dir.to_owned());
        }
        all
    }

    /// The changes to one package; none for most.
    pub fn shape(&self, debian: &str) -> Shape {
        let mut shape = self.packages.get(folded(debian)).cloned().unwrap_or_default();
        shape.only.extend(self.parts.get(debian).into_iter().flat_map(|part| part.only.iter().cloned()));
        shape
    }
}

impl Shape {
    /// Both changes, `later` after this one.
    pub fn and(mut self, later: &Self) -> Self {
        self.drop.extend(later.drop.iter().cloned());
        self.moves.extend(later.moves.clone());
        self.links.extend(later.links.clone());
        self.replace.extend(later.replace.iter().cloned());
        self.files.extend(later.files.clone());
        self.bundles.extend(later.bundles.clone());
        self.provides.extend(later.provides.iter().cloned());
        self.requires.extend(later.requires.iter().cloned());
        self.capabilities.extend(later.capabilities.clone());
        self.scriptlets.push_str(&later.scriptlets);
        self
    }
}

/// Debian's package of a name in the sets: `x11-apps` for `x11-apps/xclock`.
pub fn whole(name: &str) -> &str {
    name.split_once('/').map_or(name, |(whole, _)| whole)
}

/// Debian 13 renamed libraries for 64-bit times; here they keep their old names.
pub fn folded(debian: &str) -> &str {
    debian.strip_suffix("t64").unwrap_or(debian)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_can_be_read() {
        let sets = Sets::read().unwrap();
        assert!(sets.sets.contains_key("min"));
        let shapes = Shapes::read().unwrap();
        assert_eq!(shapes.fedora_name("libglib2.0-0t64"), "glib2");
        assert_eq!(shapes.fedora_name("tree"), "tree");
        assert!(shapes.is_dropped("perl-base") && !shapes.is_dropped("bash"));
    }
}
