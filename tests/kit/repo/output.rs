//! One repository on disk: packages linked, described twice, signed, and a `.repo` file beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::key::Key;
use super::metadata::{self, Advisory, Group};
use super::states::Packages;

/// A repository to be written.
#[derive(Debug)]
pub struct Repository {
    /// Of its directory.
    pub name: &'static str,
    /// What it has.
    pub packages: Packages,
    /// What is newer in it and why.
    pub advisories: Vec<Advisory>,
    /// When it was made, as it says.
    pub time: i64,
    /// How its metadata is compressed; `NAME-gzip` lies beside it in the second case.
    pub metadata: Metadata,
}

impl Repository {
    /// Without advisories, and with zstd metadata alone.
    pub fn new(name: &'static str, packages: Packages, time: i64) -> Self {
        Self { name, packages, advisories: Vec::new(), time, metadata: Metadata::Zstd }
    }
}

/// How metadata is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// As Fedora does it now.
    Zstd,
    /// And once more as it was done before.
    ZstdAndGzip,
}

/// Where repositories are written, and where they lie in the end.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// Now.
    pub dir: &'a Path,
    /// In the end: what `.repo` files name.
    pub place: &'a Path,
    /// Signs.
    pub key: &'a Key,
    /// The file that the key has beside the repositories.
    pub key_name: &'a str,
}

impl Shelf<'_> {
    /// Writes one repository.
    pub fn write(&self, repository: &Repository, groups: &[Group]) -> Result<()> {
        let gzip = self.dir.join(format!("{}-gzip", repository.name));
        let zstd = self.dir.join(repository.name);
        link_packages(&repository.packages, &zstd)?;
        if repository.metadata == Metadata::ZstdAndGzip {
            link_packages(&repository.packages, &gzip)?;
            metadata::create(&gzip, groups, &repository.advisories, repository.time)?;
            metadata::recompress(&gzip, &zstd)?;
            self.finish(&format!("{}-gzip", repository.name))?;
        } else {
            metadata::create(&zstd, groups, &repository.advisories, repository.time)?;
            let made = zstd.join("repodata");
            let beside = tempfile::tempdir_in(self.dir)?;
            fs::rename(&made, beside.path().join("repodata"))?;
            metadata::recompress(beside.path(), &zstd)?;
        }
        self.finish(repository.name)
    }

    /// Signs the metadata, and writes the `.repo` file.
    fn finish(&self, name: &str) -> Result<()> {
        metadata::sign(&self.dir.join(name), self.key)?;
        let (place, key) = (self.place.join(name), self.place.join(self.key_name));
        let text = format!(
            "[{name}]\nname=Aril's test repository, {name}\nbaseurl=file://{}\nenabled=1\ngpgcheck=1\n\
             repo_gpgcheck=1\ngpgkey=file://{}\n",
            place.display(),
            key.display()
        );
        fs::write(self.dir.join(format!("{name}.repo")), text)?;
        Ok(())
    }
}

/// `Packages/b/bash-….rpm`, as Fedora has it.
fn link_packages(packages: &Packages, repo: &Path) -> Result<()> {
    let files: BTreeSet<&PathBuf> = packages.values().flatten().collect();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).context("a package without a name")?;
        let dir = repo.join("Packages").join(name[..1].to_lowercase());
        fs::create_dir_all(&dir)?;
        let place = dir.join(name);
        if fs::hard_link(file, &place).is_err() {
            fs::copy(file, &place).with_context(|| format!("putting {name} into the repository"))?;
        }
    }
    Ok(())
}
