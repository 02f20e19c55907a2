//! `aril build runtime`, when the runtime is to be installed.

use aril_terminal::args::{BuildRuntime, ScopeArgs};
use aril_terminal::{Failure, Terminal};
use aril_transaction::{InstallOptions, Planner, Wanted};

use super::carry_out;
use crate::environment::Environment;

pub(crate) fn runtime(
    args: &BuildRuntime,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<(), Failure> {
    if args.repo.is_some() {
        return Err(Failure::usage("with --repo nothing is installed")
            .with_hint("`aril build runtime --repo` does it"));
    }
    let Some(manifest) = &args.manifest else {
        return Err(Failure::usage("no manifest is given"));
    };
    let manifest = std::path::absolute(manifest)
        .map_err(|error| Failure::new(format!("cannot find '{}': {error}", manifest.display())))?;
    let scope = if args.place.system { ScopeArgs::system() } else { ScopeArgs::default() };
    let (at, host) = environment.open(&scope, terminal)?;
    let wanted = [Wanted::Runtime(args.from.clone(), manifest)];
    let plan = Planner::new(&at, &host).install(&wanted, &InstallOptions::default())?;
    carry_out(plan, &at, &host, terminal, args.change)
}
