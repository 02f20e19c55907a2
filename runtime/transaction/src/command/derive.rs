//! `aril-change derive`, for the launcher.

use aril_model::PartialRef;
use aril_terminal::args::Derive;
use aril_terminal::{Failure, Terminal};

use crate::environment::Environment;

pub(crate) fn derive(args: &Derive, terminal: &Terminal, environment: &Environment) -> Result<(), Failure> {
    let reference = &args.reference;
    let name = PartialRef {
        kind: Some(reference.kind),
        name: reference.id.to_string(),
        arch: Some(reference.arch.clone()),
        branch: Some(reference.branch.clone()),
    };
    let (at, host) = environment.open_with(&args.scope, &[name], terminal)?;
    for note in aril_transaction::derive_missing(&at, &host, reference)? {
        terminal.warn(&note);
    }
    Ok(())
}
