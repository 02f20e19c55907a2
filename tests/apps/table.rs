//! What each app took, as a table for people.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use aril_tests::session::Installed;

/// One app that works.
pub(crate) struct Row {
    /// What it is written with, or that it is for the command line.
    pub(crate) kind: String,
    pub(crate) installed: Installed,
    /// From the command to the window, or to the end.
    pub(crate) did: Duration,
}

/// All of them, in their order.
pub(crate) struct Table {
    runtime: Duration,
    rows: Vec<(String, Result<Row>)>,
}

impl Table {
    /// None yet, on a runtime that took so long to build.
    pub(crate) fn new(runtime: Duration) -> Self {
        Self { runtime, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, package: &str, outcome: Result<Row>) {
        self.rows.push((package.to_owned(), outcome));
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// What did not work, and why.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failed = |(package, outcome): &(String, Result<Row>)| {
            outcome.as_ref().err().map(|why| format!("{package}: {why:#}"))
        };
        self.rows.iter().filter_map(failed).collect()
    }

    /// Prints the table, be the test's output shown or not, and keeps it.
    pub(crate) fn print(&self, keep: &Path) {
        let text = self.text();
        // Not by `eprintln!`, whose words the test harness keeps to itself.
        std::io::stderr().lock().write_all(text.as_bytes()).unwrap();
        std::fs::write(keep, text).unwrap();
    }

    fn text(&self) -> String {
        let mut text =
            format!("\nThe runtime was built and installed in {:.1} s.\n\n", self.runtime.as_secs_f64());
        text += "| package | app | kind | packages | size | installed in | window or answer after |\n";
        text += "| --- | --- | --- | ---: | ---: | ---: | ---: |\n";
        for (package, outcome) in &self.rows {
            match outcome {
                Ok(Row { kind, installed, did }) => writeln!(
                    text,
                    "| {package} | {} | {kind} | {} | {} | {:.1} s | {} ms |",
                    installed.id,
                    installed.packages,
                    size(installed.size),
                    installed.took.as_secs_f64(),
                    did.as_millis()
                ),
                Err(_) => writeln!(text, "| {package} | **does not work** | | | | | |"),
            }
            .unwrap();
        }
        text
    }
}

/// In units of ten, as `aril list` shows it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
