//! Spec files written by hand: the packages below all others, and those that show what Debian's packages do not have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::cache::{Cache, key_of};
use super::control_names;
use super::key::Key;
use super::package::rpmbuild::{BUILT, Build, rpmbuild};
use super::run::run;

/// The one whose file names are changed after it was built.
pub const CONTROL_NAMES: &str = "control-names";

/// A spec file with what it is built with.
#[derive(Debug)]
pub struct SpecFile<'a> {
    /// Its name, without `.spec`.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
    /// When it is built.
    pub time: i64,
    /// A release of its own, for a second state.
    pub bump: &'a str,
    /// More macros; their values are part of the cache's key.
    pub macros: Vec<(String, String)>,
    /// A .deb that is unpacked for it at `%{dpkg}`.
    pub deb: Option<PathBuf>,
    /// For which machines.
    pub arch: &'static str,
}

impl<'a> SpecFile<'a> {
    /// Built as it stands.
    pub fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text, time: BUILT, bump: "", macros: Vec::new(), deb: None, arch: "x86_64" }
    }

    /// What tells it from the same file built with other macros.
    pub fn macros_in_words(&self) -> String {
        self.macros
            .iter()
            .filter(|(name, _)| name.starts_with("hard_"))
            .map(|(_, value)| format!("-{value}"))
            .collect()
    }

    /// Builds and signs its packages, or takes them from the cache.
    pub fn make(&self, cache: &Cache, key: &Key) -> Result<Vec<PathBuf>> {
        let deb = self.deb.as_deref().and_then(Path::file_name).unwrap_or_default();
        let id = key_of(&[
            env!("ARIL_KIT_PACKAGE_SOURCES").as_bytes(),
            self.name.as_bytes(),
            self.text.as_bytes(),
            &self.time.to_le_bytes(),
            self.bump.as_bytes(),
            format!("{:?} {}", self.macros, self.arch).as_bytes(),
            deb.as_encoded_bytes(),
            key.fingerprint().as_bytes(),
        ]);
        if let Some(packages) = cache.packages(&id) {
            return Ok(packages);
        }
        let (work, begun) = (cache.work()?, Instant::now());
        let packages = self.build(work.path())?;
        if self.name == CONTROL_NAMES {
            for package in &packages {
                fs::write(package, control_names::put_into(&fs::read(package)?)?)?;
            }
        }
        key.sign_packages(&packages)?;
        // One spec file's time is told with its first package.
        cache.note_time(&packages[0], begun.elapsed())?;
        cache.keep(&id, &packages)
    }

    fn build(&self, work: &Path) -> Result<Vec<PathBuf>> {
        let spec = work.join(format!("{}.spec", self.name));
        fs::write(&spec, self.text)?;
        let mut macros = vec![
            ("built".to_owned(), self.time.to_string()),
            ("bump".to_owned(), format!("%{{nil}}{}", self.bump)),
        ];
        for (name, value) in &self.macros {
            if value.contains('\n') {
                // A list is handed over as a file.
                let file = work.join(name);
                fs::write(&file, value)?;
                macros.push((name.clone(), file.display().to_string()));
            } else {
                macros.push((name.clone(), value.clone()));
            }
        }
        if let Some(deb) = &self.deb {
            let unpacked = work.join("deb");
            run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&unpacked))?;
            macros.push(("dpkg".to_owned(), unpacked.display().to_string()));
        }
        rpmbuild(Build { spec: &spec, work, time: self.time, macros: &macros, arch: self.arch })
            .with_context(|| format!("building the package '{}'", self.name))
    }
}
