//! `aril`: what a person types. Answers what needs no store; everything else is handed to the program that does it, by `exec`.
//!
//! Decides nothing about installing, building or sandboxes, and never loads a library: it starts in a millisecond.

mod command; // the commands that are answered here, a file each
mod dispatch; // which program does what
mod host; // where things are, as environment and name say
mod installed; // one installed ref, read as late as can be
mod meant; // the app or runtime that a person means
mod permissions; // a context as JSON, and as text

use std::ffi::OsString;
use std::process::ExitCode;

use aril_terminal::args::Cli;
use aril_terminal::program;

fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    // `aril run` is what is started most; its line is the launcher's, and nothing else is looked at.
    if let Some(arguments) = dispatch::run_arguments(&line) {
        let terminal = aril_terminal::Terminal::new(
            aril_terminal::Verbosity::Normal,
            aril_terminal::Answers::Ask,
            &|key| std::env::var_os(key),
        );
        return program::end(&terminal, dispatch::launch(&line, &arguments)).into();
    }
    program::run::<Cli>(&line, |cli, terminal| dispatch::dispatch(cli, terminal, &line)).into()
}
