//! The list of packages that a commit is made of: the file `packages.json` at the top of its tree.
//!
//! It holds what is needed to solve against the commit without a network, and to say where each file came from. Sorted, so that the same
//! packages give the same bytes.
//! Source: `docs/format/packages.md`.

use aril_model::CommitId;
use aril_store::{Node, Repo, StoreError};
use serde::{Deserialize, Serialize};

use crate::import::Imported;
use crate::rpm::Nevra;
use crate::solve::SolverPackage;

/// The name of the file.
pub const FILE: &str = "packages.json";
/// Largest list that is read, in bytes.
const MAX_LIST: u64 = 256 << 20;

/// One package of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// What the solver needs.
    #[serde(flatten)]
    pub solver: SolverPackage,
    /// The SHA-256 of its header, in hex.
    pub digest: String,
    /// The fingerprint of the certificate that vouched for it; missing when none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its licence.
    pub license: String,
    /// The file name of the source package that it was built from.
    pub source: String,
    /// Whether it has triggers, which others' files may set off: they are in its header.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_triggers: bool,
}

/// All packages of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageList {
    version: u32,
    /// By name, version and architecture.
    pub packages: Vec<PackageRecord>,
}

impl PackageList {
    /// The list of imported packages.
    pub fn new(packages: &[&Imported]) -> Self {
        let record = |package: &&Imported| PackageRecord {
            solver: SolverPackage::from_facts(&package.facts),
            digest: package.header_digest.clone(),
            key: package.key.clone(),
            license: package.facts.license.clone(),
            source: package.facts.source_rpm.clone(),
            has_triggers: !package.facts.triggers.is_empty(),
        };
        let mut packages: Vec<PackageRecord> = packages.iter().map(record).collect();
        packages.sort_by(|a, b| {
            let key = |record: &PackageRecord| {
                (
                    record.solver.name.clone(),
                    record.solver.evr.clone(),
                    record.solver.arch.clone(),
                    record.digest.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        Self { version: 1, packages }
    }

    /// The list of a commit; `None` when it has none, as a runtime that others made.
    ///
    /// # Errors
    /// When the commit is not there. A list that cannot be read counts as none.
    pub fn of_commit(repo: &Repo, commit: &CommitId) -> Result<Option<Self>, StoreError> {
        let Some(Node::File(file)) = repo.node(commit, FILE)? else { return Ok(None) };
        if file.size > MAX_LIST {
            return Ok(None);
        }
        let content = std::io::BufReader::new(repo.content(&file)?);
        Ok(serde_json::from_reader(content).ok())
    }

    /// The file's contents.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec(self).expect("texts and lists can be written as JSON");
        json.push(b'\n');
        json
    }

    /// What the solver needs of all of them.
    pub fn solver_packages(&self) -> impl Iterator<Item = &SolverPackage> {
        self.packages.iter().map(|record| &record.solver)
    }

    /// A line for each: `NAME EVR ARCH DIGEST`.
    pub fn lines(&self) -> Vec<String> {
        let line = |record: &PackageRecord| {
            let SolverPackage { name, evr, arch, .. } = &record.solver;
            format!("{name} {evr} {arch} {}", record.digest.get(..16).unwrap_or(&record.digest))
        };
        self.packages.iter().map(line).collect()
    }
}

impl PackageRecord {
    /// Its name; `None` when it cannot be one.
    pub fn nevra(&self) -> Option<Nevra> {
        Nevra::from_evr(&self.solver.name, &self.solver.evr, &self.solver.arch).ok()
    }
}
