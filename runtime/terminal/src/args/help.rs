//! The commands on one screen: a line each, in groups, instead of one long list.

use std::fmt::Write;

/// The groups, and the commands in each, in the order of a first day with aril.
const GROUPS: &[(&str, &[&str])] = &[
    ("apps", &["install", "run", "list", "info", "update", "rollback", "uninstall", "override"]),
    ("running", &["ps", "enter", "kill"]),
    ("remotes", &["remotes", "remote-add", "remote-delete"]),
    ("packagers", &["build"]),
    ("upkeep", &["history", "repair", "completion"]),
];

/// Replaces the list of commands in the help of the whole program.
pub(super) fn group_commands(command: clap::Command) -> clap::Command {
    let mut text = String::new();
    for (group, names) in GROUPS {
        let mut label = *group;
        for name in *names {
            let about = command.find_subcommand(name).and_then(|inner| inner.get_about());
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {label:<10} {name:<14} {about}");
            label = "";
        }
    }
    command.help_template(format!(
        "{{before-help}}{{about}}\n\n{{usage-heading}} {{usage}}\n\n{text}\nOptions:\n{{options}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, CommandLine};

    #[test]
    fn each_command_is_in_a_group() {
        let command = Cli::definition();
        let mut known: Vec<&str> = command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        let mut shown: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        known.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, known);
    }

    #[test]
    fn short_help_fits_one_screen() {
        let fits = |command: &mut clap::Command, lines: usize| {
            let text = command.render_help().to_string();
            assert!(
                text.lines().count() <= lines,
                "{}: {} lines\n{text}",
                command.get_name(),
                text.lines().count()
            );
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        };
        let mut command = Cli::definition().term_width(80);
        command.build();
        fits(&mut command.clone(), 28);
        for inner in command.get_subcommands_mut() {
            fits(inner, 30);
        }
    }

    #[test]
    fn help_begins_with_examples() {
        let mut command = Cli::definition();
        command.build();
        for inner in command.get_subcommands_mut() {
            if !inner.is_hide_set() && !inner.has_subcommands() && inner.get_name() != "help" {
                let text = inner.render_long_help().to_string();
                assert!(text.starts_with("Examples:\n  aril "), "{text}");
                let examples = inner.get_before_long_help().map(ToString::to_string).unwrap_or_default();
                let widest = examples.lines().map(|line| line.chars().count()).max();
                assert!(widest <= Some(80), "{examples}");
            }
        }
    }
}
