//! The packages of a solution brought into the store: fetched if need be, several at a time.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use aril_store::{RefName, Writer};
use aril_terminal::{Bar, Unit};

use crate::BuildError;
use crate::import::{self, ImportError, Imported};
use crate::repository::Repository;
use crate::rpm::{Package, RpmError, SignaturePolicy};
use crate::session::Session;
use crate::solve::{Description, PackageId, Solution, Universe};

/// A package that is to come.
#[derive(Debug)]
pub enum Source {
    /// Of the remote's repository.
    Repository(Box<Description>),
    /// A file that a person named, by its place in the list of files.
    File(usize),
}

/// A package that is a file.
#[derive(Debug)]
pub struct LocalPackage {
    /// Where it lies, for messages.
    pub path: String,
    /// Its headers.
    pub package: Package,
}

impl LocalPackage {
    /// Opens a file that a person named.
    ///
    /// # Errors
    /// When it is no package.
    pub fn open(path: &std::path::Path) -> Result<Self, BuildError> {
        let shown = path.display().to_string();
        let (parent, name) =
            (path.parent().unwrap_or(std::path::Path::new("")), path.file_name().unwrap_or_default());
        let parent = if parent.as_os_str().is_empty() { std::path::Path::new(".") } else { parent };
        let file = aril_beneath::Dir::open(parent)?.open_file_in_root(name)?;
        let package =
            Package::open(file).map_err(|source| BuildError::File { path: shown.clone(), source })?;
        Ok(Self { path: shown, package })
    }
}

/// Where each package of a solution is to be had.
pub fn sources(
    universe: &Universe,
    solution: &Solution,
    files: &[PackageId],
) -> Result<Vec<Source>, BuildError> {
    let source = |id: &PackageId| match files.iter().position(|file| file == id) {
        Some(index) => Ok(Source::File(index)),
        None => universe
            .describe(*id)
            .map(|description| Source::Repository(Box::new(description)))
            .ok_or_else(|| BuildError::Dependencies("a package with a name that cannot be one".into())),
    };
    solution.packages.iter().map(|(id, _)| source(id)).collect()
}

/// Brings packages into the store and publishes them. The order is that of `sources`.
///
/// # Errors
/// The first that fails; what was imported by then is not kept.
pub fn gather(
    session: &Session,
    repository: &Repository,
    sources: &[Source],
    files: &[LocalPackage],
) -> Result<Vec<Imported>, BuildError> {
    let mut gathered: Vec<Option<Imported>> = Vec::with_capacity(sources.len());
    for source in sources {
        gathered.push(imported_before(session, source)?);
    }
    let writer = session.repo.writer()?;
    let missing: Vec<usize> = (0..sources.len()).filter(|&index| gathered[index].is_none()).collect();
    let to_fetch = missing.iter().map(|&index| match &sources[index] {
        Source::Repository(description) => description.download_size,
        Source::File(_) => 0,
    });
    let fetching = session.progress.bar("fetching packages", Unit::Bytes, Some(to_fetch.sum()));
    let bar = session.progress.bar("importing packages", Unit::Things, Some(missing.len() as u64));
    let import = Import { policy: session.policy(), fetching, repository, files, writer: &writer };
    for (index, imported) in in_parallel(&missing, &|index| import.one(&sources[index], &bar))? {
        gathered[index] = Some(imported);
    }
    drop((bar, import));
    let gathered: Vec<Imported> = gathered.into_iter().flatten().collect();
    let refs: Vec<(RefName, _)> =
        gathered.iter().map(|package| (package.reference.clone(), package.commit.clone())).collect();
    writer.publish(&refs)?;
    for source in sources {
        if let Source::Repository(description) = source {
            repository.forget_package(description)?;
        }
    }
    Ok(gathered)
}

fn imported_before(session: &Session, source: &Source) -> Result<Option<Imported>, BuildError> {
    let Source::Repository(description) = source else { return Ok(None) };
    match file_digest(description) {
        Some(digest) => Ok(import::find(&session.repo, &description.nevra, &digest, session.policy())?),
        None => Ok(None),
    }
}

/// Does one thing for each index on all cores, and stops at the first failure.
fn in_parallel<T: Send>(
    indexes: &[usize],
    work: &(dyn Fn(usize) -> Result<T, BuildError> + Sync),
) -> Result<Vec<(usize, T)>, BuildError> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let results = Mutex::new(Vec::with_capacity(indexes.len()));
    let run = || {
        while !stop.load(Ordering::Relaxed) {
            let Some(&index) = indexes.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let result = work(index);
            stop.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result.map(|done| (index, done)));
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 8);
        for _ in 1..threads.min(indexes.len()) {
            scope.spawn(run);
        }
        run();
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
}

/// What each thread needs. The store itself is not shared, only its writer is.
struct Import<'a> {
    policy: SignaturePolicy<'a>,
    fetching: Bar,
    repository: &'a Repository,
    files: &'a [LocalPackage],
    writer: &'a Writer,
}

impl Import<'_> {
    fn one(&self, source: &Source, bar: &Bar) -> Result<Imported, BuildError> {
        let imported = match source {
            Source::File(index) => {
                import::import(&self.files[*index].package, None, self.policy, self.writer)?
            }
            Source::Repository(description) => {
                let file = self.repository.package(description, &self.fetching)?;
                let package = open(file, description)?;
                import::import(&package, file_digest(description).as_deref(), self.policy, self.writer)?
            }
        };
        bar.note(&imported.facts.nevra.name);
        bar.advance(1);
        Ok(imported)
    }
}

fn open(file: File, description: &Description) -> Result<Package, BuildError> {
    let refused = |source: RpmError| ImportError::Package { package: description.nevra.to_string(), source };
    let package = Package::open(file).map_err(refused)?;
    if package.facts().nevra != description.nevra {
        return Err(refused(RpmError::NotAPackage("it is another package than the repository says")).into());
    }
    Ok(package)
}

/// How the digest of a package's whole file is written in its commit.
pub fn file_digest(description: &Description) -> Option<String> {
    description.checksum.as_ref().map(|(function, value)| format!("{function}:{value}"))
}
