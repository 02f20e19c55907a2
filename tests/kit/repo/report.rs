//! What the repository costs: sizes and times, by set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::cache::Cache;
use super::run::output;
use crate::test_repo::{State, TestRepo};

/// Sets without a package of Debian's.
const HANDMADE: [&str; 2] = ["hard", "huge"];

#[derive(Default, Clone, Copy)]
struct Cost {
    packages: usize,
    file_bytes: u64,
    installed_bytes: u64,
    seconds: f64,
}

/// A table of the sets: what each needs in all, and what it adds to those above it.
pub fn report(out: &Path, cache: &Cache) -> Result<String> {
    let repo = TestRepo::at(out)?;
    let costs = costs(&repo, State::First, cache)?;
    let mut table = format!(
        "{:<10} {:>9} {:>9} {:>13} {:>10}   {:>9} {:>9} {:>10}\n",
        "set", "packages", "MB", "MB installed", "s to make", "new", "MB new", "s new"
    );
    let mut before: BTreeSet<String> = BTreeSet::new();
    for set in ordered(repo.contents().closures.keys()) {
        let closure: BTreeSet<String> = repo.closure(set).iter().cloned().collect();
        let new = closure.difference(&before).cloned().collect();
        table.push_str(&row(set, sum(&closure, &costs), sum(&new, &costs)));
        before.extend(closure);
    }
    for state in [State::Hard, State::Huge] {
        if repo.path(state).exists() {
            let costs = self::costs(&repo, state, cache)?;
            let new: BTreeSet<String> = costs.keys().filter(|name| name.contains("hard")).cloned().collect();
            table.push_str(&row(state.name(), sum(&new, &costs), sum(&new, &costs)));
        }
    }
    let _ = writeln!(
        table,
        "the last run took {} s; the seconds of each set are those of one core",
        repo.contents().seconds
    );
    Ok(table)
}

fn row(set: &str, all: Cost, new: Cost) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    format!(
        "{set:<10} {:>9} {:>9.1} {:>13.1} {:>10.1}   {:>9} {:>9.1} {:>10.1}\n",
        all.packages,
        megabytes(all.file_bytes),
        megabytes(all.installed_bytes),
        all.seconds,
        new.packages,
        megabytes(new.file_bytes),
        new.seconds
    )
}

/// The sets in the order in which they build on each other.
fn ordered<'a>(sets: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let order = ["min", "x11", "gtk", "apps"];
    let mut sets: Vec<&String> = sets.filter(|set| !HANDMADE.contains(&set.as_str())).collect();
    sets.sort_by_key(|set| (order.iter().position(|one| one == set).unwrap_or(order.len()), *set));
    sets
}

fn sum(names: &BTreeSet<String>, costs: &BTreeMap<String, Cost>) -> Cost {
    let mut sum = Cost::default();
    for cost in names.iter().filter_map(|name| costs.get(name)) {
        sum.packages += 1;
        sum.file_bytes += cost.file_bytes;
        sum.installed_bytes += cost.installed_bytes;
        sum.seconds += cost.seconds;
    }
    sum
}

fn costs(repo: &TestRepo, state: State, cache: &Cache) -> Result<BTreeMap<String, Cost>> {
    let files = repo.packages(state)?;
    let format = "%{NAME} %{LONGSIZE}\n";
    let text = output(Command::new("rpm").args(["-qp", "--nosignature", "--qf", format]).args(&files))?;
    let mut costs = BTreeMap::new();
    for (file, line) in files.iter().zip(text.lines()) {
        let (name, size) = line.split_once(' ').context("rpm shows no size")?;
        let file_name = file.file_name().unwrap_or_default().to_string_lossy();
        let cost = Cost {
            packages: 1,
            file_bytes: std::fs::metadata(file)?.len(),
            installed_bytes: size.parse()?,
            seconds: cache.time_of(&file_name).unwrap_or(0.0),
        };
        costs.insert(name.to_owned(), cost);
    }
    Ok(costs)
}
