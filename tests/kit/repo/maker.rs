//! Makes all repositories, once: what is there and made by the same version of the generator is left as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::apt::{Apt, check_host};
use super::cache::{Cache, key_of, touch};
use super::control::Paragraph;
use super::key::Key;
use super::lists::{Sets, Shapes};
use super::metadata::{Advisory, Group};
use super::output::{Metadata, Repository, Shelf};
use super::package::rpmbuild::{BUILT, REBUILT};
use super::plan::Plan;
use super::states::{Factory, Packages};
use super::stock::Stock;
use super::version::Evr;
use super::{handmade, in_parallel, refused};

/// The key's file name, and the name that it goes by.
pub const KEY: &str = "RPM-GPG-KEY-aril-tests";

/// The directory with manifests of runtimes, as `aril` looks for them: in it is one for each release.
pub const MANIFESTS: &str = "manifests";
/// The directory in it with those of the release that the packages claim to be of.
pub const RELEASE: &str = "f42";

/// Runtimes that can be built from the repository, for tests that cannot wait for a whole desktop, and for such that can.
pub const EVERY_MANIFEST: [(&str, &str); 5] = [
    ("min", include_str!("../manifests/min.toml")),
    ("x11", include_str!("../manifests/x11.toml")),
    ("x11-without-libXaw", include_str!("../manifests/x11-without-libXaw.toml")),
    ("platform", include_str!("../manifests/platform.toml")),
    ("sdk", include_str!("../manifests/sdk.toml")),
];

/// What to make and where.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names of sets; all that are not only made on request, where it is empty.
    pub sets: BTreeSet<String>,
    /// What is kept between runs.
    pub cache: PathBuf,
    /// Where the repositories go.
    pub out: PathBuf,
}

/// What lies beside the repositories: what they hold and where it came from.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Contents {
    /// Of the generator and the request.
    pub id: String,
    /// Fedora's name by Debian's.
    pub names: BTreeMap<String, String>,
    /// Fedora's names of the packages that each set names.
    pub roots: BTreeMap<String, Vec<String>>,
    /// Fedora's names of each set's packages with all that they need.
    pub closures: BTreeMap<String, Vec<String>>,
    /// Seconds that it took.
    pub seconds: u64,
}

/// Packages below all others, which Debian has in another shape.
const BELOW: [&str; 5] = ["alternatives", "basesystem", "fedora-release-common", "filesystem", "setup"];

impl Request {
    /// What all tests use, in a place of its own for each version of the generator.
    pub fn usual(cache: PathBuf) -> Self {
        let mut request = Self { sets: BTreeSet::new(), out: PathBuf::new(), cache };
        request.out = request.cache.join("repo").join(request.id());
        request
    }

    /// What identifies the outcome: this generator and the sets.
    pub fn id(&self) -> String {
        key_of(&[env!("ARIL_KIT_SOURCES").as_bytes(), format!("{:?}", self.sets).as_bytes()])
    }

    /// What is there already, if it is what is asked for.
    pub fn made(&self) -> Option<Contents> {
        let text = fs::read(self.out.join("contents.json")).ok()?;
        touch(&self.out);
        serde_json::from_slice(&text).ok().filter(|contents: &Contents| contents.id == self.id())
    }

    /// Makes the repositories, unless they are there.
    pub fn make(&self) -> Result<Contents> {
        if let Some(contents) = self.made() {
            return Ok(contents);
        }
        check_host()?;
        let cache = Cache::open(&self.cache)?;
        let _lock = cache.lock()?;
        if let Some(contents) = self.made() {
            return Ok(contents);
        }
        let begun = Instant::now();
        let above = self.out.parent().context("the output needs a directory above it")?;
        fs::create_dir_all(above)?;
        let beside = tempfile::Builder::new().prefix(".aril-repo-").tempdir_in(above)?;
        fs::set_permissions(beside.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let making = Making { request: self, cache: &cache, dir: beside.path(), begun };
        let contents = making.run()?;
        self.put(beside)?;
        cache.prune(&self.out)?;
        Ok(contents)
    }

    /// Puts the finished directory at its place. What was there must be ours, since it is removed.
    fn put(&self, made: tempfile::TempDir) -> Result<()> {
        let made = made.keep();
        if self.out.exists() {
            let ours = self.out.join("contents.json").exists() || fs::read_dir(&self.out)?.next().is_none();
            ensure!(ours, "{} holds something else", self.out.display());
            fs::remove_dir_all(&self.out)?;
        }
        fs::rename(&made, &self.out)?;
        Ok(())
    }
}

struct Making<'a> {
    request: &'a Request,
    cache: &'a Cache,
    dir: &'a Path,
    begun: Instant,
}

impl Making<'_> {
    fn run(&self) -> Result<Contents> {
        let (sets, shapes) = (Sets::read()?, Shapes::read()?);
        let wanted = self.wanted(&sets)?;
        let (plan, sonames) = self.plan(&sets, &shapes, &wanted)?;
        let debian: BTreeSet<String> =
            wanted.iter().flat_map(|set| plan.closures[set].iter().cloned()).collect();
        let key = Key::open(&self.cache.path("keys"), KEY)?;
        let factory = Factory::new(self.cache, &key, &plan, (&sets, &shapes), sonames);
        tracing::info!("making {} packages", debian.len());
        let first = factory.first(&debian)?;
        let newer = factory.second(&debian)?;
        let advisories = advisories(&sets, &plan, &newer)?;
        let mut repositories = ordinary(&first, &newer, advisories);
        repositories.push(broken_runtime(&first, &newer, handmade::retired(self.cache, &key)?));
        if wanted.iter().any(|set| set == "hard" || set == "huge") {
            let (hard, hard_newer) =
                (handmade::hard(self.cache, &key)?, handmade::hard_newer(self.cache, &key)?);
            repositories.push(Repository::new("hard", with(&first, &hard), BUILT));
            repositories.push(Repository::new("hard2", with(&with(&first, &hard), &hard_newer), REBUILT));
            refused::make(self.dir, self.cache, &key, &hard)?;
            refused::loose(self.dir, &handmade::loose(self.cache, &key)?)?;
        }
        if wanted.iter().any(|set| set == "huge") {
            let huge = handmade::huge(self.cache, &key)?;
            repositories.push(Repository::new("huge", with(&first, &huge), BUILT));
        }
        let contents = self.contents(&sets, &plan, &wanted);
        let groups = groups(&sets, &contents);
        let shelf = Shelf { dir: self.dir, place: &self.request.out, key: &key, key_name: KEY };
        in_parallel(&repositories, |repository| shelf.write(repository, &groups))?;
        fs::copy(key.public(), self.dir.join(KEY))?;
        let manifests = self.dir.join(MANIFESTS).join(RELEASE);
        fs::create_dir_all(&manifests)?;
        for (name, text) in EVERY_MANIFEST {
            fs::write(manifests.join(format!("{name}.toml")), text)?;
        }
        let contents = Contents { seconds: self.begun.elapsed().as_secs(), ..contents };
        fs::write(self.dir.join("contents.json"), serde_json::to_vec_pretty(&contents)?)?;
        Ok(contents)
    }

    fn wanted(&self, sets: &Sets) -> Result<Vec<String>> {
        for name in &self.request.sets {
            if !sets.sets.contains_key(name) {
                let known: Vec<&str> = sets.sets.keys().map(String::as_str).collect();
                bail!("no set '{name}'; there are {}", known.join(", "));
            }
        }
        let is_wanted = |name: &String, on_request: bool| match self.request.sets.is_empty() {
            true => !on_request,
            false => self.request.sets.contains(name),
        };
        let names = sets.sets.iter().filter(|(name, set)| is_wanted(name, set.on_request));
        Ok(names.map(|(name, _)| name.clone()).collect())
    }

    /// Decides what to make and has all of it here. Debian may have replaced packages since its lists were fetched: then once more.
    fn plan(
        &self,
        sets: &Sets,
        shapes: &Shapes,
        wanted: &[String],
    ) -> Result<(Plan, BTreeMap<String, Vec<String>>)> {
        let apt = Apt::open(&self.cache.path("apt"))?;
        let plan = Plan::make(&apt, sets, shapes)?;
        match self.fetch(&apt, &plan, wanted) {
            Ok(sonames) => Ok((plan, sonames)),
            Err(why) => {
                tracing::warn!("{why:#}, fetching Debian's lists anew");
                apt.update()?;
                let plan = Plan::make(&apt, sets, shapes)?;
                let sonames = self.fetch(&apt, &plan, wanted)?;
                Ok((plan, sonames))
            }
        }
    }

    fn fetch(&self, apt: &Apt, plan: &Plan, wanted: &[String]) -> Result<BTreeMap<String, Vec<String>>> {
        let names: BTreeSet<&String> = wanted.iter().flat_map(|set| &plan.closures[set]).collect();
        let packages: Vec<&Paragraph> = names.iter().map(|name| &plan.packages[*name].fields).collect();
        let stock = Stock::new(self.cache);
        let tools = plan.tools.values().filter(|one| !names.contains(&one.get("Package").to_owned()));
        let all: Vec<&Paragraph> = packages.iter().copied().chain(tools).collect();
        stock.fetch(apt, &all)?;
        stock.remove_other_versions(plan.packages.values().map(|package| &package.fields))?;
        stock.sonames(&packages)
    }

    fn contents(&self, sets: &Sets, plan: &Plan, wanted: &[String]) -> Contents {
        let fedora = |debian: &String| plan.packages[debian].fedora.clone();
        let closure = |set: &String| {
            let mut names: Vec<String> = plan.closures[set].iter().map(fedora).collect();
            names.extend(BELOW.map(str::to_owned));
            names.sort();
            names
        };
        let used: BTreeSet<&String> = wanted.iter().flat_map(|set| &plan.closures[set]).collect();
        Contents {
            id: self.request.id(),
            names: used.iter().map(|debian| ((*debian).clone(), fedora(debian))).collect(),
            roots: wanted
                .iter()
                .map(|set| (set.clone(), sets.sets[set].packages.iter().map(fedora).collect()))
                .collect(),
            closures: wanted.iter().map(|set| (set.clone(), closure(set))).collect(),
            seconds: self.begun.elapsed().as_secs(),
        }
    }
}

/// Both states of the packages from Debian.
fn ordinary(first: &Packages, newer: &Packages, advisories: Vec<Advisory>) -> Vec<Repository> {
    let twice = Metadata::ZstdAndGzip;
    vec![
        Repository { metadata: twice, ..Repository::new("state1", first.clone(), BUILT) },
        Repository { metadata: twice, advisories, ..Repository::new("state2", with(first, newer), REBUILT) },
    ]
}

/// The second state, where a library that apps need was retired.
fn broken_runtime(first: &Packages, newer: &Packages, retired: Packages) -> Repository {
    let mut packages = with(&with(first, newer), &retired);
    packages.remove("libXaw");
    Repository::new("broken-runtime", packages, REBUILT)
}

fn with(packages: &Packages, others: &Packages) -> Packages {
    let mut all = packages.clone();
    all.extend(others.clone());
    all
}

fn groups(sets: &Sets, contents: &Contents) -> Vec<Group> {
    let group = |(set, roots): (&String, &Vec<String>)| Group {
        id: set.clone(),
        about: sets.sets[set].about.clone(),
        packages: roots.clone(),
    };
    contents.roots.iter().map(group).collect()
}

/// An advisory for each newer package.
fn advisories(sets: &Sets, plan: &Plan, newer: &Packages) -> Result<Vec<Advisory>> {
    let mut all = Vec::new();
    for (number, (debian, update)) in sets.second_state.iter().enumerate() {
        let Some(package) = plan.packages.get(debian) else { continue };
        let Some(files) = newer.get(&package.fedora) else { continue };
        let file = files.first().and_then(|file| file.file_name()).and_then(|name| name.to_str());
        let file = file.context("a package without a file")?.to_owned();
        // name-version-release.arch.rpm
        let parts: Vec<&str> = file.trim_end_matches(".rpm").rsplitn(3, '-').collect();
        let [release, version, name] = parts[..] else { bail!("an odd file name: {file}") };
        let release = release.rsplit_once('.').map_or(release, |(release, _arch)| release);
        all.push(Advisory {
            id: format!("FEDORA-2025-{:010x}", 0xa11_0000_u64 + number as u64),
            title: format!("{name}-{version}-{release}: {}", update.about),
            kind: update.kind.clone(),
            package: [name.to_owned(), version.to_owned(), release.to_owned(), file.clone()],
            epoch: Evr::from_debian(package.fields.get("Version")).epoch,
        });
    }
    Ok(all)
}
