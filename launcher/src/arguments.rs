//! What was typed, taken apart by hand: a few dozen options do not need a library that doubles the time to start.
mod context; // permissions for one run
mod files; // files among the app's arguments
mod run; // `aril run`
mod tool; // `aril-launch --tool`
mod words; // options and their values, one after the other

use std::ffi::OsString;

pub(crate) use files::{Argument, forwarded, plain, uri};
pub(crate) use run::{Inherit, InstallationChoice, RunRequest, Switch};

use crate::{LaunchError, tool::ToolRequest};

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Request {
    /// Run a program of a merged tree; the number is that of the descriptor for the report.
    Tool(ToolRequest, Option<i32>),
    /// Start an app.
    Run(Box<RunRequest>),
    /// Run a command in a sandbox that runs already.
    Enter(EnterRequest),
    /// Print how the program is called.
    Help,
    /// Print the version.
    Version,
}

impl Request {
    /// Reads a command line, without the program's own name.
    ///
    /// # Errors
    /// [`LaunchError::Usage`] names the word that is wrong.
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Self, LaunchError> {
        let words: Vec<OsString> = words.collect();
        match words.first().and_then(|word| word.to_str()) {
            Some("--tool") => tool::parse(&words[1..]),
            Some("--help" | "-h") => Ok(Self::Help),
            Some("--version") => Ok(Self::Version),
            Some("enter") => EnterRequest::parse(&words[1..]).map(Self::Enter),
            Some("run") => run::parse(&words[1..]),
            _ => run::parse(&words),
        }
    }
}

/// Where a command is to be run, and which.
#[derive(Debug)]
pub(crate) struct EnterRequest {
    /// An instance's number, or an app.
    pub(crate) name: String,
    /// The command and its arguments.
    pub(crate) command: Vec<OsString>,
}

impl EnterRequest {
    fn parse(words: &[OsString]) -> Result<Self, LaunchError> {
        let [name, command @ ..] = words else {
            return Err(LaunchError::usage("no sandbox is named: it is `aril enter INSTANCE|APP COMMAND`"));
        };
        if command.is_empty() {
            return Err(LaunchError::usage("no command is given: it is `aril enter INSTANCE|APP COMMAND`"));
        }
        Ok(Self { name: name.to_string_lossy().into_owned(), command: command.to_vec() })
    }
}
