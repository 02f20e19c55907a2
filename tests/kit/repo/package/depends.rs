//! Debian's dependency fields as RPM's. Pure: all that is known of other packages comes in as [`Surroundings`], which is also part of
//! the cache's key, so that a package is made anew when one that it names changes its name or its sonames.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::repo::control::{Alternative, Clause, Comparison, Paragraph};
use crate::repo::lists::Shapes;
use crate::repo::plan::Plan;
use crate::repo::version::Evr;

/// The distribution's tag in each release.
pub const DIST: &str = ".fc42";

/// What is known of the packages that one package names, by Debian's name.
#[derive(Debug, Default, Serialize)]
pub struct Surroundings(BTreeMap<String, Neighbour>);

/// What is known of a package that another one names.
#[derive(Debug, Clone, Default, Serialize)]
struct Neighbour {
    /// It has no place on Fedora.
    dropped: bool,
    /// Its name in the repository, if it is there.
    fedora: Option<String>,
    /// Another package provides it.
    provided: bool,
    /// Of its libraries.
    sonames: Vec<String>,
    /// Fedora's name, there or not.
    name: String,
}

const RELATIONS: [&str; 7] =
    ["Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts"];

impl Surroundings {
    /// Looks at every package that `fields` name; `sonames` by Debian's name.
    pub fn of(
        fields: &Paragraph,
        plan: &Plan,
        shapes: &Shapes,
        sonames: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let mut all = BTreeMap::new();
        for name in named(fields) {
            let package = plan.packages.get(&name);
            let neighbour = Neighbour {
                dropped: shapes.is_dropped(&name),
                fedora: package.map(|package| package.fedora.clone()),
                provided: !plan.providers(&name).is_empty(),
                sonames: sonames.get(&name).cloned().unwrap_or_default(),
                name: shapes.fedora_name(&name).to_owned(),
            };
            all.insert(name, neighbour);
        }
        Self(all)
    }

    fn get(&self, name: &str) -> Neighbour {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

fn named(fields: &Paragraph) -> BTreeSet<String> {
    let clauses = RELATIONS.iter().flat_map(|field| fields.clauses(field));
    clauses.flatten().map(|alternative| alternative.name).collect()
}

/// The dependency lines of a spec file. `needed` are the sonames that the package's own programs load.
pub fn lines(fields: &Paragraph, around: &Surroundings, needed: &BTreeSet<String>) -> Vec<String> {
    let mut lines = Vec::new();
    for field in ["Pre-Depends", "Depends"] {
        let clauses =
            fields.clauses(field).into_iter().filter(|clause| !is_by_soname(clause, around, needed));
        lines.extend(
            clauses.filter_map(|clause| needs(&clause, around)).map(|one| format!("Requires: {one}")),
        );
    }
    for tag in ["Recommends", "Suggests", "Enhances"] {
        let clauses = fields.clauses(tag);
        lines.extend(
            clauses.iter().filter_map(|clause| wishes(clause, around)).map(|one| format!("{tag}: {one}")),
        );
    }
    let own = fields.get("Package");
    for clause in fields.clauses("Breaks").into_iter().chain(fields.clauses("Conflicts")) {
        lines.extend(excludes(&clause[0], own, around).map(|one| format!("Conflicts: {one}")));
    }
    for provided in fields.clauses("Provides").into_iter().flatten() {
        lines.extend(provides(&provided, around).map(|one| format!("Provides: {one}")));
    }
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines
}

/// As on Fedora, a library is required by its soname, which rpm finds, and not by its package's name.
fn is_by_soname(clause: &Clause, around: &Surroundings, needed: &BTreeSet<String>) -> bool {
    let [only] = &clause[..] else { return false };
    let open = matches!(only.version, None | Some((Comparison::LaterOrEqual | Comparison::Later, _)));
    open && around.get(&only.name).sonames.iter().any(|soname| needed.contains(soname))
}

/// What a clause requires; nothing, when Debian's own plumbing would do or nothing in the repository would.
fn needs(clause: &Clause, around: &Surroundings) -> Option<String> {
    if clause.iter().any(|one| around.get(&one.name).dropped) {
        return None;
    }
    let there = |one: &&Alternative| {
        let neighbour = around.get(&one.name);
        neighbour.fedora.is_some() || neighbour.provided
    };
    clause.iter().find(there)?;
    Some(any_of(clause, around))
}

fn wishes(clause: &Clause, around: &Surroundings) -> Option<String> {
    if clause.iter().any(|one| around.get(&one.name).dropped) {
        return None;
    }
    Some(any_of(clause, around))
}

fn any_of(clause: &Clause, around: &Surroundings) -> String {
    let mut all: Vec<String> = Vec::new();
    for one in clause {
        let text = dependency(one, around);
        if !all.contains(&text) {
            all.push(text);
        }
    }
    match &all[..] {
        [only] => only.clone(),
        _ => format!("({})", all.join(" or ")),
    }
}

fn dependency(one: &Alternative, around: &Surroundings) -> String {
    let name = around.get(&one.name).name;
    let Some((comparison, version)) = &one.version else { return name };
    // `= 1-2` means the release with Fedora's tag; `>= 1-2` holds for it with or without.
    let tag = match comparison {
        Comparison::Equal | Comparison::EarlierOrEqual | Comparison::Later => DIST,
        Comparison::Earlier | Comparison::LaterOrEqual => "",
    };
    format!("{name} {} {}", comparison.rpm(), Evr::from_debian(version).with_tag(tag))
}

/// Debian breaks old versions of packages that are here; others cannot be there.
fn excludes(one: &Alternative, own: &str, around: &Surroundings) -> Option<String> {
    let (comparison, version) = one.version.as_ref()?;
    let old = matches!(comparison, Comparison::Earlier | Comparison::EarlierOrEqual);
    // With a `-` in the upstream part Debian's order and RPM's are not the same.
    let sure = version.matches('-').count() < 2;
    (old && sure && one.name != own && around.get(&one.name).fedora.is_some())
        .then(|| dependency(one, around))
}

fn provides(one: &Alternative, around: &Surroundings) -> Option<String> {
    let neighbour = around.get(&one.name);
    if neighbour.dropped || neighbour.fedora.is_some() {
        return None;
    }
    match &one.version {
        Some((_, version)) => Some(format!("{} = {}", one.name, Evr::from_debian(version).with_tag(""))),
        None => Some(one.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        let there = |name: &str, sonames: &[&str]| Neighbour {
            fedora: Some(name.to_owned()),
            provided: true,
            sonames: sonames.iter().map(|one| (*one).to_owned()).collect(),
            name: name.to_owned(),
            dropped: false,
        };
        let gone = |name: &str| Neighbour { name: name.to_owned(), ..Neighbour::default() };
        let dropped = Neighbour { dropped: true, ..gone("perl") };
        Surroundings(BTreeMap::from([
            ("libc6".to_owned(), there("glibc", &["libc.so.6"])),
            ("libx11-6".to_owned(), there("libX11", &["libX11.so.6"])),
            ("data".to_owned(), there("app-data", &[])),
            ("other".to_owned(), gone("other")),
            ("perl".to_owned(), dropped),
        ]))
    }

    #[test]
    fn debian_dependencies_become_fedoras() {
        let text = "Package: app\nDepends: libc6 (>= 2), libx11-6, data (= 1-2), perl | data, other, data | other\n\
                    Recommends: other\nBreaks: data (<< 1-1), other (<< 2)\nProvides: x-app (= 3)\n";
        let fields = Paragraph::parse_all(text).remove(0);
        let needed = BTreeSet::from(["libc.so.6".to_owned()]);
        assert_eq!(
            lines(&fields, &around(), &needed),
            [
                "Requires: libX11",
                "Requires: app-data = 1-2.fc42",
                "Requires: (app-data or other)",
                "Recommends: other",
                "Conflicts: app-data < 1-1",
                "Provides: x-app = 3",
            ]
        );
    }
}
