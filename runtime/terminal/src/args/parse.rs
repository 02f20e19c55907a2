//! A command line into types. What cannot be understood becomes a failure with a hint: one line says what, one what would be right.

use std::ffi::OsString;

use aril_model::nearest;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::stream::Stream;
use crate::terminal::write_output;
use crate::{Answers, Exit, Failure, Verbosity};

/// The command line of one program.
pub trait CommandLine: clap::Parser {
    /// How much is told.
    fn verbosity(&self) -> Verbosity;

    /// How questions are answered.
    fn answers(&self) -> Answers;

    /// Changes the definition that was derived, where the derivation cannot say it.
    fn adjust(command: clap::Command) -> clap::Command {
        command
    }

    /// The definition: for help, manual pages and completion.
    fn definition() -> clap::Command {
        Self::adjust(<Self as clap::CommandFactory>::command())
    }

    /// Parses a command line, the program's name first. Asked for help, it prints that.
    ///
    /// # Errors
    /// Says what is wrong and what would be right; a quiet one after help was printed.
    fn parse_line(line: &[OsString]) -> Result<Self, Failure> {
        let output = Stream::of(&std::io::stdout(), &|key| std::env::var_os(key));
        let command = Self::definition().term_width(output.columns.unwrap_or(80).min(100));
        let result = command.try_get_matches_from(line);
        result.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => show(&error, output, Exit::DONE),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => show(&error, output, Exit::USAGE),
            _ => {
                let mut command = Self::definition();
                command.build();
                explain(&error, &command, line)
            }
        })
    }
}

/// Prints help or version.
fn show(error: &clap::Error, output: Stream, exit: Exit) -> Failure {
    let text = error.render();
    let text = if output.paint.is_colourful() { text.ansi().to_string() } else { text.to_string() };
    match write_output(&text) {
        Ok(()) => Failure::told(exit),
        Err(failure) => failure,
    }
}

fn explain(error: &clap::Error, root: &clap::Command, line: &[OsString]) -> Failure {
    let (command, path) = meant_command(root, line);
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let option = text(ContextKind::InvalidArg);
    let help = format!("`{path} --help` says more");
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let wrong = text(ContextKind::InvalidSubcommand);
            unknown_command(&wrong, command, &path)
        }
        ErrorKind::UnknownArgument => unknown_option(&option, command, &path),
        ErrorKind::MissingRequiredArgument => Failure::usage(format!("`{path}` needs {option}"))
            .with_hint(format!("the usage is {}", usage(command))),
        ErrorKind::MissingSubcommand => Failure::usage(format!("`{path}` needs a command")).with_hint(help),
        ErrorKind::ArgumentConflict => {
            let prior = text(ContextKind::PriorArg);
            Failure::usage(format!("'{}' and '{}' exclude each other", name(&option), name(&prior)))
        }
        ErrorKind::InvalidValue => wrong_value(error, &option, &text(ContextKind::InvalidValue)),
        ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            let failure = Failure::usage(reason);
            if option.starts_with('-') {
                failure.with_hint(format!("it was given as {}", name(&option)))
            } else {
                failure
            }
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Failure::usage(first.strip_prefix("error: ").unwrap_or(first)).with_hint(help)
        }
    }
}

/// The innermost command that the line names, and how one types it.
fn meant_command<'a>(root: &'a clap::Command, line: &[OsString]) -> (&'a clap::Command, String) {
    let mut command = root;
    let mut path = root.get_bin_name().unwrap_or(root.get_name()).to_owned();
    for word in line.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(inner) = command.find_subcommand(word) {
            command = inner;
            path = format!("{path} {}", inner.get_name());
        }
    }
    (command, path)
}

fn unknown_command(wrong: &str, command: &clap::Command, path: &str) -> Failure {
    let known = command.get_subcommands().filter(|inner| !inner.is_hide_set());
    let names: Vec<&str> = known
        .flat_map(|inner| std::iter::once(inner.get_name()).chain(inner.get_visible_aliases()))
        .collect();
    let failure = Failure::usage(format!("`{path}` has no command '{wrong}'"));
    match nearest(wrong, names) {
        Some(near) => failure.with_hint(format!("did you mean `{path} {near}`?")),
        None => failure.with_hint(format!("`{path} --help` lists the commands")),
    }
}

fn unknown_option(option: &str, command: &clap::Command, path: &str) -> Failure {
    let Some(wrong) = option.strip_prefix("--") else {
        let what = if option.starts_with('-') { "option" } else { "place for" };
        return Failure::usage(format!("`{path}` has no {what} '{option}'"))
            .with_hint(format!("the usage is {}", usage(command)));
    };
    let names: Vec<&str> = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set())
        .flat_map(|argument| argument.get_long_and_visible_aliases().unwrap_or_default())
        .collect();
    let failure = Failure::usage(format!("`{path}` has no option '{option}'"));
    match nearest(wrong, names) {
        Some(near) => failure.with_hint(format!("did you mean `--{near}`?")),
        None => failure.with_hint(format!("`{path} --help` lists the options")),
    }
}

fn wrong_value(error: &clap::Error, option: &str, value: &str) -> Failure {
    if value.is_empty() {
        return Failure::usage(format!("'{}' needs a value", name(option)))
            .with_hint(format!("it is `{option}`"));
    }
    let failure = Failure::usage(format!("'{value}' cannot be {}", name(option)));
    let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else { return failure };
    match nearest(value, known.iter().map(String::as_str)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint(format!("it is one of {}", known.join(", "))),
    }
}

/// `--arch` of `--arch <ARCH>`, `NAME` of `[NAME]...`.
fn name(option: &str) -> &str {
    let option = option.split([' ', '=']).next().unwrap_or(option);
    option.trim_matches(['<', '>', '[', ']', '.', '…'])
}

/// The first line of the usage, as a command to type.
fn usage(command: &clap::Command) -> String {
    let text = command.clone().render_usage().to_string();
    let first = text.trim_start_matches("Usage:").trim().lines().next().unwrap_or_default().to_owned();
    format!("`{first}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{BuildCli, Cli, Command};

    fn failure(line: &str) -> String {
        let line: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let failure = Cli::parse_line(&line).unwrap_err();
        assert_eq!(failure.exit(), Exit::USAGE);
        failure.to_string()
    }

    #[test]
    fn mistakes_are_answered_with_what_would_be_right() {
        for (line, expected) in [
            ("aril instal x", "error: `aril` has no command 'instal'\nhint: did you mean `aril install`?"),
            (
                "aril frobnicate",
                "error: `aril` has no command 'frobnicate'\nhint: `aril --help` lists the commands",
            ),
            (
                "aril build runtim",
                "error: `aril build` has no command 'runtim'\nhint: did you mean `aril build runtime`?",
            ),
            (
                "aril list --colums=name",
                "error: `aril list` has no option '--colums'\nhint: did you mean `--columns`?",
            ),
            (
                "aril list -x",
                "error: `aril list` has no option '-x'\nhint: the usage is `aril list [OPTIONS]`",
            ),
            (
                "aril list maps",
                "error: `aril list` has no place for 'maps'\nhint: the usage is `aril list [OPTIONS]`",
            ),
            ("aril update --app --runtime", "error: '--app' and '--runtime' exclude each other"),
            ("aril completion bsh", "error: 'bsh' cannot be SHELL\nhint: did you mean `bash`?"),
            ("aril list --arch", "error: '--arch' needs a value\nhint: it is `--arch <ARCH>`"),
        ] {
            assert_eq!(failure(line), expected, "{line}");
        }
    }

    #[test]
    fn mistakes_in_values_say_why() {
        assert_eq!(
            failure("aril override --share=network nodots"),
            "error: 'nodots' is not an app id: it needs at least two dots, as in org.gnome.Maps"
        );
        assert_eq!(
            failure("aril install"),
            "error: `aril install` needs <NAME>...\nhint: the usage is `aril install [OPTIONS] [REMOTE] NAME…`"
        );
    }

    #[test]
    fn definitions_are_sound() {
        Cli::definition().debug_assert();
        BuildCli::definition().debug_assert();
    }

    #[test]
    fn aliases_and_flatpaks_words() {
        for (line, is_right) in [
            ("aril upgrade -y", Cli::parse_line as fn(&[OsString]) -> Result<Cli, Failure>),
            ("aril remove --assumeyes org.test.Hello", Cli::parse_line),
            ("aril remote-list", Cli::parse_line),
        ]
        .map(|(line, parse)| (line, parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).is_ok()))
        {
            assert!(is_right, "{line}");
        }
        let line = ["aril", "update", "-vv", "--noninteractive"].map(OsString::from);
        let cli = Cli::parse_line(&line).unwrap();
        assert_eq!((cli.verbosity(), cli.answers()), (Verbosity::Everything, Answers::Noninteractive));
        assert!(matches!(cli.command, Command::Update(_)));
    }
}
