//! What is exported, in the eyes of the field's validators.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use aril_tests::apps::Apps;
use aril_tests::home::TestHome;

use crate::merged::add_remote;

#[test]
fn validators_accept_what_is_exported() -> Result<()> {
    let home = TestHome::new()?;
    add_remote(&home, "x11")?;
    install_and_validate(&home, &["galculator", "units"])
}

#[test]
#[ignore = "installs all apps of the test repository: minutes"]
fn validators_accept_what_every_app_exports() -> Result<()> {
    let home = TestHome::new()?;
    add_remote(&home, "platform")?;
    let apps = Apps::read()?;
    let graphical = apps.graphical.iter().map(|app| app.package.as_str());
    let all: Vec<&str> = graphical.chain(apps.command_line.iter().map(|app| app.package.as_str())).collect();
    install_and_validate(&home, &all)
}

fn install_and_validate(home: &TestHome, packages: &[&str]) -> Result<()> {
    let validators: [(&str, &[&str]); 2] = [
        (".desktop", &["/usr/bin/desktop-file-validate"]),
        (".metainfo.xml", &["/usr/bin/appstreamcli", "validate", "--no-net", "--no-color"]),
    ];
    for (_, line) in validators {
        if !Path::new(line[0]).exists() {
            println!("skipped: {} is not installed", line[0]);
            return Ok(());
        }
    }
    for package in packages {
        home.run(["aril", "install", "-y", "test", package])?.success()?;
    }
    let files = files_below(&home.path().join(".local/share/aril/exports/share"))?;
    let mut counts = BTreeMap::new();
    let mut problems = Vec::new();
    for (end, line) in validators {
        for file in files.iter().filter(|file| file.to_string_lossy().ends_with(end)) {
            let outcome = home.run(line.iter().copied().chain([file.to_str().unwrap_or_default()]))?;
            *counts.entry(end).or_insert(0) += 1;
            // A hint is what somebody may do better; what packagers wrote is not ours to better.
            let warned = outcome.stdout.lines().any(|line| !line.contains(": hint: "));
            if !outcome.status.success() || (end == ".desktop" && warned) {
                problems.push(format!("{}:\n{}{}", file.display(), outcome.stdout, outcome.stderr));
            }
        }
    }
    ensure!(problems.is_empty(), "{} of {counts:?} are refused:\n{}", problems.len(), problems.join("\n"));
    ensure!(counts.len() == 2, "only {counts:?} of {} files are exported", files.len());
    println!("accepted: {counts:?}");
    Ok(())
}

/// All files, links followed.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut stack = vec![dir.to_owned()];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            // A link that leads nowhere fails here.
            if fs::metadata(&path)?.is_dir() { stack.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
