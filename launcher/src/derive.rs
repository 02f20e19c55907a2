//! The caches that belong to an app's set of commits: made by `aril-change` when they are missing, because somebody else updated a runtime.

use std::process::Command;

use aril_model::Layout;

use crate::app::App;
use crate::{LaunchError, programs};

/// Whether an app of ours has no caches for exactly these commits.
pub(crate) fn is_missing(app: &App) -> bool {
    app.layout() == Layout::Merged && app.derived.is_none()
}

/// Has them made, and waits.
///
/// # Errors
/// When the program is missing or fails.
#[allow(clippy::print_stderr)] // the person waits for it and should know why
pub(crate) fn make(app: &App) -> Result<(), LaunchError> {
    let program = programs::find("aril-change").ok_or(LaunchError::NoProgram { name: "aril-change" })?;
    eprintln!("aril-launch: the runtime of '{}' has changed; its caches are made anew", app.id());
    // Nothing that the app's own output is read from may be mixed with what is told here.
    let status = Command::new(program)
        .args(["derive", &app.reference.to_string()])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(LaunchError::NoCaches { id: app.id().clone() }) }
}
