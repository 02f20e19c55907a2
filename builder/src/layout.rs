//! How a merged tree lies in a commit: a runtime's as its `/usr` with `etc` in it, an app's with `usr`, `etc`, `opt` and `var` apart.
//!
//! Source: `docs/architecture.md`, "How the programs speak to each other"; Flatpak's layout of runtimes.

use aril_store::{Node, Tree, TreeError};

use crate::report::{Note, Topic};

/// Directories of the root that a sandbox fills itself. What packages have in them cannot be kept.
const RUN_TIME: &[&str] =
    &["app", "boot", "dev", "home", "media", "mnt", "proc", "root", "run", "srv", "sys", "tmp"];

/// Lists of a host's passwords. In a sandbox nobody may read them, or has one.
const PASSWORDS: &[&str] = &["etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-"];

/// The tree of a commit, and what is not in it.
#[derive(Debug)]
pub struct Laid {
    /// What becomes `files`.
    pub files: Tree,
    /// What was left out, a line each.
    pub notes: Vec<Note>,
}

/// Lays out a runtime: its `/usr`, with its `/etc` as `etc`.
///
/// `/opt` and `/var` of a runtime's packages are left out: nothing is mounted there but what an app brings.
/// # Errors
/// When packages have both `/etc` and `/usr/etc`.
pub fn runtime(mut root: Tree) -> Result<Laid, TreeError> {
    let mut notes = without_passwords(&mut root);
    let mut files = take(&mut root, "usr");
    let etc = take(&mut root, "etc");
    files.insert("etc", Node::Dir(etc))?;
    notes.extend(left_out(&root, RUN_TIME, "a sandbox makes this directory itself"));
    notes.extend(left_out(&root, &["opt", "var"], "a runtime has no such directory"));
    notes.extend(others(&root));
    Ok(Laid { files, notes })
}

/// Lays out a merged app: `usr`, `etc`, `opt` and `var`.
///
/// # Errors
/// Never in practice: the names are free.
pub fn app(mut root: Tree) -> Result<Laid, TreeError> {
    let mut notes = without_passwords(&mut root);
    let mut files = Tree::new();
    for name in ["usr", "etc", "opt", "var"] {
        let dir = take(&mut root, name);
        if !dir.is_empty() {
            files.insert(name, Node::Dir(dir))?;
        }
    }
    notes.extend(left_out(&root, RUN_TIME, "a sandbox makes this directory itself"));
    notes.extend(others(&root));
    Ok(Laid { files, notes })
}

fn take(root: &mut Tree, name: &str) -> Tree {
    match root.remove(name) {
        Some(Node::Dir(dir)) => dir,
        _ => Tree::new(),
    }
}

fn without_passwords(root: &mut Tree) -> Vec<Note> {
    let removed = PASSWORDS.iter().filter(|path| root.remove(path).is_some());
    let text = |path: &&str| format!("/{path} is left out: nobody logs in to a sandbox");
    removed.map(|path| Note::routine(Topic::File, text(path))).collect()
}

fn left_out(root: &Tree, dirs: &[&str], why: &str) -> Vec<Note> {
    let lost = dirs.iter().filter_map(|name| Some((name, root.dir(name)?)));
    let files = lost.flat_map(|(name, dir)| {
        dir.paths().into_iter().map(move |(path, node)| (format!("/{name}/{path}"), node))
    });
    let files = files.filter(|(_, node)| !node.is_dir());
    files
        .map(|(path, _)| {
            let text = format!("{} is left out: {why}", aril_model::printable(&path));
            if is_cache(&path) { Note::routine(Topic::Cache, text) } else { Note::new(Topic::File, text) }
        })
        .collect()
}

/// Files and directories right beneath the root that have no place anywhere.
fn others(root: &Tree) -> Vec<Note> {
    let known = |name: &str| {
        RUN_TIME.contains(&name)
            || matches!(name, "bin" | "sbin" | "lib" | "lib64" | "opt" | "var" | "usr" | "etc")
    };
    let others = root.entries().filter(|(name, _)| !known(name));
    let note = |name: &str| {
        let name = aril_model::printable(name);
        Note::new(Topic::File, format!("/{name} is left out: it lies outside of /usr, /etc, /opt and /var"))
    };
    others.map(|(name, _)| note(name)).collect()
}

/// What programs that make caches leave behind.
fn is_cache(path: &str) -> bool {
    path.starts_with("/var/cache/") || path == "/var/lib/dbus/machine-id"
}

#[cfg(test)]
mod tests {
    use super::*;
    use aril_store::{Checksum, LinkNode};

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::new();
        for path in paths {
            match path.strip_suffix('/') {
                Some(dir) => drop(tree.make_dir(dir).unwrap()),
                None => {
                    let node = LinkNode { checksum: Checksum::from([0; 32]), target: "x".into() };
                    tree.insert(path, Node::Link(node)).unwrap();
                }
            }
        }
        tree
    }

    #[test]
    fn runtimes() {
        let laid = runtime(tree(&[
            "usr/bin/sh",
            "etc/passwd",
            "etc/shadow",
            "bin",
            "var/lib/x",
            "opt/",
            "run/y",
            "odd/z",
        ]))
        .unwrap();
        assert_eq!(laid.files, tree(&["bin/sh", "etc/passwd"]));
        assert_eq!(laid.notes.len(), 4);
        assert!(runtime(tree(&["usr/etc/x", "etc/y"])).is_err());
    }

    #[test]
    fn apps() {
        let laid = app(tree(&["usr/bin/x", "usr/lib/empty/", "var/lib/x/", "opt/x/y", "tmp/z"])).unwrap();
        assert_eq!(laid.files, tree(&["usr/bin/x", "usr/lib/empty/", "var/lib/x/", "opt/x/y"]));
        let texts: Vec<&str> = laid.notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(texts, ["/tmp/z is left out: a sandbox makes this directory itself"]);
    }
}
