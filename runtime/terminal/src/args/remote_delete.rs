//! `aril remote-delete`.

use aril_model::RemoteName;

use super::{ChangeArgs, ScopeArgs};

const EXAMPLES: &str = "\
Examples:
  aril remote-delete vendor                Refused while it is in use
  aril remote-delete --force vendor        What is installed stays as it is";

/// The options of `remote-delete`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct RemoteDelete {
    /// Which remote
    #[arg(value_name = "NAME")]
    pub name: RemoteName,
    /// Remove it even if something from it is installed
    #[arg(long)]
    pub force: bool,
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How it is confirmed.
    #[command(flatten)]
    pub change: ChangeArgs,
}
