//! The permissions that hold for an app: what its metadata asks for, as far as it was granted, and what the user changed.

use std::path::Path;

use aril_beneath::Dir;
use aril_model::{AppId, Context, ContextError, Keyfile, Metadata};

use crate::{Installation, Installations, Result};

/// What the user changed for all apps and for one, in one installation.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `overrides/global`.
    pub global: Context,
    /// `overrides/ID`.
    pub app: Context,
    /// Lines that could not be understood; each was left out.
    pub problems: Vec<String>,
}

impl Overrides {
    pub(crate) fn read(dir: &Dir, id: &AppId) -> Result<Self> {
        let mut problems = Vec::new();
        let global = read_context(dir, "global", &mut problems)?;
        let app = read_context(dir, id.as_str(), &mut problems)?;
        Ok(Self { global, app, problems })
    }
}

/// One file; a wrong line never stops an app, so a file that is no keyfile counts as empty, and says so.
fn read_context(dir: &Dir, name: &str, problems: &mut Vec<String>) -> Result<Context> {
    let path = Path::new("overrides").join(name);
    let text = match dir.read_to_string(&path, 1 << 20) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => return Ok(Context::default()),
        Err(error) => return Err(error.into()),
    };
    let file = match Keyfile::parse(&text) {
        Ok(file) => file,
        Err(error) => {
            problems.push(format!("overrides/{name}: {error}"));
            return Ok(Context::default());
        }
    };
    let (context, errors) = Context::from_keyfile(&file);
    problems.extend(errors.iter().map(|error: &ContextError| format!("overrides/{name}: {error}")));
    Ok(context)
}

/// The permissions of an app before the command line: the runtime's, the app's as far as they were granted, then the overrides of the other
/// installations and of the user's own, each first for all apps and then for this one.
///
/// The second value holds lines of overrides that were left out because they are wrong.
/// # Errors
/// When an override or grant cannot be read.
///
/// Source: `flatpak-override(1)` for the order; what was granted is ours (`docs/decisions`).
pub fn effective_context(
    installations: &Installations,
    home: &Installation,
    app: &Metadata,
    runtime: &Metadata,
) -> Result<(Context, Vec<String>)> {
    let mut context = runtime.context.clone();
    let asked = match home.grant(&app.id)? {
        Some(grant) => grant.limit(&app.context),
        None => app.context.clone(),
    };
    context.lay_over(&asked);
    let mut problems = Vec::new();
    // The user's own installation comes first in the list and must be laid on last.
    let mut layers: Vec<&Installation> = installations.iter().collect();
    layers.reverse();
    for installation in layers {
        let overrides = installation.overrides(&app.id)?;
        context.lay_over(&overrides.global);
        context.lay_over(&overrides.app);
        problems.extend(overrides.problems);
    }
    Ok((context, problems))
}
