//! The apps of the test repository: each is installed by one command and does what it is for.
//!
//! Graphical ones show a window with their title and something in it; command-line ones do one real thing, whose output is compared. What each
//! took is printed as a table, which is kept beside pictures of the windows in `target/tmp/apps`. A few run with every change, all of
//! them by `make test-all`.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
#[path = "apps/table.rs"]
mod table; // what each took

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use aril_tests::apps::{Apps, CommandLineApp, GraphicalApp};
use aril_tests::session::{Installed, Session};
use aril_tests::test_repo::{State, TestRepo};

use table::{Row, Table};

/// One of X libraries alone, one of GTK 3, one of GTK 3 in Python, one of GTK 4; and of the others one for each kind of thing that can go wrong.
const FEW: [&str; 9] =
    ["xclock", "galculator", "d-feet", "gnome-calculator", "git-core", "7zip", "units", "vim-minimal", "jq"];

#[test]
fn a_few_apps_install_and_work() {
    let apps = Apps::read().unwrap();
    let is_one = |package: &String| FEW.contains(&package.as_str());
    let graphical = apps.graphical.into_iter().filter(|app| is_one(&app.package)).collect();
    let command_line = apps.command_line.into_iter().filter(|app| is_one(&app.package)).collect();
    let table = try_all(&Apps { graphical, command_line }, "few");
    assert_eq!(table.rows(), FEW.len());
}

/// `ARIL_TEST_APPS=hitori,jq` tries these alone.
#[test]
#[ignore = "make test-all: all apps, some minutes"]
fn all_apps_install_and_work() {
    let mut apps = Apps::read().unwrap();
    assert!(apps.graphical.len() >= 12 && apps.command_line.len() >= 20);
    if let Ok(only) = std::env::var("ARIL_TEST_APPS") {
        let is_one = |package: &str| only.split(',').any(|one| one == package);
        apps.graphical.retain(|app| is_one(&app.package));
        apps.command_line.retain(|app| is_one(&app.package));
    }
    try_all(&apps, "all");
}

/// Tries every app, one after the other, and then says which did not work.
fn try_all(apps: &Apps, name: &str) -> Table {
    let session = Session::start().unwrap();
    let repo = TestRepo::shared().unwrap();
    session.add_remote("test", repo, State::First).unwrap();
    let platform = repo.manifest("platform");
    let words = ["aril", "build", "runtime", "-y", "--from=test", platform.to_str().unwrap()];
    let built = session.home.run(words).unwrap();
    built.success().unwrap();
    let mut table = Table::new(built.took);
    for app in &apps.graphical {
        table.add(&app.package, try_graphical(&session, app, name));
    }
    for app in &apps.command_line {
        table.add(&app.package, try_command_line(&session, app));
    }
    table.print(&place(name).join("table.md"));
    let failed = table.failures();
    assert!(failed.is_empty(), "{} apps do not work:\n\n{}", failed.len(), failed.join("\n\n"));
    table
}

fn try_graphical(session: &Session, app: &GraphicalApp, name: &str) -> Result<Row> {
    let installed = install(session, &app.package)?;
    ensure!(installed.id == app.id, "it became '{}', not '{}'", installed.id, app.id);
    let arguments: Vec<&str> = app.command[1..].iter().map(String::as_str).collect();
    let shown = session.show(&app.id, &arguments, &app.title)?;
    shown.picture.save(&place(name).join(format!("{}.png", app.id)))?;
    ensure!(!shown.picture.is_one_colour(), "its window is empty");
    let did = shown.took;
    shown.close(session)?;
    Ok(Row { kind: format!("{:?}", app.toolkit), installed, did })
}

fn try_command_line(session: &Session, app: &CommandLineApp) -> Result<Row> {
    let installed = install(session, &app.package)?;
    let outcome = session.run_script(&installed.id, &app.script, &app.input)?;
    let output = outcome.success()?;
    let said = &outcome.stderr;
    ensure!(output == app.output, "it printed {output:?}, not {:?}; and said: {said}", app.output);
    Ok(Row { kind: "command line".to_owned(), installed, did: outcome.took })
}

fn install(session: &Session, package: &str) -> Result<Installed> {
    session.install("test", package).context("it cannot be installed")
}

/// Where pictures and tables are kept.
fn place(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apps").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
