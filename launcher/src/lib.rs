//! Starts one app in its sandbox and stays as its supervisor; runs single programs of packages for the builder and for transactions.
mod app; // what is installed
mod arguments; // what was typed
mod derive; // caches that are missing
mod documents; // files that are shared for one start
mod enter; // runs a command in a sandbox that runs already
mod error; // why nothing was started
mod filters; // system calls and Landlock
mod host; // what this host has: paths, sockets, kernel features; asked once
mod instance; // what portals and `ps` may know about this sandbox
mod json; // what `--json` prints
mod plan; // metadata + overrides + host -> specification; no system calls
mod programs; // where the other programs of ours are
mod run; // the way of an app's start
mod sandbox; // specification -> a running process
mod spec; // what a sandbox is to be, as data
mod supervisor; // instance lock, the app's bus sockets, exit code; confined itself
mod sys; // the system calls; the only unsafe code here
mod timings; // how long each step took
mod tool;
mod var; // `/var` of apps built from packages // runs a program of a merged tree for the builder and transactions

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use arguments::Request;
use aril_installation::CalledAs;
pub use error::LaunchError;
pub use sandbox::SetupError;

/// Does what a command line, beginning with the program's own name, asks for. Returns the exit code.
///
/// # Errors
/// When nothing was started.
pub fn run(mut words: impl Iterator<Item = OsString>, say: &mut dyn FnMut(&str)) -> Result<u8, LaunchError> {
    let called_as = CalledAs::from_program(&words.next().unwrap_or_default());
    match Request::parse(words)? {
        Request::Enter(request) => enter::enter(&request),
        Request::Run(request) => run::run(*request, called_as, say),
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
