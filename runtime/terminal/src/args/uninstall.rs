//! `aril uninstall`.

use aril_model::{Arch, PartialRef};

use super::{ChangeArgs, ScopeArgs};

const EXAMPLES: &str = "\
Examples:
  aril uninstall org.gnome.Calculator      The app; its data in your home stays
  aril uninstall --unused                  Runtimes that no app needs any more";

/// The options of `uninstall`.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES)]
pub struct Uninstall {
    /// What to remove
    #[arg(value_name = "NAME", required_unless_present_any = ["all", "unused"])]
    pub names: Vec<PartialRef>,
    /// Remove everything
    #[arg(long, conflicts_with_all = ["names", "unused"])]
    pub all: bool,
    /// Remove runtimes and extensions that nothing needs
    #[arg(long, conflicts_with = "names")]
    pub unused: bool,
    /// Remove what the app kept in your home, too: ~/.var/app/ID
    #[arg(long)]
    pub delete_data: bool,
    /// Remove it even while it runs
    #[arg(long)]
    pub force_remove: bool,
    /// Look for this architecture only
    #[arg(long)]
    pub arch: Option<Arch>,
    /// Look for apps only
    #[arg(long, conflicts_with = "runtime")]
    pub app: bool,
    /// Look for runtimes only
    #[arg(long)]
    pub runtime: bool,
    /// Whose installation.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How it is confirmed.
    #[command(flatten)]
    pub change: ChangeArgs,
}
