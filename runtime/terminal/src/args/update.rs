//! `aril update`.

use aril_model::{Arch, PartialRef};

use super::{ChangeArgs, ScopeArgs};

const EXAMPLES: &str = "\
Examples:
  aril update                              Everything
  aril update org.gnome.Calculator         One app, and its runtime
  aril update --dry-run                    Show what would come";

/// The options of `update`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Update {
    /// What to update; everything, if nothing is named
    #[arg(value_name = "NAME")]
    pub names: Vec<PartialRef>,
    /// Go to this commit of the one that is named, be it older
    #[arg(long, value_name = "COMMIT", requires = "names")]
    pub commit: Option<String>,
    /// Look for this architecture only
    #[arg(long)]
    pub arch: Option<Arch>,
    /// Look for apps only
    #[arg(long, conflicts_with = "runtime")]
    pub app: bool,
    /// Look for runtimes only
    #[arg(long)]
    pub runtime: bool,
    /// Do not update the runtime that an app needs
    #[arg(long)]
    pub no_deps: bool,
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How it is confirmed.
    #[command(flatten)]
    pub change: ChangeArgs,
}
