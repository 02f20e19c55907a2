//! Solving: rpm's order of versions, readable problems, and the same sets as dnf's.
//!
//! `ARIL_TEST_REPO` names a repository (a directory with `repodata`) for the comparison with dnf; without it, or without dnf, that test skips.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "test code, paths of our own"
)]

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use aril_builder::repository::{Access, Fetcher, Repository};
use aril_builder::rpm::Keyring;
use aril_builder::solve::{Question, RuntimeCopies, SolverPackage, Universe, WeakDependencies, WeakPackages};
use aril_model::{RpmRemote, RpmSource};
use aril_terminal::Progress;

#[test]
fn versions_are_ordered_as_rpm_does() {
    let universe = Universe::new("x86_64");
    let rising = ["1.0~rc1", "1.0", "1.0^git", "1.0.1", "1.10", "1:0.1"];
    for pair in rising.windows(2) {
        assert_eq!(universe.compare_evr(pair[0], pair[1]), Ordering::Less, "{pair:?}");
    }
    assert_eq!(universe.compare_evr("1.0-1.fc42", "1.0-1.fc42"), Ordering::Equal);
}

fn package(name: &str, evr: &str, provides: &[&str], requires: &[&str]) -> SolverPackage {
    let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect::<Vec<String>>();
    let mut provides = list(provides);
    provides.push(format!("{name} = {evr}"));
    SolverPackage {
        name: name.into(),
        evr: evr.into(),
        arch: "x86_64".into(),
        provides,
        requires: list(requires),
        conflicts: Vec::new(),
        obsoletes: Vec::new(),
        weak: WeakDependencies::default(),
        script_requires: Vec::new(),
        files: std::collections::BTreeMap::new(),
    }
}

#[test]
fn packages_for_other_architectures_are_not_ours() {
    let mut universe = Universe::new("x86_64");
    let foreign = SolverPackage { arch: "i686".into(), ..package("old", "1-1", &[], &[]) };
    let file = universe.add_file(&foreign).unwrap();
    let question = Question { files: vec![file], ..Question::default() };
    universe.prepare();
    assert_eq!(
        names(&universe, &question),
        Err(vec!["old-1-1.i686 is excluded, or of another architecture".to_owned()])
    );
}

fn names(universe: &Universe, question: &Question) -> Result<Vec<String>, Vec<String>> {
    match universe.solve(question) {
        Ok(solution) => {
            let mut names: Vec<String> =
                solution.packages.iter().map(|(id, _)| universe.nevra(*id).unwrap().to_string()).collect();
            names.sort();
            Ok(names)
        }
        Err(problems) => Err(problems.into_iter().flat_map(|problem| problem.lines).collect()),
    }
}

fn wanted(names: &[&str]) -> Question {
    Question { wanted: names.iter().map(|&name| name.to_owned()).collect(), ..Question::default() }
}

#[test]
fn the_runtime_counts_as_there_and_is_not_touched() {
    let mut universe = Universe::new("x86_64");
    let runtime = [package("libx", "1-1", &["libx.so.1()(64bit)"], &[])];
    assert!(universe.set_runtime(&runtime).is_empty());
    universe.add_file(&package("app", "1-1", &[], &["libx.so.1()(64bit)", "liby"])).unwrap();
    universe.add_file(&package("liby", "1-1", &[], &[])).unwrap();
    universe.add_file(&package("new-app", "1-1", &[], &["libx >= 2"])).unwrap();
    universe.add_file(&package("libx", "2-1", &["libx.so.1()(64bit)"], &[])).unwrap();
    universe.prepare();
    assert_eq!(
        names(&universe, &wanted(&["app"])),
        Ok(vec!["app-1-1.x86_64".into(), "liby-1-1.x86_64".into()])
    );
    let problems = names(&universe, &wanted(&["new-app"])).unwrap_err();
    assert!(
        problems.iter().any(|line| line.contains("new-app-1-1.x86_64 requires libx >= 2")),
        "{problems:?}"
    );
    let shadowed = Question { copies: RuntimeCopies::Shadowed, ..wanted(&["new-app"]) };
    assert_eq!(names(&universe, &shadowed), Ok(vec!["libx-2-1.x86_64".into(), "new-app-1-1.x86_64".into()]));
    let solution = universe.solve(&shadowed).unwrap();
    let gone: Vec<_> = solution.shadowed.iter().map(|id| universe.nevra(*id).unwrap().to_string()).collect();
    assert_eq!(gone, ["libx-1-1.x86_64"]);
}

#[test]
fn rich_and_weak_dependencies_and_files() {
    let mut universe = Universe::new("x86_64");
    let mut app = package("app", "1-1", &[], &["(one or two)", "(three if one)", "/usr/share/four/data"]);
    app.weak.recommends = vec!["five".into()];
    let mut four = package("four", "1-1", &[], &[]);
    four.files.insert("/usr/share/four".into(), vec!["data".into()]);
    for package in [
        &app,
        &four,
        &package("one", "1-1", &[], &[]),
        &package("three", "1-1", &[], &[]),
        &package("five", "1-1", &[], &[]),
    ] {
        universe.add_file(package).unwrap();
    }
    universe.prepare();
    let found = names(&universe, &wanted(&["app"])).unwrap();
    assert_eq!(found, ["app-1-1.x86_64", "four-1-1.x86_64", "one-1-1.x86_64", "three-1-1.x86_64"]);
    let weak = Question { weak: WeakPackages::Take, ..wanted(&["app"]) };
    assert!(names(&universe, &weak).unwrap().contains(&"five-1-1.x86_64".to_owned()));
    assert_eq!(universe.add_file(&package("bad", "1-1", &[], &["(one or"])), None);
}

#[test]
fn problems_say_what_is_missing() {
    let mut universe = Universe::new("x86_64");
    universe.add_file(&package("app", "1-1", &[], &["libnone.so.1()(64bit)"])).unwrap();
    universe.add_file(&package("lib", "1-1", &[], &["/usr/lib/none"])).unwrap();
    universe.prepare();
    assert_eq!(
        names(&universe, &wanted(&["app"])).unwrap_err(),
        ["nothing provides libnone.so.1()(64bit), which app-1-1.x86_64 requires"]
    );
    let problem = &universe.solve(&wanted(&["lib"])).unwrap_err()[0];
    assert_eq!((problem.missing[0].1.as_str(), problem.is_about_files()), ("/usr/lib/none", true));
    let unknown = &universe.solve(&wanted(&["ap"])).unwrap_err()[0];
    assert_eq!(unknown.unknown.as_deref(), Some("ap"));
}

#[test]
fn a_runtime_that_lost_something_is_found_out() {
    let mut universe = Universe::new("x86_64");
    let packages = [
        package("app", "1-1", &[], &["libx.so.1()(64bit)"]),
        package("libx", "2-1", &["libx.so.2()(64bit)"], &[]),
    ];
    universe.set_runtime(&packages);
    universe.prepare();
    let problems = universe.verify().unwrap_err();
    assert!(problems[0].lines[0].contains("libx.so.1()(64bit)"), "{problems:?}");
}

fn open_repository(dir: &Path, cache: &Path) -> Repository {
    let remote = RpmRemote {
        name: "test".parse().unwrap(),
        title: None,
        source: RpmSource::Urls(vec![format!("file://{}", dir.display())]),
        release: Some("42".into()),
        arch: "x86_64".parse().unwrap(),
        verify_packages: false,
        verify_metadata: false,
    };
    let access = Access { cache, fetcher: &Fetcher::new(), now: 0 };
    Repository::open(&remote, &Keyring::default(), access).unwrap()
}

/// What dnf would install for each package, by its own library.
fn dnf_sets(dir: &Path, scratch: &Path, names: &[&str]) -> Option<Vec<(String, BTreeSet<String>)>> {
    use std::io::Write;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dnf_sets.py");
    let mut child = Command::new("/usr/bin/python3")
        .args([&script, dir, scratch])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(names.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let sets = text.lines().map(|line| {
        let (name, set) = line.split_once(": ").unwrap();
        (name.to_owned(), set.split(' ').map(str::to_owned).collect())
    });
    Some(sets.collect())
}

#[test]
fn sets_are_those_of_dnf() {
    let Some(dir) = std::env::var_os("ARIL_TEST_REPO").map(PathBuf::from) else {
        println!("skipped: ARIL_TEST_REPO is not set");
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    // Twice: as read from XML, and as read from the cache that the first run wrote.
    for _ in 0..2 {
        let repository = open_repository(&dir, scratch.path());
        let mut universe = Universe::new("x86_64");
        let id = repository.load(&mut universe, &Progress::hidden()).unwrap();
        universe.prepare();
        let all = universe.names(id);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let Some(theirs) = dnf_sets(&dir, scratch.path(), &all) else {
            println!("skipped: python3-dnf is not installed");
            return;
        };
        assert_eq!(theirs.len(), all.len());
        for (name, theirs) in theirs {
            let ours: BTreeSet<String> = names(&universe, &wanted(&[&name])).unwrap().into_iter().collect();
            let difference: Vec<&String> = ours.symmetric_difference(&theirs).collect();
            assert!(difference.is_empty(), "{name}: {difference:?}");
        }
        println!("{} sets compared", all.len());
    }
}

#[test]
fn optional_packages_come_where_they_can() {
    let mut universe = Universe::new("x86_64");
    for package in [
        &package("app", "1-1", &[], &[]),
        &package("more", "1-1", &[], &[]),
        &package("broken", "1-1", &[], &["none"]),
    ] {
        universe.add_file(package).unwrap();
    }
    universe.prepare();
    let question =
        Question { optional: vec!["more".into(), "broken".into(), "unknown".into()], ..wanted(&["app"]) };
    assert_eq!(names(&universe, &question), Ok(vec!["app-1-1.x86_64".into(), "more-1-1.x86_64".into()]));
}
