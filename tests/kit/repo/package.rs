//! One Debian package as one signed RPM, made once: the story. Each step is a file of its own.

pub mod bytecode;
pub mod depends;
pub mod maintainer;
pub mod paths;
pub mod rpmbuild;
pub mod scriptlets;
pub mod spec;
pub mod tree;
pub mod unpack;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use self::bytecode::Interpreter;
use self::depends::Surroundings;
use self::maintainer::{Control, Deeds, needed_sonames};
use self::rpmbuild::{Build, rpmbuild};
use self::scriptlets::Scriptlets;
use self::spec::Spec;
use self::tree::{Kind, Tree};
use self::unpack::{Texts, unpack};
use super::lists::Shape;
use super::plan::Package;

/// How a package is to come out; together with the .deb it is all that the RPM depends on.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// Which.
    pub package: &'a Package,
    /// Its file.
    pub deb: &'a Path,
    /// Changes.
    pub shape: Shape,
    /// Which texts it keeps.
    pub texts: Texts,
    /// What it names.
    pub around: Surroundings,
    /// After Debian's revision.
    pub bump: &'static str,
    /// When it is built.
    pub time: i64,
}

/// What is the same for all packages.
#[derive(Debug)]
pub struct Workshop {
    /// Directories that belong to `filesystem`.
    pub shared: BTreeSet<String>,
    /// Automatic requires that nothing provides.
    pub excluded_requires: Vec<String>,
    /// Compiles Python.
    pub interpreter: Interpreter,
}

impl Workshop {
    /// Makes the RPM, unsigned, in the directory `work`.
    pub fn make(&self, recipe: &Recipe<'_>, work: &Path) -> Result<PathBuf> {
        let name = &recipe.package.debian;
        self.make_in(recipe, work).with_context(|| format!("making an RPM of Debian's '{name}'"))
    }

    fn make_in(&self, recipe: &Recipe<'_>, work: &Path) -> Result<PathBuf> {
        let root = work.join("root");
        let mut tree = Tree::new(&root, recipe.time)?;
        unpack(recipe.deb, &mut tree, &recipe.package.fedora, recipe.texts, &self.shared)?;
        let control = Control::read(recipe.deb)?;
        reshape(&mut tree, &recipe.shape)?;
        let mut scriptlets = Scriptlets::default();
        let deeds = control.deeds()?;
        scriptlets.add_users(&mut tree, &recipe.package.fedora, &deeds.users)?;
        scriptlets.add_alternatives(&mut tree, &deeds.alternatives)?;
        scriptlets.add_services(&tree);
        mark(&mut tree, &control, deeds, &recipe.shape);
        tree.seal()?;
        self.interpreter.compile(&mut tree)?;
        tree.seal()?;
        let text = self.spec(recipe, &tree, scriptlets)?;
        build(recipe, &text, work)
    }

    fn spec(&self, recipe: &Recipe<'_>, tree: &Tree, scriptlets: Scriptlets) -> Result<String> {
        let lines = tree.entries().iter().map(|(path, entry)| spec::file_line(path, entry));
        let mut files: Vec<String> = lines.collect();
        files.extend(scriptlets.ghosts.iter().map(|path| format!("%ghost {path}")));
        let fields = &recipe.package.fields;
        let mut dependencies = depends::lines(fields, &recipe.around, &needed(tree)?);
        dependencies.extend(recipe.shape.provides.iter().map(|one| format!("Provides: {one}")));
        dependencies.extend(recipe.shape.requires.iter().map(|one| format!("Requires: {one}")));
        dependencies.extend(scriptlets.dependencies.iter().cloned());
        if tree.files().any(|path| path.ends_with(".cpython-313.pyc")) {
            dependencies.push("Requires: python(abi) = 3.13".to_owned());
        }
        dependencies.extend(owners(tree));
        let root = tree.on_disk("/");
        let spec = Spec {
            name: &recipe.package.fedora,
            fields,
            bump: recipe.bump,
            dependencies,
            excluded_requires: &self.excluded_requires,
            scriptlets: format!("{}{}", scriptlets.text(), recipe.shape.scriptlets),
            has_files: tree.entries().values().any(|entry| entry.kind != Kind::Directory),
            files,
            root: root.to_str().context("the cache's path is not UTF-8")?.trim_end_matches('/'),
        };
        Ok(spec.text())
    }
}

fn reshape(tree: &mut Tree, shape: &Shape) -> Result<()> {
    if !shape.only.is_empty() {
        let is_kept = |path: &str| {
            path.starts_with("/usr/share/licenses/")
                || shape.only.iter().any(|top| paths::is_beneath(path, top))
        };
        // A directory that is left empty goes with its last file.
        let gone: Vec<String> = tree.entries().keys().filter(|path| !is_kept(path)).cloned().collect();
        for path in gone.iter().rev() {
            tree.remove_one(path)?;
        }
    }
    for path in &shape.drop {
        match path.split_once('*') {
            Some((start, end)) => {
                let fits = |path: &&String| path.starts_with(start) && path[start.len()..].ends_with(end);
                let gone: Vec<String> = tree.entries().keys().filter(fits).cloned().collect();
                gone.iter().try_for_each(|path| tree.remove(path))?;
            }
            None => tree.remove(path)?,
        }
    }
    for (from, to) in &shape.moves {
        tree.move_file(from, to)?;
    }
    for change in &shape.replace {
        tree.replace(&change.path, change.from.as_bytes(), change.to.as_bytes())?;
    }
    for (path, text) in &shape.files {
        tree.add_file(path, text.as_bytes())?;
    }
    for (path, dir) in &shape.bundles {
        let parts: Vec<&str> = tree.files().filter(|file| paths::parent(file) == dir).collect();
        let texts =
            parts.into_iter().map(|file| fs::read(tree.on_disk(file))).collect::<Result<Vec<_>, _>>()?;
        tree.add_file(path, &texts.concat())?;
    }
    for (path, target) in &shape.links {
        tree.add_link(path, target)?;
    }
    // Fedora has games among the other programs.
    let started: Vec<String> = tree
        .files()
        .filter(|path| path.ends_with(".desktop") || path.ends_with(".service"))
        .map(str::to_owned)
        .collect();
    for path in started {
        if fs::read_to_string(tree.on_disk(&path)).is_ok_and(|text| text.contains("/usr/games/")) {
            tree.replace(&path, b"/usr/games/", b"/usr/bin/")?;
        }
    }
    Ok(())
}

/// Notes what an unpacked tree does not tell: owners, modes and capabilities that a script sets, and configuration.
fn mark(tree: &mut Tree, control: &Control, deeds: Deeds, shape: &Shape) {
    for path in control.configuration() {
        if let Some(entry) = tree.entry_mut(&path) {
            entry.is_configuration = true;
        }
    }
    for (path, (user, group, mode)) in deeds.owners {
        if let Some(entry) = tree.entry_mut(&path) {
            (entry.user, entry.group, entry.mode) = (user, group, mode);
        }
    }
    for (path, capabilities) in deeds.capabilities.into_iter().chain(shape.capabilities.clone()) {
        if let Some(entry) = tree.entry_mut(&path) {
            entry.capabilities = Some(capabilities);
        }
    }
}

/// Users and groups that must be there before the files are, as rpm on Fedora finds them by itself.
fn owners(tree: &Tree) -> BTreeSet<String> {
    let entries = || tree.entries().values();
    let users = entries().filter(|one| one.user != "root").map(|one| format!("Requires: user({})", one.user));
    let groups =
        entries().filter(|one| one.group != "root").map(|one| format!("Requires: group({})", one.group));
    users.chain(groups).collect()
}

/// Sonames that the programs and libraries of the tree load.
fn needed(tree: &Tree) -> Result<BTreeSet<String>> {
    let mut programs = Vec::new();
    for path in tree.files() {
        let disk = tree.on_disk(path);
        let mut start = [0; 4];
        let mut file = fs::File::open(&disk)?;
        if std::io::Read::read_exact(&mut file, &mut start).is_ok() && &start == b"\x7fELF" {
            programs.push(disk);
        }
    }
    Ok(needed_sonames(&programs)?.into_iter().collect())
}

fn build(recipe: &Recipe<'_>, text: &str, work: &Path) -> Result<PathBuf> {
    let spec = work.join(format!("{}.spec", recipe.package.fedora));
    fs::write(&spec, text)?;
    let built = rpmbuild(Build { spec: &spec, work, time: recipe.time, macros: &[], arch: "x86_64" })?;
    built.into_iter().next().context("rpmbuild made no package")
}
