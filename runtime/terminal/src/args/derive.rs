//! `aril-change derive`, which the launcher starts when the caches of an app are missing. Not for people.

use aril_model::Ref;

use super::ScopeArgs;

/// The options of `derive`.
#[derive(Debug, clap::Args)]
pub struct Derive {
    /// Which app, by its whole ref
    #[arg(value_name = "REF")]
    pub reference: Ref,
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
}
