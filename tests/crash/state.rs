//! What lies in a home: all paths, each with its kind, and what links lead to.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

/// Directories whose contents are compared by other means, or differ between any two runs.
const PASSED_OVER: &[&str] = &[
    // By `ostree fsck`.
    ".local/share/aril/repo/objects",
    ".local/share/aril/repo/tmp",
    // The app's own.
    ".var",
];

/// All paths of a home, sorted.
pub(crate) fn of(home: &Path) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut stack = vec![home.to_owned()];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            let name = path.strip_prefix(home)?.display().to_string();
            let metadata = fs::symlink_metadata(&path)?;
            if metadata.is_symlink() {
                lines.push(format!("{name} -> {}", fs::read_link(&path)?.display()));
            } else if metadata.is_dir() {
                if PASSED_OVER.contains(&&*name) {
                    continue;
                }
                lines.push(format!("{name}/"));
                stack.push(path);
            } else {
                lines.push(name);
            }
        }
    }
    lines.sort();
    Ok(lines)
}

/// Fails with what is too much and what is missing.
pub(crate) fn assert_same(got: &[String], wanted: &[String]) -> Result<()> {
    let left: Vec<_> = got.iter().filter(|line| wanted.binary_search(line).is_err()).take(20).collect();
    let missing: Vec<_> = wanted.iter().filter(|line| got.binary_search(line).is_err()).take(20).collect();
    ensure!(left.is_empty() && missing.is_empty(), "left behind: {left:#?}\nmissing: {missing:#?}");
    Ok(())
}

/// No link of the user's own directories leads nowhere.
pub(crate) fn assert_no_dangling(data: &Path) -> Result<()> {
    let mut stack = vec![data.to_owned()];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            if metadata.is_symlink() {
                ensure!(fs::metadata(&path).is_ok(), "{} leads nowhere", path.display());
            } else if metadata.is_dir() && !is_deploy_or_store(data, &path) {
                stack.push(path);
            }
        }
    }
    Ok(())
}

/// Links in there are the apps' own.
fn is_deploy_or_store(data: &Path, path: &Path) -> bool {
    let names = ["repo", "app", "runtime", "derived"];
    path.parent() == Some(&data.join("aril")) && names.iter().any(|name| path.ends_with(name))
}
