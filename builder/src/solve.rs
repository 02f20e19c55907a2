//! Which packages are needed: libsolv, asked as dnf asks it.
//!
//! A [`Universe`] holds the packages of repositories, of files that a person named, and of the runtime. To the solver the runtime's packages
//! are installed and locked, so that a solution is what has to come with an app, and nothing of it replaces what the runtime has.
mod package; // a package as the solver sees it
mod problem; // why there is no solution

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::io::{Read, Write};

pub use package::{SolverPackage, WeakDependencies};
pub use problem::Problem;

use crate::rpm::Nevra;
use crate::sys::{Id, Pool, Queue, Solver};

/// A package of a [`Universe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(Id);

/// A repository of a [`Universe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryId(Id);

/// All packages that one question is about.
pub struct Universe {
    pool: Pool,
    runtime: Option<Id>,
    files: Option<Id>,
}

impl std::fmt::Debug for Universe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Universe").finish_non_exhaustive()
    }
}

/// Whether recommended packages come, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WeakPackages {
    /// They do not.
    #[default]
    Leave,
    /// They do.
    Take,
}

/// Whether an app may bring own copies of packages that the runtime has in another version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuntimeCopies {
    /// Never: the runtime's packages are locked.
    #[default]
    Locked,
    /// Where there is no other way.
    Shadowed,
}

/// What is asked of the solver.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Names, `NAME.ARCH`, `NAME >= EVR`, things that are provided, files.
    pub wanted: Vec<String>,
    /// The same, taken only where they are there and can be had.
    pub optional: Vec<String>,
    /// Packages that are files.
    pub files: Vec<PackageId>,
    /// Whether recommended packages come, too.
    pub weak: WeakPackages,
    /// What may become of the runtime's packages.
    pub copies: RuntimeCopies,
}

/// Why a package comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It was asked for.
    Requested,
    /// Another needs something that it provides.
    RequiredBy {
        /// The other.
        package: PackageId,
        /// What it needs.
        dependency: String,
    },
}

/// What has to come.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The packages in the order in which they would be installed, each with the reason.
    pub packages: Vec<(PackageId, Reason)>,
    /// Packages of the runtime that others of the solution take the place of.
    pub shadowed: Vec<PackageId>,
}

/// What a repository says of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub nevra: Nevra,
    /// A line about it.
    pub summary: String,
    /// Its licence.
    pub license: String,
    /// The file name of the source package.
    pub source_rpm: String,
    /// Where it lies, relative to the repository or to [`Self::base`].
    pub location: String,
    /// Another directory than the repository's, if it lies there.
    pub base: Option<String>,
    /// Function and hex of the file's digest.
    pub checksum: Option<(String, String)>,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes of its files.
    pub installed_size: u64,
}

impl Universe {
    /// An empty one for machines of an architecture.
    pub fn new(arch: &str) -> Self {
        let arch = CString::new(arch).unwrap_or_else(|_| c"noarch".into());
        Self { pool: Pool::new(&arch), runtime: None, files: None }
    }

    /// Compares two `[EPOCH:]VERSION[-RELEASE]` as rpm does.
    pub fn compare_evr(&self, a: &str, b: &str) -> std::cmp::Ordering {
        match (CString::new(a), CString::new(b)) {
            (Ok(a), Ok(b)) => self.pool.compare_evr(&a, &b),
            _ => a.cmp(b),
        }
    }

    /// Adds a repository without packages. Packages of a higher priority hide those of the same name of a lower one.
    pub fn add_repository(&mut self, name: &str, priority: i32) -> RepositoryId {
        let name = CString::new(name).unwrap_or_else(|_| c"repository".into());
        RepositoryId(self.pool.create_repo(&name, priority))
    }

    /// Reads `primary.xml`.
    ///
    /// # Errors
    /// libsolv's words.
    pub fn read_primary(&mut self, repository: RepositoryId, xml: &mut dyn Read) -> Result<(), String> {
        self.pool.add_xml(repository.0, xml, false).then_some(()).ok_or_else(|| self.pool.error())
    }

    /// Reads `filelists.xml` of a repository whose `primary.xml` was read.
    ///
    /// # Errors
    /// libsolv's words.
    pub fn read_filelists(&mut self, repository: RepositoryId, xml: &mut dyn Read) -> Result<(), String> {
        self.pool.add_xml(repository.0, xml, true).then_some(()).ok_or_else(|| self.pool.error())
    }

    /// Reads what [`Self::write_cache`] wrote. It must come from a place that only the user can write to: libsolv trusts it.
    ///
    /// # Errors
    /// libsolv's words.
    pub fn read_cache(&mut self, repository: RepositoryId, cache: &mut dyn Read) -> Result<(), String> {
        self.pool.add_solv(repository.0, cache).then_some(()).ok_or_else(|| self.pool.error())
    }

    /// Writes a repository in a form that is read fast.
    ///
    /// # Errors
    /// libsolv's words.
    pub fn write_cache(&mut self, repository: RepositoryId, cache: &mut dyn Write) -> Result<(), String> {
        self.pool.write(repository.0, cache).then_some(()).ok_or_else(|| self.pool.error())
    }

    /// Adds a package that is a file; `None` when one of its dependencies cannot be understood.
    pub fn add_file(&mut self, package: &SolverPackage) -> Option<PackageId> {
        let repo = match self.files {
            Some(repo) => repo,
            // What a person hands over is meant before all repositories.
            None => *self.files.insert(self.pool.create_repo(c"files", 1_000)),
        };
        self.pool.add_package(repo, &package.to_new()?).map(PackageId)
    }

    /// Says which packages the runtime has; gives those that cannot be understood.
    pub fn set_runtime<'a>(
        &mut self,
        packages: impl IntoIterator<Item = &'a SolverPackage>,
    ) -> Vec<&'a SolverPackage> {
        let repo = self.pool.create_repo(c"runtime", 0);
        let added = packages.into_iter().filter(|package| {
            package.to_new().and_then(|package| self.pool.add_package(repo, &package)).is_none()
        });
        let left = added.collect();
        self.pool.set_installed(repo);
        self.runtime = Some(repo);
        left
    }

    /// Makes all that was added ready. To be called before anything is asked, and again when more was added.
    pub fn prepare(&mut self) {
        self.pool.prepare();
    }

    /// Leaves out packages whose names are like one of the patterns: `*` stands for anything.
    pub fn exclude(&mut self, patterns: &[String]) {
        for pattern in patterns {
            let Ok(pattern) = CString::new(pattern.as_str()) else { continue };
            for package in self.pool.matching(&pattern) {
                if Some(self.pool.repo_of(package)) != self.runtime {
                    self.pool.exclude(package);
                }
            }
        }
    }

    /// Solves.
    ///
    /// # Errors
    /// Each reason why it cannot be done.
    pub fn solve(&self, question: &Question) -> Result<Solution, Vec<Problem>> {
        let mut job = Queue::new();
        let mut unknown = Vec::new();
        for wanted in &question.wanted {
            let known = CString::new(wanted.as_str()).is_ok_and(|text| job.install(&self.pool, &text));
            if !known {
                unknown.push(Problem::unknown(wanted));
            }
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        for optional in &question.optional {
            if let Ok(text) = CString::new(optional.as_str()) {
                job.install_if_possible(&self.pool, &text);
            }
        }
        for file in &question.files {
            job.install_package(file.0);
        }
        if question.copies == RuntimeCopies::Locked {
            job.lock_installed(&self.pool);
        }
        let (solver, problems) = Solver::solve(&self.pool, &mut job, question.weak == WeakPackages::Take);
        if problems > 0 {
            return Err((1..=problems.min(20))
                .map(|number| Problem::describe(self, &solver, number))
                .collect());
        }
        let reason = |id: Id| self.reason(&solver, id);
        let packages = solver.packages().into_iter().map(|id| (PackageId(id), reason(id))).collect();
        Ok(Solution { packages, shadowed: solver.removed().into_iter().map(PackageId).collect() })
    }

    /// Asks whether all that the runtime's packages require is there, with nothing else to take it from.
    ///
    /// # Errors
    /// Each thing that is missing or in conflict.
    pub fn verify(&self) -> Result<(), Vec<Problem>> {
        let mut job = Queue::new();
        job.verify();
        let (solver, problems) = Solver::solve(&self.pool, &mut job, false);
        if problems == 0 {
            return Ok(());
        }
        Err((1..=problems).map(|number| Problem::describe(self, &solver, number)).collect())
    }

    fn reason(&self, solver: &Solver<'_>, id: Id) -> Reason {
        match solver.reason(id) {
            Some(rule) if rule.source > 0 && rule.source != id => {
                Reason::RequiredBy { package: PackageId(rule.source), dependency: rule.dependency }
            }
            _ => Reason::Requested,
        }
    }

    /// The packages that a text can mean: by name, by what they provide or, for a path, by their files.
    pub fn matching(&self, text: &str) -> Vec<PackageId> {
        CString::new(text)
            .map_or(Vec::new(), |text| self.pool.matching(&text).into_iter().map(PackageId).collect())
    }

    /// The names of all packages that can be installed, each once.
    pub fn names(&self, repository: RepositoryId) -> BTreeSet<String> {
        let ids = self.pool.packages_of(repository.0).into_iter();
        ids.filter_map(|id| self.pool.text_of(id, c"solvable:name")).collect()
    }

    /// All packages of a repository that can be named.
    pub fn packages_of(&self, repository: RepositoryId) -> Vec<Nevra> {
        let ids = self.pool.packages_of(repository.0).into_iter();
        ids.filter_map(|id| self.nevra(PackageId(id))).collect()
    }

    /// What is known of a package; `None` when its name cannot be one.
    pub fn describe(&self, package: PackageId) -> Option<Description> {
        let id = package.0;
        let text = |key: &CStr| self.pool.text_of(id, key);
        Some(Description {
            nevra: self.nevra(package)?,
            summary: text(c"solvable:summary").unwrap_or_default(),
            license: text(c"solvable:license").unwrap_or_default(),
            source_rpm: self.pool.source_of(id).unwrap_or_default(),
            location: self.pool.location_of(id).unwrap_or_default(),
            base: text(c"solvable:mediabase").filter(|base| !base.is_empty()),
            checksum: self.pool.checksum_of(id),
            download_size: self.pool.number_of(id, c"solvable:downloadsize"),
            installed_size: self.pool.number_of(id, c"solvable:installsize"),
        })
    }

    /// The name of a package; `None` when it cannot be one.
    pub fn nevra(&self, package: PackageId) -> Option<Nevra> {
        let text = |key: &CStr| self.pool.text_of(package.0, key);
        let (name, evr) = (text(c"solvable:name")?, text(c"solvable:evr")?);
        Nevra::from_evr(&name, &evr, &text(c"solvable:arch")?).ok()
    }

    /// The repository of a package, if it comes from one.
    pub fn repository(&self, package: PackageId) -> Option<RepositoryId> {
        let repo = self.pool.repo_of(package.0);
        (repo != 0 && Some(repo) != self.runtime && Some(repo) != self.files).then_some(RepositoryId(repo))
    }

    /// Whether it is one of the runtime's packages.
    pub fn is_in_runtime(&self, package: PackageId) -> bool {
        self.runtime.is_some_and(|runtime| self.pool.repo_of(package.0) == runtime)
    }

    /// The files of a package beneath a directory, as far as the lists that were read say.
    pub fn files(&self, package: PackageId, beneath: &str) -> Vec<String> {
        CString::new(beneath).map_or(Vec::new(), |start| self.pool.paths_of(package.0, &start))
    }

    fn label(&self, package: PackageId) -> String {
        let runtime = if self.is_in_runtime(package) { " (in the runtime)" } else { "" };
        let name = self.nevra(package).map_or_else(|| "a package".to_owned(), |nevra| nevra.to_string());
        format!("{name}{runtime}")
    }
}
