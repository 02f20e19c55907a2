//! The manual pages in `docs/man/`: made from the same definitions as help and completion. The test fails when they are stale;
//! `ARIL_BLESS=1` writes them.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use aril_terminal::args::{Cli, CommandLine};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

#[test]
fn pages_are_what_the_definitions_say() {
    let pages = pages();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/man");
    if std::env::var_os("ARIL_BLESS").is_some() {
        write(&dir, &pages);
    }
    let mut present: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    present.sort();
    assert_eq!(present, pages.keys().cloned().collect::<Vec<_>>(), "`make bless` writes the pages");
    for (name, page) in &pages {
        let text = std::fs::read_to_string(dir.join(name)).unwrap();
        assert!(text == *page, "docs/man/{name} is stale: `make bless` writes it");
    }
}

#[test]
fn pages_begin_with_examples() {
    for (name, page) in pages() {
        let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        assert_eq!(sections[..3], ["NAME", "SYNOPSIS", "EXAMPLES"], "{name}: {sections:?}");
    }
}

fn write(dir: &Path, pages: &BTreeMap<String, String>) {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
    for (name, page) in pages {
        std::fs::write(dir.join(name), page).unwrap();
    }
}

/// File names and contents: one page for the whole program, and one a command.
fn pages() -> BTreeMap<String, String> {
    let mut command = Cli::definition().disable_help_subcommand(true);
    command.build();
    let mut pages = BTreeMap::new();
    add(&mut pages, "aril", &command);
    pages
}

fn add(pages: &mut BTreeMap<String, String>, name: &str, command: &clap::Command) {
    pages.insert(format!("{name}.1"), page(name, command));
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        add(pages, &format!("{name}-{}", inner.get_name()), inner);
    }
}

fn page(name: &str, command: &clap::Command) -> String {
    let command = command.clone().display_name(name.to_owned());
    let synopsis = command.clone().render_usage().to_string();
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .manual("Aril")
        .date("")
        .source(format!("aril {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text).unwrap();
    man.render_name_section(&mut text).unwrap();
    let usages: Vec<&str> = synopsis.trim_start_matches("Usage:").lines().map(str::trim).collect();
    section("SYNOPSIS", &usages.join("\n"), &mut text);
    let examples = command.get_before_long_help().map(ToString::to_string).unwrap_or_default();
    section("EXAMPLES", examples.trim_start_matches("Examples:\n"), &mut text);
    if command.get_long_about().is_some() {
        man.render_description_section(&mut text).unwrap();
    }
    man.render_options_section(&mut text).unwrap();
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        commands(name, &command, &mut text);
    }
    exit_status(name, &mut text);
    once(&String::from_utf8(text).unwrap())
}

/// Each section that is written brings its own definition of the apostrophe; the first one is enough.
fn once(text: &str) -> String {
    let mut seen = 0;
    let is_wanted = |line: &&str| {
        let is_definition = line.contains(".ds Aq ");
        seen += usize::from(is_definition);
        !is_definition || seen <= 2
    };
    text.lines().filter(is_wanted).map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Lines as they are written, not filled.
fn section(title: &str, lines: &str, text: &mut Vec<u8>) {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    roff.control("fi", []);
    roff.to_writer(text).unwrap();
}

fn commands(name: &str, command: &clap::Command, text: &mut Vec<u8>) {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        roff.control("TP", []);
        roff.text([roman(format!("{name}-{}(1)", inner.get_name()))]);
        roff.text([roman(inner.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
    roff.to_writer(text).unwrap();
}

fn exit_status(name: &str, text: &mut Vec<u8>) {
    let lines: &[&str] = match name {
        "aril-run" => &[
            "The app's own; 128 and the number of the signal that ended it; 125 if there could be no sandbox,",
            "126 if the program in it cannot be executed, 127 if it is not there.",
        ],
        _ => &["0 if it was done, 1 if it failed or you said no, 2 if the command line is wrong."],
    };
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.to_writer(text).unwrap();
}
