//! `aril repair`.

use super::{ChangeArgs, ScopeArgs};

const EXAMPLES: &str = "\
Examples:
  aril repair --dry-run                    Look, and change nothing
  aril repair                              Mend what is damaged";

/// The options of `repair`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Repair {
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How it is confirmed.
    #[command(flatten)]
    pub change: ChangeArgs,
}
