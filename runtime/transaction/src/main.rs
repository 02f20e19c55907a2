//! The program `aril-change`: changes an installation. Parses, asks, and prints; what is done is in the library.

mod command; // a file a command
mod environment; // what the environment says
mod show; // plans and reports, for people and as JSON

use std::ffi::OsString;
use std::process::ExitCode;

use aril_terminal::args::{BuildCommand, Cli, Command};
use aril_terminal::{Exit, Failure, Terminal, program};

use environment::Environment;

fn main() -> ExitCode {
    // Modes are those that we give, whoever calls: an installation of the system is read by everybody.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let line: Vec<OsString> = std::env::args_os().collect();
    program::run(&line, |cli: Cli, terminal| dispatch(cli, terminal, &line)).into()
}

fn dispatch(cli: Cli, terminal: &Terminal, line: &[OsString]) -> Result<Exit, Failure> {
    let environment = Environment::read(line)?;
    match cli.command {
        Command::Install(args) => command::install::install(&args, terminal, &environment),
        Command::Update(args) => command::update::update(&args, terminal, &environment),
        Command::Uninstall(args) => command::uninstall::uninstall(&args, terminal, &environment),
        Command::Rollback(args) => command::rollback::rollback(&args, terminal, &environment),
        Command::RemoteAdd(args) => command::remote_add::remote_add(&args, terminal, &environment),
        Command::RemoteDelete(args) => command::remote_delete::remote_delete(&args, terminal, &environment),
        Command::Repair(args) => command::repair::repair(&args, terminal, &environment),
        Command::History(args) => command::history::history(&args, terminal, &environment),
        Command::Derive(args) => command::derive::derive(&args, terminal, &environment),
        Command::Build { what: BuildCommand::Runtime(args) } => {
            command::build::runtime(&args, terminal, &environment)
        }
        _ => Err(Failure::usage("this is done by another program")
            .with_hint("type `aril` in place of `aril-change`")),
    }?;
    Ok(Exit::DONE)
}
