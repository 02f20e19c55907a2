//! The .debs that are here, and what is known from each.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt::{Apt, file_name};
use super::cache::Cache;
use super::control::Paragraph;
use super::in_parallel;
use super::package::maintainer::Control;

/// Debian's packages in a cache.
#[derive(Debug, Clone, Copy)]
pub struct Stock<'a> {
    cache: &'a Cache,
}

impl<'a> Stock<'a> {
    /// Those in `cache`.
    pub fn new(cache: &'a Cache) -> Self {
        Self { cache }
    }

    /// A package's file.
    pub fn file(&self, fields: &Paragraph) -> PathBuf {
        self.cache.path("debs").join(file_name(fields))
    }

    /// Downloads what is not here yet.
    pub fn fetch(&self, apt: &Apt, packages: &[&Paragraph]) -> Result<()> {
        let is_here = |one: &Paragraph| {
            let size = fs::metadata(self.file(one)).map(|file| file.len()).ok();
            size.is_some_and(|size| size.to_string() == one.get("Size"))
        };
        // Several packages may be parts of one.
        let by_file: BTreeMap<String, &Paragraph> =
            packages.iter().map(|one| (file_name(one), *one)).collect();
        let missing: Vec<&Paragraph> = by_file.into_values().filter(|one| !is_here(one)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let megabytes =
            missing.iter().filter_map(|one| one.get("Size").parse::<f64>().ok()).sum::<f64>() / 1e6;
        tracing::info!("downloading {} packages of Debian, {megabytes:.0} MB", missing.len());
        apt.download(&missing, &self.cache.path("debs"))
    }

    /// Removes what Debian has replaced by now.
    pub fn remove_other_versions<'p>(&self, packages: impl Iterator<Item = &'p Paragraph>) -> Result<()> {
        let current: BTreeMap<&str, String> =
            packages.map(|one| (one.get("Package"), file_name(one))).collect();
        for entry in fs::read_dir(self.cache.path("debs"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let package = name.split('_').next().unwrap_or_default();
            if current.get(package).is_some_and(|file| *file != name) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Sonames of the libraries in each package, by Debian's name.
    pub fn sonames(&self, packages: &[&Paragraph]) -> Result<BTreeMap<String, Vec<String>>> {
        let all = in_parallel(packages, |one| self.sonames_of(one))?;
        let names = packages.iter().map(|one| one.get("Package").to_owned());
        Ok(names.zip(all).collect())
    }

    fn sonames_of(&self, package: &Paragraph) -> Result<Vec<String>> {
        let note = self.cache.path("facts").join(format!("{}.json", package.get("SHA256")));
        if let Ok(text) = fs::read(&note) {
            return serde_json::from_slice(&text).with_context(|| format!("reading {}", note.display()));
        }
        let sonames = Control::read(&self.file(package))?.sonames();
        let partial = note.with_extension("partial");
        fs::write(&partial, serde_json::to_vec(&sonames)?)?;
        fs::rename(partial, note)?;
        Ok(sonames)
    }
}
