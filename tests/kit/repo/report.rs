//! What the repository costs: sizes and times, by set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::cache::Cache;
use super::run::output;
use crate::test_repo::{State, TestRepo};

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
    let costs = costs(&repo, cache)?;
    let mut table = format!(
        "{:<10} {:>9} {:>9} {:>13} {:>10}   {:>9} {:>9} {:>10}\n",
        "set", "packages", "MB", "MB installed", "s to make", "new", "MB new", "s new"
    );
    let mut before: BTreeSet<&String> = BTreeSet::new();
    for set in ordered(repo.contents().closures.keys()) {
        let closure: BTreeSet<&String> = repo.closure(set).iter().collect();
        let all = sum(&closure, &costs);
        let new = sum(&closure.difference(&before).copied().collect(), &costs);
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let _ = writeln!(
            table,
            "{set:<10} {:>9} {:>9.1} {:>13.1} {:>10.1}   {:>9} {:>9.1} {:>10.1}",
            all.packages,
            megabytes(all.file_bytes),
            megabytes(all.installed_bytes),
            all.seconds,
            new.packages,
            megabytes(new.file_bytes),
            new.seconds
        );
        before.extend(closure);
    }
    let _ = writeln!(table, "the last run took {} s", repo.contents().seconds);
    Ok(table)
}

/// The sets in the order in which they build on each other.
fn ordered<'a>(sets: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let order = ["min", "x11", "gtk", "apps"];
    let mut sets: Vec<&String> = sets.collect();
    sets.sort_by_key(|set| (order.iter().position(|one| one == set).unwrap_or(order.len()), *set));
    sets
}

fn sum(names: &BTreeSet<&String>, costs: &BTreeMap<String, Cost>) -> Cost {
    let mut sum = Cost::default();
    for cost in names.iter().filter_map(|name| costs.get(*name)) {
        sum.packages += 1;
        sum.file_bytes += cost.file_bytes;
        sum.installed_bytes += cost.installed_bytes;
        sum.seconds += cost.seconds;
    }
    sum
}

fn costs(repo: &TestRepo, cache: &Cache) -> Result<BTreeMap<String, Cost>> {
    let files = repo.packages(State::First)?;
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
