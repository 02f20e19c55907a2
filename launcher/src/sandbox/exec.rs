//! The app's process, up to the moment in which it becomes the app.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::step::{During, SetupError, Step};
use crate::spec::{Command, SandboxSpec, Session};
use crate::sys;

/// Becomes the app. Returns only if that fails.
pub(crate) fn start(spec: &SandboxSpec) -> SetupError {
    match prepare(spec) {
        Ok(()) => execute(&spec.command, &spec.environment),
        Err(error) => error,
    }
}

fn prepare(spec: &SandboxSpec) -> Result<(), SetupError> {
    if spec.session == Session::Own {
        rustix::process::setsid().during(Step::OwnSession, "")?;
    }
    prepare_command(&spec.command)
}

/// The same for a command in the caller's session.
pub(crate) fn start_in(command: &Command, environment: &[(OsString, OsString)]) -> SetupError {
    match prepare_command(command) {
        Ok(()) => execute(command, environment),
        Err(error) => error,
    }
}

fn prepare_command(command: &Command) -> Result<(), SetupError> {
    let wanted = &command.directories;
    if !wanted.iter().any(|directory| rustix::process::chdir(directory.as_path()).is_ok()) {
        let first = wanted.first().map_or(Path::new("/"), |directory| directory);
        rustix::process::chdir("/").during(Step::ChangeDirectory, first.to_string_lossy())?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    sys::restore_signals().during(Step::Start, "")
}

fn execute(command: &Command, environment: &[(OsString, OsString)]) -> SetupError {
    let name = command.program.to_string_lossy().into_owned();
    let (Some(arguments), Some(variables)) = (argument_list(command), variable_list(environment)) else {
        // A NUL cannot come through a command line; it can through metadata.
        return SetupError::new(Step::Start, name, rustix::io::Errno::INVAL);
    };
    let mut failure = rustix::io::Errno::NOENT.into();
    for path in candidates(command, environment) {
        let Ok(path) = CString::new(path.into_vec()) else { continue };
        let error = sys::execve(&path, &arguments, &variables);
        match error.raw_os_error() {
            // Not in this directory; but one that was there and could not be started is what the person wants to know of.
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            _ => failure = error,
        }
    }
    SetupError::new(Step::Start, name, failure)
}

/// The paths to try, in order.
fn candidates(command: &Command, environment: &[(OsString, OsString)]) -> Vec<OsString> {
    if command.program.as_bytes().contains(&b'/') {
        return vec![command.program.clone()];
    }
    let path =
        environment.iter().find(|(name, _)| name == "PATH").map_or(OsStr::new("/usr/bin"), |(_, path)| path);
    let directories = path.as_bytes().split(|byte| *byte == b':').filter(|directory| !directory.is_empty());
    directories
        .map(|directory| Path::new(OsStr::from_bytes(directory)).join(&command.program).into())
        .collect()
}

fn argument_list(command: &Command) -> Option<Vec<CString>> {
    [&command.program]
        .into_iter()
        .chain(&command.arguments)
        .map(|text| CString::new(text.as_bytes()).ok())
        .collect()
}

fn variable_list(environment: &[(OsString, OsString)]) -> Option<Vec<CString>> {
    environment
        .iter()
        .map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok())
        .collect()
}
