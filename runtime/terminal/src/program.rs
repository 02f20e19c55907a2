//! The frame of each `main`: parse, run, print what failed, give the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::args::CommandLine;
use crate::{Exit, Failure, Terminal, Verbosity, log};

/// Parses the command line and runs `body` with it.
///
/// The environment that belongs to the terminal is read here: `NO_COLOR`, `TERM`, `ARIL_LOG`.
pub fn main<A: CommandLine>(body: impl FnOnce(A, &Terminal) -> Result<Exit, Failure>) -> ExitCode {
    run(&std::env::args_os().collect::<Vec<_>>(), body).into()
}

/// Like [`main`], for a command line that was read before; the program's name comes first.
pub fn run<A: CommandLine>(
    line: &[OsString],
    body: impl FnOnce(A, &Terminal) -> Result<Exit, Failure>,
) -> Exit {
    let variable = |key: &str| std::env::var_os(key);
    let args = match A::parse_line(line) {
        Ok(args) => args,
        Err(failure) => {
            let terminal = Terminal::new(Verbosity::Normal, crate::Answers::Ask, &variable);
            return end(&terminal, Err(failure));
        }
    };
    let terminal = Terminal::new(args.verbosity(), args.answers(), &variable);
    let filter = variable("ARIL_LOG").and_then(|value| value.into_string().ok()).unwrap_or_default();
    let result = log::install(&terminal, &filter).and_then(|()| body(args, &terminal));
    end(&terminal, result)
}

/// Prints a failure, if there is one to tell, and returns the code to end with.
pub fn end(terminal: &Terminal, result: Result<Exit, Failure>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(failure) => {
            terminal.print_failure(&failure);
            failure.exit()
        }
    }
}
