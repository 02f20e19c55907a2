//! The frame of each `main`: parse, run, print what failed, give the exit code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::fs::Access;

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

/// Finds another program of ours: in `ARIL_BIN_DIR`, which tests set; beside this one; in `../libexec/aril`, where `make install` puts it.
///
/// # Errors
/// Names the places that were looked at.
pub fn find(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().ok().and_then(|path| path.parent().map(PathBuf::from));
    let mut places: Vec<PathBuf> = std::env::var_os("ARIL_BIN_DIR").map(PathBuf::from).into_iter().collect();
    if let Some(own) = own {
        places.extend(own.parent().map(|above| above.join("libexec/aril")));
        places.insert(places.len().saturating_sub(1), own);
    }
    let found = places.iter().map(|place| place.join(name));
    found.clone().find(|path| rustix::fs::access(path, Access::EXEC_OK).is_ok()).ok_or_else(|| {
        let tried: Vec<String> = found.map(|path| path.display().to_string()).collect();
        Failure::new(format!("the program '{name}' is missing"))
            .with_details(&tried.join("\n"))
            .with_hint("aril is not installed completely: `make install` puts all its programs in place")
    })
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
