//! A question and its answer, with all that is needed to act on it.

use crate::BuildError;
use crate::gather::{Source, sources};
use crate::ground::FoundRuntime;
use crate::plan::PlannedRuntime;
use crate::repository::Repository;
use crate::session::Session;
use crate::solve::{PackageId, Question, RepositoryId, Solution, Universe};

/// What has to come, and where from.
#[derive(Debug)]
pub struct Solved {
    /// All packages that were considered.
    pub universe: Universe,
    /// Where packages are fetched from.
    pub repository: Repository,
    /// The packages.
    pub solution: Solution,
    /// Where each of them is to be had.
    pub sources: Vec<Source>,
    /// Which of them were asked for, by their places.
    pub requested: Vec<usize>,
    /// What it runs on.
    pub runtime: PlannedRuntime,
    /// The runtime that was solved against, if it is there.
    pub found: Option<FoundRuntime>,
    /// What is odd.
    pub notes: Vec<String>,
}

/// The packages of a remote, with those that are files and the runtime's.
pub(super) struct Asked<'a> {
    pub(super) session: &'a Session,
    pub(super) universe: Universe,
    pub(super) repository: Repository,
    pub(super) id: RepositoryId,
    pub(super) files: Vec<PackageId>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(session: &'a Session) -> Result<Self, BuildError> {
        let (repository, universe, id) = session.open_repository()?;
        Ok(Self { session, universe, repository, id, files: Vec::new() })
    }

    /// Solves; when a file is missing that may be in lists that were not read, reads them and solves again.
    pub(super) fn solve(&mut self, question: &Question) -> Result<Solution, BuildError> {
        self.universe.prepare();
        let problems = match self.universe.solve(question) {
            Ok(solution) => return Ok(solution),
            Err(problems) => problems,
        };
        if !problems.iter().any(crate::solve::Problem::is_about_files) {
            return Err(BuildError::Unsolvable(problems));
        }
        tracing::debug!("a file is missing, reading the file lists");
        self.repository.load_filelists(&mut self.universe, self.id, &self.session.progress)?;
        self.universe.prepare();
        self.universe.solve(question).map_err(BuildError::Unsolvable)
    }

    pub(super) fn solved(self, solution: Solution, wanted: &[String]) -> Result<Solved, BuildError> {
        let sources = sources(&self.universe, &solution, &self.files)?;
        let requested = requested(&self.universe, &solution, &sources, wanted);
        let notes =
            self.repository.stale().map(|why| format!("an older state of the repository is used: {why}"));
        Ok(Solved {
            notes: notes.into_iter().collect(),
            universe: self.universe,
            repository: self.repository,
            solution,
            sources,
            requested,
            runtime: PlannedRuntime::default(),
            found: None,
        })
    }
}

/// Which packages were asked for, by their places: files first, then in the order in which they were named.
fn requested(universe: &Universe, solution: &Solution, sources: &[Source], wanted: &[String]) -> Vec<usize> {
    let mut requested: Vec<usize> =
        (0..sources.len()).filter(|&index| matches!(sources[index], Source::File(_))).collect();
    for text in wanted {
        let meant = universe.matching(text);
        let matching: Vec<usize> =
            (0..sources.len()).filter(|&index| meant.contains(&solution.packages[index].0)).collect();
        let is_named = |&&index: &&usize| {
            universe.nevra(solution.packages[index].0).is_some_and(|nevra| nevra.name == *text)
        };
        // What is meant by its name is meant more than what only provides it.
        let named = matching.iter().find(is_named).copied();
        requested
            .extend(named.or_else(|| matching.first().copied()).filter(|index| !requested.contains(index)));
    }
    requested
}
