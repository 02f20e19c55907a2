//! Where a path of a package lands: its directories are resolved through the symbolic links of the runtime and of all packages, as rpm does
//! it on a disk.
//!
//! In an overlay a real directory over a link hides what is behind the link, so this is done before trees are joined. Links are looked up in
//! memory; nothing can lead out of the root. Unlike on a disk the order of packages does not matter: a link of any of them counts for all.

use std::collections::BTreeMap;
use std::path::Path;

use aril_store::{Node, Tree};

/// The links that every tree has, whatever its packages say: the merged /usr of Fedora, and what moved to /run.
const ROOT_LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("var/run", "../run"),
    ("var/lock", "../run/lock"),
];
/// How many links may follow each other, as in the kernel.
const MAX_LINKS: usize = 40;

/// The directory links of a merged tree that is being put together.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    base: Option<&'a Tree>,
    links: BTreeMap<String, String>,
}

/// A path that cannot be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the links of '{}' lead in a circle", aril_model::printable(.0))]
pub struct Circle(pub String);

impl<'a> Places<'a> {
    /// Those of a tree beneath (a runtime's, as a root), with the links of packages: path and target of each.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn new<'l>(
        base: Option<&'a Tree>,
        links: impl Iterator<Item = (&'l Path, &'l Path)>,
    ) -> Result<Self, Circle> {
        let own = |(path, target): &(&str, &str)| ((*path).to_owned(), (*target).to_owned());
        let mut places = Self { base, links: ROOT_LINKS.iter().map(own).collect() };
        let mut given: Vec<(&str, &str)> = links
            .filter_map(|(path, target)| Some((path.to_str()?.trim_start_matches('/'), target.to_str()?)))
            .collect();
        // Upper ones first, since those beneath may lie behind them.
        given.sort_by_key(|(path, _)| (path.matches('/').count(), *path));
        for (path, target) in given {
            let placed = places.place(path)?;
            // A link to where it already is says nothing: `/lib -> usr/lib` again.
            places.links.entry(placed).or_insert_with(|| target.to_owned());
        }
        Ok(places)
    }

    /// Where a file or a link lands: its directories are resolved, its last part is not.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn place(&self, path: &str) -> Result<String, Circle> {
        let path = path.trim_matches('/');
        match path.rsplit_once('/') {
            Some((parent, name)) => Ok(join(&self.resolve(parent)?, name)),
            None => Ok(path.to_owned()),
        }
    }

    /// Where a directory lands: the last part is resolved, too.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn resolve(&self, path: &str) -> Result<String, Circle> {
        let circle = || Circle(path.to_owned());
        let mut waiting: Vec<String> = parts(path).map(str::to_owned).rev().collect();
        let mut placed = String::new();
        let mut followed = 0;
        while let Some(part) = waiting.pop() {
            match part.as_str() {
                "." => continue,
                ".." => {
                    placed.truncate(placed.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = join(&placed, &part);
            let Some(target) = self.link(&next) else {
                placed = next;
                continue;
            };
            followed += 1;
            if followed > MAX_LINKS {
                return Err(circle());
            }
            if target.starts_with('/') {
                placed.clear();
            }
            waiting.extend(parts(target).map(str::to_owned).rev());
        }
        Ok(placed)
    }

    fn link(&self, path: &str) -> Option<&str> {
        if let Some(target) = self.links.get(path) {
            return Some(target);
        }
        match self.base?.get(path) {
            Some(Node::Link(link)) => Some(&link.target),
            _ => None,
        }
    }
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(links: &[(&str, &str)]) -> Result<Places<'static>, Circle> {
        Places::new(None, links.iter().map(|(path, target)| (Path::new(path), Path::new(target))))
    }

    #[test]
    fn through_links() {
        let places = places(&[
            ("/usr/sbin", "bin"),
            ("/usr/lib/x86_64-linux-gnu", "../lib64"),
            ("/usr/share/app", "/opt/app/share"),
            ("/opt/app", "app-1.0"),
            ("/up", "../../../usr"),
        ])
        .unwrap();
        let table = [
            ("/usr/bin/x", "usr/bin/x"),
            ("/sbin/x", "usr/bin/x"),
            ("/lib/x86_64-linux-gnu/libx.so", "usr/lib64/libx.so"),
            ("/usr/share/app/data", "opt/app-1.0/share/data"),
            ("/up/bin/x", "usr/bin/x"),
            ("/bin", "bin"),
            ("/var/run/x.pid", "run/x.pid"),
        ];
        for (path, placed) in table {
            assert_eq!(places.place(path).unwrap(), placed, "{path}");
        }
        assert_eq!(places.resolve("/bin").unwrap(), "usr/bin");
        assert_eq!(places.resolve("/").unwrap(), "");
    }

    #[test]
    fn circles() {
        assert!(places(&[("/a", "b"), ("/b", "a"), ("/b/x", "y")]).is_err());
        let places = places(&[("/a", "b"), ("/b", "a")]).unwrap();
        assert_eq!(places.place("/a/x"), Err(Circle("a".into())));
    }
}
