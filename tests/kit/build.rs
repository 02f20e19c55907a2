//! Hashes the generator's own sources, so that its cache knows what another version of it made.

// It reads its own sources.
#![allow(clippy::disallowed_methods)]

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};

fn main() -> io::Result<()> {
    let kit = Path::new("kit");
    // What a single package depends on; what it names in the lists is hashed with it.
    let package =
        hash(&[kit.join("repo/package"), kit.join("repo/package.rs"), kit.join("repo/version.rs")])?;
    println!("cargo::rustc-env=ARIL_KIT_PACKAGE_SOURCES={package}");
    let all = [
        kit.join("repo"),
        kit.join("base"),
        kit.join("manifests"),
        kit.join("specs"),
        kit.join("sets.toml"),
        kit.join("shape.toml"),
    ];
    println!("cargo::rustc-env=ARIL_KIT_SOURCES={}", hash(&all)?);
    Ok(())
}

fn hash(roots: &[PathBuf]) -> io::Result<String> {
    let mut files = Vec::new();
    for root in roots {
        println!("cargo::rerun-if-changed={}", root.display());
        collect(root, &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    // git keeps no empty directory: one with nothing in it is not there in a fresh clone.
    if !path.exists() {
        return Ok(());
    }
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
