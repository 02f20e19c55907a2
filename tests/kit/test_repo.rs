//! The test repository as a test sees it: made or found once, then only read.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use aril_tests::test_repo::{State, TestRepo};
//! let repo = TestRepo::shared()?;
//! let url = repo.url(State::First); // file:///…/state1
//! assert!(repo.closure("apps").contains(&"galculator".to_owned()));
//! # Ok(()) }
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::repo::cache::Cache;
use crate::repo::maker::{Contents, KEY, MANIFESTS, RELEASE, Request};
use crate::repo::refused::{DIRECTORY, LOOSE};

/// Where tests that run as another user than root look, too.
const FOR_EVERYBODY: &str = "/var/cache/aril-tests";

/// A repository of those that are made together; all hold the same packages but for what their line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The packages, with zstd metadata.
    First,
    /// The same with gzip metadata.
    FirstGzip,
    /// Some packages are newer, and there are advisories.
    Second,
    /// The same with gzip metadata.
    SecondGzip,
    /// The second state without libXaw: `libXaw-retired` obsoletes it.
    BrokenRuntime,
    /// The first state with the packages of `specs/`.
    Hard,
    /// The same, some of these newer.
    HardSecond,
    /// The first state with a file of more than 4 GiB; only made when it is asked for.
    Huge,
}

impl State {
    /// The name of its directory, and of the repository in its `.repo` file.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "state1",
            Self::FirstGzip => "state1-gzip",
            Self::Second => "state2",
            Self::SecondGzip => "state2-gzip",
            Self::BrokenRuntime => "broken-runtime",
            Self::Hard => "hard",
            Self::HardSecond => "hard2",
            Self::Huge => "huge",
        }
    }
}

/// The repositories with what is known of them.
#[derive(Debug)]
pub struct TestRepo {
    dir: PathBuf,
    contents: Contents,
}

impl TestRepo {
    /// The repositories that all tests use: found, or made the first time, which takes minutes and the network.
    ///
    /// `ARIL_TEST_REPO` names a directory that `aril-test-repo make` filled; else they are in the cache (`ARIL_TEST_CACHE`).
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<TestRepo, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::find_or_make().map_err(|why| format!("{why:#}")));
        match shared {
            Ok(repo) => Ok(repo),
            Err(why) => bail!("the test repository cannot be had: {why}"),
        }
    }

    fn find_or_make() -> Result<Self> {
        if let Some(dir) = std::env::var_os("ARIL_TEST_REPO") {
            return Self::at(Path::new(&dir));
        }
        let own = Request::usual(Cache::usual()?);
        for request in [own.clone(), Request::usual(PathBuf::from(FOR_EVERYBODY))] {
            if let Some(contents) = request.made() {
                return Ok(Self { dir: request.out, contents });
            }
        }
        let contents = own.make()?;
        Ok(Self { dir: own.out, contents })
    }

    /// Repositories that were made in `dir`, whatever sets they have.
    pub fn at(dir: &Path) -> Result<Self> {
        let text = fs::read(dir.join("contents.json"))
            .with_context(|| format!("no test repository in {}", dir.display()))?;
        Ok(Self { dir: fs::canonicalize(dir)?, contents: serde_json::from_slice(&text)? })
    }

    /// The directory that holds `repodata` and `Packages`.
    pub fn path(&self, state: State) -> PathBuf {
        self.dir.join(state.name())
    }

    /// `file://…`, for a remote.
    pub fn url(&self, state: State) -> String {
        format!("file://{}", self.path(state).display())
    }

    /// A `.repo` file for it, with its key.
    pub fn repo_file(&self, state: State) -> PathBuf {
        self.dir.join(format!("{}.repo", state.name()))
    }

    /// The armoured public key that signed packages and metadata.
    pub fn key(&self) -> PathBuf {
        self.dir.join(KEY)
    }

    /// A package that nobody may accept: `unsigned`, `signed-by-a-stranger`, `payload-changed`, `header-changed`, `cut-short`, `empty`,
    /// `no-package`.
    pub fn refused(&self, name: &str) -> PathBuf {
        self.dir.join(DIRECTORY).join(format!("{name}.rpm"))
    }

    /// A good package that is in no repository: `hard-forbidden-names`, whose files have control characters in their names.
    pub fn loose(&self, name: &str) -> PathBuf {
        self.dir.join(LOOSE).join(format!("{name}.rpm"))
    }

    /// A manifest of a runtime: `min`, `x11`, `x11-without-libXaw`, `platform`, and `sdk` where that set was made.
    pub fn manifest(&self, name: &str) -> PathBuf {
        self.manifests().join(RELEASE).join(format!("{name}.toml"))
    }

    /// The directory in which `aril` finds them: for `ARIL_MANIFEST_DIR`.
    pub fn manifests(&self) -> PathBuf {
        self.dir.join(MANIFESTS)
    }

    /// What is in them and where it came from.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Fedora's names of a set's packages with all that they need; empty for a set that was not made.
    pub fn closure(&self, set: &str) -> &[String] {
        self.contents.closures.get(set).map_or(&[], Vec::as_slice)
    }

    /// Every package file of a state, sorted.
    pub fn packages(&self, state: State) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for letter in fs::read_dir(self.path(state).join("Packages"))? {
            for file in fs::read_dir(letter?.path())? {
                files.push(file?.path());
            }
        }
        files.sort();
        Ok(files)
    }

    /// The file of the package named `name`.
    pub fn package(&self, state: State, name: &str) -> Result<PathBuf> {
        let is_it = |file: &PathBuf| {
            let text = file.file_name().and_then(|text| text.to_str()).unwrap_or_default();
            // name-version-release.arch.rpm
            text.rsplitn(3, '-').nth(2) == Some(name)
        };
        let all = self.packages(state)?;
        all.into_iter().find(is_it).with_context(|| format!("no package '{name}' in {}", state.name()))
    }
}

/// One address at which a repository changes from the first state to the second, as a mirror does.
#[derive(Debug)]
pub struct ChangingRepo<'a> {
    repo: &'a TestRepo,
    link: PathBuf,
}

impl<'a> ChangingRepo<'a> {
    /// Begins with the first state, at a link in `dir`.
    pub fn new(repo: &'a TestRepo, dir: &Path) -> Result<Self> {
        let changing = Self { repo, link: dir.join("repo") };
        changing.become_state(State::First)?;
        Ok(changing)
    }

    /// `file://…`, the same for all states.
    pub fn url(&self) -> String {
        format!("file://{}", self.link.display())
    }

    /// From now on the address has this state.
    pub fn become_state(&self, state: State) -> Result<()> {
        let beside = self.link.with_extension("new");
        std::os::unix::fs::symlink(self.repo.path(state), &beside)?;
        Ok(fs::rename(beside, &self.link)?)
    }
}
