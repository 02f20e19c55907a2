//! Which program does what: a few commands are answered here, the rest is handed on as it was typed.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command as Process;

use aril_terminal::args::{BuildCommand, BuildRuntime, Cli, Command};
use aril_terminal::{Exit, Failure, Terminal, program};

use crate::command;
use crate::host::Host;

/// Answers a command, or becomes the program that does.
pub(crate) fn dispatch(cli: Cli, terminal: &Terminal, line: &[OsString]) -> Result<Exit, Failure> {
    let host = || Host::from_environment(line);
    match cli.command {
        Command::List(args) => command::list::list(&args, terminal, &host()?)?,
        Command::Info(args) => command::info::info(&args, terminal, &host()?)?,
        Command::Remotes(args) => command::remotes::remotes(&args, terminal, &host()?)?,
        Command::Ps(args) => command::ps::ps(&args, terminal, &host()?)?,
        Command::Kill(args) => command::kill::kill(&args, terminal, &host()?)?,
        Command::Override(args) => command::r#override::change(&args, terminal, &host()?)?,
        Command::Completion(args) => command::completion::completion(&args, terminal, line)?,
        Command::Run(_) => return launch(line, &after_command(line, "run")),
        Command::Enter(args) => {
            let mut arguments = vec![OsString::from("enter"), OsString::from(args.name)];
            arguments.extend(args.command);
            return become_program("aril-launch", line, &arguments);
        }
        Command::Build { what: BuildCommand::Runtime(BuildRuntime { repo: None, .. }) } => {
            // It is installed when it is built, and only `aril-change` does that.
            return become_program("aril-change", line, &line[1..]);
        }
        Command::Build { .. } => return become_program("aril-build", line, &after_command(line, "build")),
        Command::Install(_)
        | Command::Update(_)
        | Command::Uninstall(_)
        | Command::Rollback(_)
        | Command::RemoteAdd(_)
        | Command::RemoteDelete(_)
        | Command::History(_)
        | Command::Repair(_)
        | Command::Derive(_) => return become_program("aril-change", line, &line[1..]),
    }
    Ok(Exit::DONE)
}

/// What the launcher gets, if the line is a plain `aril run APP…`; help for it is printed here.
pub(crate) fn run_arguments(line: &[OsString]) -> Option<Vec<OsString>> {
    let is_run = line.get(1).is_some_and(|word| word == "run");
    let first = line.get(2)?;
    let is_help = first == "--help" || first == "-h";
    (is_run && !is_help).then(|| line[2..].to_vec())
}

/// Becomes the launcher.
pub(crate) fn launch(line: &[OsString], arguments: &[OsString]) -> Result<Exit, Failure> {
    become_program("aril-launch", line, arguments)
}

/// The arguments without the first one that is the command's name: options of the whole program may stand before it.
fn after_command(line: &[OsString], name: &str) -> Vec<OsString> {
    let mut arguments = line[1..].to_vec();
    if let Some(place) = arguments.iter().position(|argument| argument == name) {
        arguments.remove(place);
    }
    arguments
}

/// Replaces this process; the name by which we were called is passed on, since it decides whose directories are meant.
fn become_program(name: &str, line: &[OsString], arguments: &[OsString]) -> Result<Exit, Failure> {
    let path = program::find(name)?;
    let mut process = Process::new(&path);
    if called_as_flatpak(line) {
        process.arg0("flatpak");
    }
    let error = process.args(arguments).exec();
    Err(Failure::new(format!("cannot start '{}': {error}", path.display())))
}

fn called_as_flatpak(line: &[OsString]) -> bool {
    let first = line.first().map_or(OsStr::new(""), OsString::as_os_str);
    aril_installation::CalledAs::from_program(first) == aril_installation::CalledAs::Flatpak
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_launcher_gets_its_line_untouched() {
        let table = [
            ("aril run org.test.Hello --help", Some("org.test.Hello --help")),
            ("aril run --command=sh org.test.Hello -h", Some("--command=sh org.test.Hello -h")),
            ("aril run --help", None),
            ("aril run", None),
            ("aril -v run org.test.Hello", None),
            ("aril list run", None),
        ];
        for (typed, expected) in table {
            assert_eq!(run_arguments(&line(typed)), expected.map(line), "{typed}");
        }
        assert_eq!(after_command(&line("aril -v run run x"), "run"), line("-v run x"));
    }
}
