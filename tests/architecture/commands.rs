//! Rule 4: what each command has.

use std::collections::BTreeSet;
use std::path::Path;

use aril_model::CONTEXT_OPTIONS;
use aril_terminal::args::{Cli, CommandLine};

/// Commands that show nothing of their own, and so have no `--json`.
const SHOW_NOTHING: &[&str] = &["completion", "enter", "kill", "remote-add"];

#[test]
fn each_command_has_its_page_its_session_and_json() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sessions = all_sessions(&root.join("tests/cli"));
    let mut command = Cli::definition();
    command.build();
    for (name, command) in leaves("", &command) {
        let page = root.join("docs/man").join(format!("aril-{}.1", name.replace(' ', "-")));
        assert!(page.exists(), "`aril {name}` has no page {}", page.display());
        assert!(sessions.contains(&format!("$ aril {name}")), "`aril {name}` is in no session of tests/cli");
        let has_json = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
        let shows = !SHOW_NOTHING.contains(&name.as_str());
        assert_eq!(has_json, shows, "`aril {name}`: --json");
    }
}

/// The commands that do something, with their whole names: `build runtime`.
fn leaves<'a>(prefix: &str, command: &'a clap::Command) -> Vec<(String, &'a clap::Command)> {
    let mut found = Vec::new();
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        let name = format!("{prefix}{}", inner.get_name());
        if inner.has_subcommands() {
            found.extend(leaves(&format!("{name} "), inner));
        } else {
            found.push((name, inner));
        }
    }
    found
}

fn all_sessions(dir: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text
}

/// `aril run` is explained by one definition and understood by another, which is parsed by hand.
#[test]
fn what_run_is_said_to_take_it_takes() {
    let mut command = Cli::definition();
    command.build();
    let run = command.find_subcommand("run").unwrap();
    let said: BTreeSet<String> = run
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .map(|name| format!("--{name}"))
        .collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../launcher/src/arguments/run.rs");
    let text = std::fs::read_to_string(source).unwrap();
    let (_, rest) = text.split_once("const OPTIONS: &[&str] = &[").unwrap();
    let (list, _) = rest.split_once("];").unwrap();
    let mut understood: BTreeSet<String> = list
        .split(',')
        .map(|word| word.trim().trim_matches('"').to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    understood.extend(CONTEXT_OPTIONS.iter().map(|option| format!("--{}", option.name)));
    // Read from a descriptor: a permission only for the launcher. `-q` is for all commands, and has nothing to say there.
    understood.extend(["--env-fd", "--quiet"].map(str::to_owned));
    assert_eq!(said, understood);
}
