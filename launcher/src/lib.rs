//! Starts one app in its sandbox and stays as its supervisor; runs single programs of packages for the builder and for transactions.
#![allow(dead_code)] // the parts that only apps need come with `plan`
mod arguments; // what was typed
mod error; // why nothing was started
mod filters; // system calls and Landlock
mod plan; // metadata + overrides + host -> specification; no system calls
mod sandbox; // specification -> a running process
mod spec; // what a sandbox is to be, as data
mod sys; // the system calls; the only unsafe code here
mod tool; // runs a program of a merged tree for the builder and transactions

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use arguments::Request;
pub use error::LaunchError;
pub use sandbox::SetupError;

/// Does what a command line asks for. Returns the exit code.
///
/// # Errors
/// When nothing was started.
pub fn run(words: impl Iterator<Item = OsString>, say: &mut dyn FnMut(&str)) -> Result<u8, LaunchError> {
    match Request::parse(words)? {
        Request::Tool(request, report) => tool::run(&request, report.map(inherited).transpose()?),
        Request::Help => {
            say(include_str!("help.txt"));
            Ok(0)
        }
        Request::Version => {
            say(concat!("aril-launch ", env!("CARGO_PKG_VERSION"), "\n"));
            Ok(0)
        }
    }
}

fn inherited(number: i32) -> Result<OwnedFd, LaunchError> {
    sys::inherited(number).ok_or_else(|| LaunchError::usage(format!("{number} is not an open descriptor")))
}

/// What has to hold before anything else is done: no rights that the caller does not have, and nothing that it left open reaches an app.
///
/// # Errors
/// When the program was installed with set-id bits or file capabilities.
pub fn begin() -> Result<(), LaunchError> {
    if sys::started_with_gained_rights() {
        return Err(LaunchError::usage(
            "aril-launch must not be installed with set-id bits or file capabilities",
        ));
    }
    Ok(sys::close_on_exec_from(3)?)
}
