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
            Some("run") => run::parse(&words[1..]),
            _ => run::parse(&words),
        }
    }
}
