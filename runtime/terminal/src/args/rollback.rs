//! `aril rollback`.

use aril_model::PartialRef;

use super::{ChangeArgs, ScopeArgs};

const EXAMPLES: &str = "\
Examples:
  aril rollback org.gnome.Calculator       To the version before the last update
  aril rollback org.gnome.Calculator 3f9a  To one that is kept";

/// The options of `rollback`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Rollback {
    /// Which app or runtime
    #[arg(value_name = "NAME")]
    pub name: PartialRef,
    /// The commit to go to, or its beginning; the one before the active one, if none is named
    #[arg(value_name = "COMMIT")]
    pub commit: Option<String>,
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How it is confirmed.
    #[command(flatten)]
    pub change: ChangeArgs,
}
